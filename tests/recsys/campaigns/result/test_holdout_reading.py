"""Hold-out of the shop: 300 customers, who spend 10 more in the quarter where campaigns could write to them."""

from pathlib import Path

import numpy as np
import pytest

from recsys.campaigns.result.holdout_reading import quarter_window, read_holdout
from recsys.campaigns.settings import CampaignSettings
from recsys.data.events import Event, Kind
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadInput, NotEnoughData
from recsys.inference.randomization import N_BUCKETS, buckets_of
from recsys.time_units import DAY_MS

N, SHARE, LIFT = 300, 0.3, 10.0
SETTINGS = CampaignSettings(holdout_share=SHARE, time_zone="Europe/Berlin")
WINDOW = quarter_window("2018-Q1", SETTINGS)
IDS = [f"u{n:03}" for n in range(N)]
HELD = buckets_of(SETTINGS.holdout_key(WINDOW.start_ms), IDS) < SHARE * N_BUCKETS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home, rng = tmp_path_factory.mktemp("holdout"), np.random.default_rng(3)
    (home / "recsys.toml").write_text(f'[campaigns]\nholdout_share = {SHARE}\ntime_zone = "Europe/Berlin"\n')
    store, weeks = open_store(home, None), (WINDOW.end_ms - WINDOW.before_ms) // (14 * DAY_MS)
    events = []
    for user in range(N):
        for week in range(weeks):
            at_ms = WINDOW.before_ms + week * 14 * DAY_MS + user
            more = LIFT if 0 <= at_ms - WINDOW.start_ms < 14 * DAY_MS and not HELD[user] else 0.0
            price = 20 + user % 30 + more + float(rng.normal(0, 1))
            events.append(Event(f"{user}-{week}", IDS[user], "tea", Kind.PURCHASE, at_ms, price=price))
    events.append(Event("end", IDS[0], "tea", Kind.VIEW, WINDOW.end_ms))
    store.append(events)
    held = np.flatnonzero(HELD)[:25].tolist()
    store.add_facts(
        [Fact(f"m{n}", IDS[n], FactKind.MESSAGE, WINDOW.start_ms + DAY_MS, None, "sent", "other") for n in held]
    )
    store.close()
    return home


@pytest.fixture
def store(home: Path) -> Store:
    return open_store(home, None)


def test_all_campaigns_of_a_quarter_are_read_against_the_hold_out(home: Path, store: Store) -> None:
    result = read_holdout(store, home / "recsys.toml", "2018-Q1", WINDOW.end_ms)
    effect = result.effects["cuped"]
    assert (result.n_treated, result.n_control) == (int((~HELD).sum()), int(HELD.sum()))
    assert effect.is_clear
    assert effect.low < LIFT < effect.high
    assert result.verdict.startswith("All campaigns of 2018-Q1 together earned ")
    assert result.left_out[0].startswith("25 of the hold-out got messages all the same")


@pytest.mark.parametrize(
    ("quarter", "words", "error"), [("2018-Q2", "it is read on", NotEnoughData), ("spring", "write it as", BadInput)]
)
def test_a_quarter_that_goes_on_or_is_none_is_refused(
    home: Path, store: Store, quarter: str, words: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=words):
        read_holdout(store, home / "recsys.toml", quarter, WINDOW.end_ms)


def test_without_a_hold_out_nothing_can_be_read(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text("[campaigns]\nholdout_share = 0\n")
    with pytest.raises(NotEnoughData, match="holdout_share is 0"):
        read_holdout(store, file, "2018-Q1", WINDOW.end_ms + DAY_MS)


def test_a_quarter_begins_by_the_clock_of_the_campaigns() -> None:
    last = quarter_window("2017-Q4", SETTINGS)
    assert last.end_ms == WINDOW.start_ms == 1_514_764_800_000 - 3_600_000
    assert (last.end_ms - last.start_ms) / DAY_MS == 92 + 1 / 24, "the hour of October that comes twice"

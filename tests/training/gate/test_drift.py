"""Bands of what is usual are learnt from the runs so far, and what leaves them is named."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from recsys.data.dataset.snapshot import Snapshot
from recsys.gate.verdict import GateVerdict, Outcome
from recsys.testing import NOW
from recsys.time_units import DAY_MS
from training.gate.drift import concentration, drift_of_counts, drift_of_repeat_share, learn_bands, newest_events

FACTS = {
    "customers": 1_000.0,
    "items": 500.0,
    "events": 50_000.0,
    "days": 365.0,
    "repeat_share": 0.4,
    "judges": 1_000.0,
    "top_user": 0.002,
    "top_item": 0.01,
}


def runs(events: Sequence[float], outcome: Outcome = "promoted") -> list[GateVerdict]:
    return [
        GateVerdict(
            version=f"v{at:02}", champion=None, outcome=outcome, judged_at_ms=at, checks=[], facts=FACTS | {"events": n}
        )
        for at, n in enumerate(events)
    ]


def result_of(new: dict[str, float], live: dict[str, float] = FACTS, default: float = 0.3) -> dict[str, str]:
    return {check.name: check.result for check in drift_of_counts(new, live, learn_bands([], default))}


def test_half_the_events_leave_the_band_and_a_tenth_more_do_not() -> None:
    assert result_of(FACTS | {"events": 25_000.0})["drift of events"] == "failed"
    assert result_of(FACTS | {"events": 55_000.0})["drift of events"] == "passed"
    assert result_of(FACTS | {"events": 80_000.0})["drift of events"] == "failed"


def test_a_young_log_may_grow_as_its_span_of_time_does() -> None:
    second_day = FACTS | {"events": 100_000.0, "days": 2.0}
    assert result_of(second_day, FACTS | {"days": 1.0})["drift of events"] == "passed"
    assert result_of(second_day, FACTS | {"days": 2.0})["drift of events"] == "failed"


def test_bands_narrow_to_twice_the_changes_of_a_steady_shop_but_not_below_a_tenth() -> None:
    steady = learn_bands(runs([50_000 * 1.01**at for at in range(12)]), 0.3)
    lively = learn_bands(runs([50_000, 55_000] * 6), 0.3)
    assert steady["events"] == pytest.approx(0.1)
    assert lively["events"] == pytest.approx(0.2)


def test_bands_widen_only_as_far_as_somebody_forced_a_release() -> None:
    forced = runs([50_000 * 1.01**at for at in range(12)] + [90_000], "forced")
    refused = runs([50_000 * 1.01**at for at in range(12)]) + runs([90_000], "rejected")
    assert learn_bands(forced, 0.3)["events"] > 0.5
    assert learn_bands(refused, 0.3)["events"] == pytest.approx(0.1)


def test_few_runs_say_nothing_about_what_is_usual() -> None:
    assert learn_bands(runs([50_000] * 8), 0.3)["events"] == 0.3


def test_a_repeat_share_of_few_customers_may_change_by_chance() -> None:
    bands = learn_bands([], 0.3)
    lower = FACTS | {"repeat_share": 0.2}
    assert drift_of_repeat_share(lower, FACTS, bands).result == "failed"
    few = {"judges": 40.0}
    assert drift_of_repeat_share(lower | few, FACTS | few, bands).result == "passed"


def test_one_customer_with_a_tenth_of_the_log_is_noticed() -> None:
    results = {check.name: check.result for check in concentration(FACTS | {"top_user": 0.1}, FACTS)}
    assert results == {"one customer": "failed", "one item": "passed"}


def log_of(n_by_day: Sequence[int]) -> Snapshot:
    """So many events a day, the last day ending at NOW."""
    days = NOW - len(n_by_day) + np.repeat(np.arange(len(n_by_day)), n_by_day)
    within = np.concatenate([np.arange(1, n + 1) / n for n in n_by_day])
    return Snapshot(pl.DataFrame({"at_ms": np.round((days + within) * DAY_MS).astype(np.int64)}), [], 1, 1)


def test_half_of_the_last_import_is_missed_beside_the_same_weekdays() -> None:
    week = [400, 100, 400, 400, 400, 400, 400]
    usual, half = (
        newest_events(log_of(week * 6), NOW - 1, 0.3),
        newest_events(log_of([*week * 5, *week[:-1], 200]), NOW - 1, 0.3),
    )
    assert usual is not None
    assert half is not None
    assert (usual.result, half.result) == ("passed", "failed")


def test_a_day_that_is_always_quiet_is_not_refused() -> None:
    quiet_last = [400, 400, 400, 400, 400, 400, 100]
    check = newest_events(log_of(quiet_last * 6), NOW - 1, 0.3)
    assert check is not None
    assert check.result == "passed"


def test_a_few_hours_or_a_small_log_tell_nothing() -> None:
    assert newest_events(log_of([400] * 42), NOW - 0.1, 0.3) is None
    assert newest_events(log_of([10] * 42), NOW - 1, 0.3) is None

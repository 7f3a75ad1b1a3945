"""Outcomes of both arms: lists, clicks and purchases of the customers who got the release of their arm."""

from contextlib import closing
from pathlib import Path

import orjson
import pytest

from recsys.canary.counters import ArmCount
from recsys.canary.split import bucket_of
from recsys.canary.state import Canary
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer
from recsys.data.events import KIND_BY_NAME, Event
from recsys.data.store.open import open_store
from training.canary.outcomes import read_outcomes

BEGAN_MS = 1_700_000_000_000
CANARY = Canary(version="v2", champion="v1", share=50, hours=24, began_at_ms=BEGAN_MS)
USERS = [f"user-{n}" for n in range(40)]
INSIDE = [user for user in USERS if bucket_of(user, "v2") < CANARY.n_buckets]
OUTSIDE = [user for user in USERS if user not in INSIDE]


def answer(user: str | None, version: str, at_ms: int, n: int) -> LoggedAnswer:
    item = {"item_id": "tea", "rank": 1, "source": "als", "score": 1.0}
    body = {"items": [item], "placement": "home", "model_version": version, "fallback": "personal"}
    return LoggedAnswer(f"r-{user}-{n}", at_ms, user, orjson.dumps(body))


def event(user: str, kind: str, n: int, at_ms: int) -> Event:
    return Event(f"{user}-{kind}-{n}", user, "tea", KIND_BY_NAME[kind], at_ms, request_id=f"r-{user}-{n}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two lists for each customer of the right arm, two customers of each arm clicked, one bought; and noise."""
    shown = [answer(user, "v2" if user in INSIDE else "v1", BEGAN_MS + 10 * n, n) for user in USERS for n in (1, 2)]
    noise = [
        answer(None, "v1", BEGAN_MS + 5, 7),  # a visitor
        answer(INSIDE[0], "v1", BEGAN_MS + 5, 8),  # before they were merged into somebody of the canary, say
        answer(OUTSIDE[0], "v1", BEGAN_MS - 5, 9),  # before it began
        answer(OUTSIDE[0], "v0", BEGAN_MS + 5, 10),
    ]
    with closing(AnswerLog(tmp_path / ANSWER_LOG_FILE)) as log:
        log.append([*shown, *noise])
    with closing(open_store(tmp_path, None)) as store:
        clicks = [event(user, "click", n, BEGAN_MS + 30 + n) for user in (*INSIDE[:2], *OUTSIDE[:2]) for n in (1, 2)]
        store.append(
            [*clicks, event(INSIDE[0], "purchase", 1, BEGAN_MS + 40), event(OUTSIDE[0], "click", 9, BEGAN_MS + 50)]
        )
    return tmp_path


def test_lists_clicks_and_purchases_are_counted_by_arm_and_customer(home: Path) -> None:
    with closing(open_store(home, None)) as store:
        outcomes = read_outcomes(store, home, CANARY, BEGAN_MS + 1_000)
    assert (outcomes.canary.n_lists, outcomes.live.n_lists) == (2 * len(INSIDE), 2 * len(OUTSIDE))
    assert outcomes.customers("clicked") == (ArmCount(len(INSIDE), 2), ArmCount(len(OUTSIDE), 2))
    assert outcomes.customers("bought") == (ArmCount(len(INSIDE), 1), ArmCount(len(OUTSIDE), 0))
    clicks = outcomes.canary.per_list["clicked"]
    assert clicks.mean == pytest.approx(4 / (2 * len(INSIDE)))
    assert clicks.low < clicks.mean < clicks.high


def test_without_an_answer_log_there_is_nothing(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, None)) as store:
        outcomes = read_outcomes(store, tmp_path, CANARY, BEGAN_MS + 1_000)
    assert outcomes.customers("clicked") == (ArmCount(0, 0), ArmCount(0, 0))
    assert outcomes.canary.per_list == {}

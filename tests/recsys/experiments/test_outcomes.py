"""Outcomes of an experiment: what customers did since their first answer in it, and who is left out."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer
from recsys.data.entities import Item
from recsys.data.events import KIND_BY_NAME, Event
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadInput
from recsys.experiments.definition import ExperimentPlan, Variant
from recsys.experiments.outcomes import ExperimentLog, answer_logs, outcomes_at, read_log
from recsys.experiments.split import arm_of, customer_bucket
from recsys.experiments.state import Experiment
from recsys.experiments.verdict import read_result
from recsys.time_units import DAY_MS

BEGAN = 1_700_000_000_000
PLAN = ExperimentPlan(id="e1", b=Variant(blend={"als": 1.0}), days=4, looks=4)
EXPERIMENT = Experiment(plan=PLAN, salt="salt", began_at_ms=BEGAN)
USERS = [f"user-{n:03}" for n in range(200)]
END = BEGAN + 5 * DAY_MS


def own_arm(user: str) -> str:
    return str(arm_of(EXPERIMENT, customer_bucket(EXPERIMENT, user)))


def answer(user: str, arm: str | None, n: int = 0, at_ms: int = BEGAN + 1_000) -> LoggedAnswer:
    item = {"item_id": "tea", "rank": 1, "source": "als", "score": 1.0}
    body = {"items": [item], "placement": "home", "model_version": "v1", "fallback": "personal"}
    label = {"experiment": {"id": "e1", "arm": arm}} if arm is not None else {}
    return LoggedAnswer(f"r-{user}-{n}", at_ms, user, orjson.dumps(label | body))


def event(user: str, kind: str, at_ms: int, price: float | None = None) -> Event:
    request = f"r-{user}-0" if kind == "click" else None
    return Event(f"{user}-{kind}-{at_ms}", user, "tea", KIND_BY_NAME[kind], at_ms, 1.0, price, request_id=request)


def _done(user: str, extra: float) -> list[Event]:
    return [
        event(user, "purchase", BEGAN - DAY_MS, 5.0),
        event(user, "purchase", BEGAN + 500, 100.0),  # before the first answer
        event(user, "click", BEGAN + 2_000),
        event(user, "purchase", BEGAN + 3_000, (13.0 if own_arm(user) == "B" else 10.0) + extra),
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each customer spends 10 in A and 13 in B, and spent 5 before; the noise of each is the same in both arms."""
    home = tmp_path_factory.mktemp("experiment")
    noise = np.random.default_rng(0).normal(0, 2, len(USERS))
    with closing(AnswerLog(home / ANSWER_LOG_FILE)) as log:
        log.append([answer(user, own_arm(user)) for user in USERS])
        log.append([answer("mixed", "A"), answer("mixed", "B", 1), answer("nobody", None)])
    with closing(open_store(home, None)) as store:
        store.put_items([Item("tea", cost=4.0)])
        store.append([each for user, extra in zip(USERS, noise, strict=True) for each in _done(user, float(extra))])
    return home


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[Store]:
    with closing(open_store(home, None)) as store:
        yield store


def test_money_orders_margin_and_clicks_count_from_the_first_answer_on(home: Path, store: Store) -> None:
    outcomes = outcomes_at(read_log(store, [home / ANSWER_LOG_FILE], EXPERIMENT, END), EXPERIMENT, END)
    is_b, by_measure = outcomes.is_b, outcomes.by_measure
    assert len(is_b) == len(USERS)
    assert list(is_b) == [own_arm(user) == "B" for user in USERS]
    assert by_measure["money"][is_b].mean() == pytest.approx(13.0, abs=0.6)
    np.testing.assert_allclose(by_measure["margin"], by_measure["money"] - 4.0)
    np.testing.assert_allclose(by_measure["clicks"], 1.0)
    np.testing.assert_allclose(by_measure["orders"], 1.0)
    np.testing.assert_allclose(outcomes.before, 5.0)


def test_customers_who_saw_both_arms_are_left_out_and_counted(home: Path, store: Store) -> None:
    assert read_log(store, [home / ANSWER_LOG_FILE], EXPERIMENT, END).n_left_out == 1


def test_two_customers_who_are_merged_count_once_or_not_at_all_where_they_saw_both_arms(tmp_path: Path) -> None:
    of_a, of_b = ([user for user in USERS if own_arm(user) == arm][:4] for arm in "AB")
    with closing(AnswerLog(tmp_path / ANSWER_LOG_FILE)) as log, closing(open_store(tmp_path, None)) as store:
        log.append([answer(user, own_arm(user)) for user in (*of_a, *of_b)])
        store.append([each for user in (*of_a, *of_b) for each in _done(user, 0.0)])
        store.merge_users(of_a[0], of_b[0])
        store.merge_users(of_b[1], of_b[2])
        shown = read_log(store, [tmp_path / ANSWER_LOG_FILE], EXPERIMENT, END)
        outcomes = outcomes_at(shown, EXPERIMENT, END)
    assert shown.n_left_out == 1
    assert sorted(outcomes.by_measure["money"].tolist()) == [10.0, 10.0, 10.0, 13.0, 26.0]


def test_a_clock_before_the_start_has_no_result_and_decides_nothing(home: Path, store: Store) -> None:
    log = read_log(store, [home / ANSWER_LOG_FILE], EXPERIMENT, BEGAN - 365 * DAY_MS)
    result = read_result(log, EXPERIMENT, BEGAN - 365 * DAY_MS, least=20)
    assert (result.n_a, result.n_b, result.decision, result.looks) == (0, 0, "go_on", ())


def test_nothing_after_the_cut_counts(home: Path, store: Store) -> None:
    outcomes = outcomes_at(read_log(store, [home / ANSWER_LOG_FILE], EXPERIMENT, END), EXPERIMENT, BEGAN + 2_500)
    assert not outcomes.by_measure["money"].any()
    assert outcomes.by_measure["clicks"].all()


def test_the_verdict_says_that_b_is_better_and_by_how_much(home: Path, store: Store) -> None:
    log = read_log(store, [home / ANSWER_LOG_FILE], EXPERIMENT, END)
    result = read_result(log, EXPERIMENT, END, least=20)
    assert result.decision == "b"
    assert result.verdict.startswith("stop: B is better by ")
    assert result.looks[-1].number == 1
    orjson.dumps(result.as_data())


def test_before_the_first_look_the_verdict_is_to_go_on(home: Path, store: Store) -> None:
    log = read_log(store, [home / ANSWER_LOG_FILE], EXPERIMENT, BEGAN + DAY_MS // 2)
    result = read_result(log, EXPERIMENT, BEGAN + DAY_MS // 2, least=20)
    assert result.decision == "go_on"
    assert result.verdict.startswith("go on: not enough yet, about ")


def test_arms_of_another_size_than_drawn_break_the_result(home: Path, store: Store) -> None:
    log = read_log(store, [home / ANSWER_LOG_FILE], EXPERIMENT, END)
    lost = [user for user in USERS if own_arm(user) == "B"][10:]
    result = read_result(_without(log, lost), EXPERIMENT, END, least=5)
    assert result.decision == "broken"
    assert "not 50/50" in result.verdict


def _without(log: ExperimentLog, lost: list[str]) -> ExperimentLog:
    return replace(log, shown=log.shown.filter(~pl.col("user_id").is_in(lost)))


def test_of_few_customers_no_figure_is_shown(home: Path, store: Store) -> None:
    result = read_result(read_log(store, [home / ANSWER_LOG_FILE], EXPERIMENT, END), EXPERIMENT, END, least=1_000)
    assert result.effects == {}
    assert result.looks == ()
    assert result.decision == "go_on"


def test_without_an_answer_log_nothing_is_known(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, None)) as store:
        log = read_log(store, answer_logs(tmp_path, []), EXPERIMENT, END)
    assert read_result(log, EXPERIMENT, END, least=20).n_a == 0


def test_answers_of_two_hosts_are_read_together_and_each_counts_once(home: Path, tmp_path: Path) -> None:
    with closing(AnswerLog(tmp_path / ANSWER_LOG_FILE)) as log:
        log.append([answer(user, own_arm(user)) for user in USERS[:50]])  # the same requests again
        log.append([answer("elsewhere", own_arm("elsewhere"))])
    logs = answer_logs(home, [tmp_path / ANSWER_LOG_FILE, home / ANSWER_LOG_FILE])
    assert len(logs) == 2
    with closing(open_store(home, None)) as store:
        both = read_log(store, logs, EXPERIMENT, END)
        alone = read_log(store, answer_logs(home, []), EXPERIMENT, END)
    assert set(both.shown["user_id"]) == {*alone.shown["user_id"], "elsewhere"}
    assert len(both.shown) == len(alone.shown) + 1
    with pytest.raises(BadInput, match=r"copy shown\.db from the home of the other host"):
        answer_logs(home, [tmp_path / "none.db"])

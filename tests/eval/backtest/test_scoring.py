"""Figures over several windows agree with counting by hand, and verdicts name the groups a list is worse for."""

from dataclasses import replace

import numpy as np
import pytest

from eval.backtest.contenders import CandidateSet, ModelLists
from eval.backtest.held_out_users import HeldOutUsers
from eval.backtest.results import ListKind, ListSummary, TaskResult
from eval.backtest.scoring import WindowRun, score_tasks
from eval.metrics.held_back import build_held_back
from eval.metrics.ranked_lists import RankedLists
from eval.protocol import BEST_SELLERS, OWN_FREQUENCY, SMALL_GROUP
from eval.stats.paired import compare
from recsys.customers.population import MIN_GROUP

N = 240
K = 4


def held_out_users(user_ids: list[str]) -> HeldOutUsers:
    """Customer q buys items 0 and 1; item 0 they had before, item 1 is new to them."""
    q = np.arange(len(user_ids), dtype=np.int32)
    customer, item = np.repeat(q, 2), np.tile(np.array([0, 1], np.int32), len(q))
    held_back = build_held_back(customer, item, np.tile([3.0, 1.0], len(q)), n_customers=len(q))
    return HeldOutUsers(user_ids, q.tolist(), held_back, item == 1, None, {})


def model_lists(kind: ListKind, hits: np.ndarray) -> ModelLists:
    """Lists that show item 0 to those with a hit, and nothing of use to the others."""
    item = np.where(hits[:, None], np.array([0, 7, 8, 9]), np.array([6, 7, 8, 9])).astype(np.int32)
    return ModelLists(kind, RankedLists(item, np.full(len(hits), K, np.int32)), None)


def window_run(lists: dict[str, np.ndarray], labels: list[str | None], user_ids: list[str] | None = None) -> WindowRun:
    names = user_ids or [f"u{at:03}" for at in range(len(labels))]
    kinds: dict[str, ListKind] = {BEST_SELLERS: "baseline", OWN_FREQUENCY: "baseline"}
    shown = {name: model_lists(kinds.get(name, "model"), hits) for name, hits in lists.items()}
    ranges: tuple[CandidateSet, ...] = ("all", "new")
    shelf = {name: {"coverage": 0.5} for name in lists}
    slices = {"activity": labels}
    return WindowRun(held_out_users(names), dict.fromkeys(ranges, shown), dict.fromkeys(ranges, shelf), slices)


def hits(share: float, seed: int, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).random(n) < share


def task_of(runs: list[WindowRun], name: str = "all") -> TaskResult:
    return next(task for task in score_tasks(runs, K, seed=0) if task.name == name)


def line_of(task: TaskResult, name: str) -> ListSummary:
    return next(line for line in task.lines if line.name == name)


NOBODY: list[str | None] = [None] * N


def test_the_mean_over_windows_counts_every_customer_of_every_window() -> None:
    first = window_run({BEST_SELLERS: hits(0.2, 1), "als": hits(0.5, 2)}, NOBODY)
    ids = [f"u{at:03}" for at in range(60)]
    second = window_run({BEST_SELLERS: hits(0.2, 3, 60), "als": hits(0.9, 4, 60)}, NOBODY[:60], ids)
    line = line_of(task_of([first, second]), "als")
    expected = (hits(0.5, 2).sum() + hits(0.9, 4, 60).sum()) / (N + 60) / K
    assert line.pooled.metrics["precision@4"].mean == pytest.approx(expected)
    assert [window.metrics["precision@4"].mean * K for window in line.windows] == pytest.approx(
        [hits(0.5, 2).mean(), hits(0.9, 4, 60).mean()]
    )
    assert line.pooled.n_customers == N
    assert [window.n_customers for window in line.windows] == [N, 60]


def test_one_window_alone_is_compared_as_two_lists_are_anywhere() -> None:
    ours, theirs = hits(0.5, 2), hits(0.3, 3)
    line = line_of(task_of([window_run({BEST_SELLERS: theirs, "als": ours}, NOBODY)]), "als")
    best = 1.0 + 1 / np.log2(3)
    expected = compare(ours / best, theirs / best, rng=np.random.default_rng(1))
    comparison = line.pooled.against[BEST_SELLERS]
    assert (comparison.challenger, comparison.champion) == pytest.approx((expected.challenger, expected.champion))
    assert (comparison.low, comparison.high) == pytest.approx((expected.low, expected.high), abs=0.01)
    assert line.windows[0].against[BEST_SELLERS] == comparison


def test_repeats_and_new_things_are_judged_apart() -> None:
    """The lists find only item 0, which everybody had before."""
    runs = [window_run({BEST_SELLERS: hits(0.2, 1), "als": np.ones(N, bool)}, NOBODY)]
    recalls = {task.name: line_of(task, "als").pooled.metrics["recall@4"].mean for task in score_tasks(runs, K, seed=0)}
    assert recalls == {"all": 0.5, "repeat": 1.0, "new": 0.0}


def test_money_is_weighed_and_margin_where_it_is_known() -> None:
    plain = window_run({BEST_SELLERS: hits(0.2, 1), "als": np.ones(N, bool)}, NOBODY)
    held_back = plain.held_out.held_back
    earned = replace(held_back, value=np.where(held_back.item == 0, 1.0, 9.0))
    line = line_of(task_of([replace(plain, held_out=replace(plain.held_out, margin=earned))]), "als")
    assert line.pooled.metrics["revenue_recall@4"].mean == 0.75
    assert line.pooled.metrics["margin_recall@4"].mean == pytest.approx(0.1)
    assert "margin_recall@4" not in line_of(task_of([plain]), "als").pooled.metrics


def test_the_verdict_names_the_group_it_is_worse_for() -> None:
    """Better for three quarters of the customers, worse for the light quarter."""
    is_light = np.arange(N) % 4 == 0
    labels: list[str | None] = ["light" if light else "heavy" for light in is_light]
    ours, theirs = np.where(is_light, hits(0.1, 1), hits(0.9, 2)), np.where(is_light, hits(0.6, 3), hits(0.3, 4))
    line = line_of(task_of([window_run({BEST_SELLERS: theirs, "als": ours}, labels)]), "als")
    assert line.verdicts[BEST_SELLERS].startswith("better by ")
    assert line.verdicts[BEST_SELLERS].endswith("; worse for light buyers")


def test_no_group_below_20_is_shown_and_below_100_it_is_marked() -> None:
    labels: list[str | None] = [*["light"] * (MIN_GROUP - 1), *["medium"] * MIN_GROUP, *["heavy"] * SMALL_GROUP]
    labels += [None] * (N - len(labels))
    groups = line_of(task_of([window_run({BEST_SELLERS: hits(0.2, 1), "als": hits(0.5, 2)}, labels)]), "als").groups
    assert {group.name: (group.result.n_customers, group.is_small) for group in groups} == {
        "medium": (MIN_GROUP, True),
        "heavy": (SMALL_GROUP, False),
    }


def test_a_group_is_as_many_customers_as_there_are_and_not_as_many_as_windows_times() -> None:
    labels: list[str | None] = [*["light"] * 12, *[None] * (N - 12)]
    run = window_run({BEST_SELLERS: hits(0.2, 1), "als": hits(0.5, 2)}, labels)
    assert line_of(task_of([run, run, run]), "als").groups == []


def test_many_lists_by_luck_are_not_believed_and_one_that_is_ahead_is() -> None:
    """Thirty lists as good as the best-sellers, each with its own luck: alone some would pass for better."""
    lists = {BEST_SELLERS: hits(0.3, 0)} | {f"luck-{at}": hits(0.3, 100 + at) for at in range(30)}
    task = task_of([window_run({**lists, "als": hits(0.6, 50)}, NOBODY)])
    comparisons = {line.name: line.pooled.against[BEST_SELLERS] for line in task.lines if line.kind == "model"}
    alone = [name for name, comparison in comparisons.items() if comparison.p <= 0.05 and name != "als"]
    assert alone
    assert [name for name, comparison in comparisons.items() if comparison.verdict == "better"] == ["als"]
    assert all(comparison.p_holm >= comparison.p for comparison in comparisons.values())


def test_a_list_that_one_window_lacks_is_left_out() -> None:
    both = window_run({BEST_SELLERS: hits(0.2, 1), "als": hits(0.5, 2), "ease": hits(0.5, 3)}, NOBODY)
    without = window_run({BEST_SELLERS: hits(0.2, 1), "als": hits(0.5, 2)}, NOBODY)
    assert [line.name for line in task_of([both, without]).lines] == [BEST_SELLERS, "als"]

"""The tables of a backtest fit a terminal, and its data fits JSON."""

from io import StringIO

import orjson
import pytest
from rich.console import Console

from eval.backtest.results import Evaluation, ListSummary, TaskResult, WindowFacts
from eval.backtest.table import as_data, rendered
from eval.protocol import BEST_SELLERS, OWN_FREQUENCY
from eval.scoring.scorer import GroupResult, Result
from eval.stats.bootstrap import Estimate
from eval.stats.paired import Comparison

METRICS = ("ndcg", "precision", "recall", "hit", "revenue_recall")


def result(mean: float, against: dict[str, Comparison]) -> Result:
    return Result(400, {f"{name}@10": Estimate(mean, mean - 0.01, mean + 0.01) for name in METRICS}, against)


def line(name: str, mean: float, *, is_baseline: bool = False) -> ListSummary:
    ahead = (
        {}
        if is_baseline
        else {
            baseline: Comparison(mean, 0.2, 0.05, 0.1, 400, 0.001, 0.004) for baseline in (BEST_SELLERS, OWN_FREQUENCY)
        }
    )
    pooled = result(mean, ahead)
    return ListSummary(
        name=name,
        kind="baseline" if is_baseline else "placement",
        pooled=pooled,
        windows=[pooled, pooled, pooled],
        groups=[GroupResult("activity", "light", False, pooled)],
        shelf={"coverage": 0.08, "stability": float("nan")},
        verdicts=dict.fromkeys(ahead, "better by 25-50 %; worse for light buyers"),
    )


@pytest.fixture
def evaluation() -> Evaluation:
    """Three windows, two lists."""
    window = WindowFacts(
        17_505.0, 17_533.0, 400, 92_200, 9_000, 0.42, {"als": 1.0}, "the last 28 days", 99.0, {"customers not drawn": 3}
    )
    lines = [line(BEST_SELLERS, 0.2, is_baseline=True), line("user_neighbours", 0.275)]
    return Evaluation("abc", {}, 10, [window] * 3, [TaskResult("all", lines, 400)], ["A note."], {})


def shown(evaluation: Evaluation) -> str:
    console = Console(width=80, file=StringIO())
    with console.capture() as printed:
        console.print(rendered(evaluation))
    return printed.get()


def test_the_tables_fit_a_terminal(evaluation: Evaluation) -> None:
    text = shown(evaluation)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "user_neighbours" in text


def test_every_window_has_a_column_of_its_own(evaluation: Evaluation) -> None:
    assert shown(evaluation).count("12-05") >= 3


def test_the_verdict_says_by_how_much_and_for_whom_not(evaluation: Evaluation) -> None:
    text = " ".join(shown(evaluation).split())
    assert "than best-sellers: better by 25-50 %; worse for light buyers (+.0750, +.0500 to +.1000)" in text


def test_parts_left_out_are_named(evaluation: Evaluation) -> None:
    text = shown(evaluation)
    assert "3 customers not drawn" in text
    assert "A note." in text


def test_the_data_holds_the_verdicts_and_no_number_that_is_none(evaluation: Evaluation) -> None:
    data = orjson.loads(orjson.dumps(as_data(evaluation)))
    row = data["tasks"][0]["lines"][1]
    assert row["pooled"]["against"][BEST_SELLERS]["verdict"] == "better"
    assert row["windows"][2]["against"][BEST_SELLERS]["difference"] == pytest.approx(0.075)
    assert row["groups"][0]["result"]["against"][BEST_SELLERS]["words"] == "better by 25-50 %"
    assert row["shelf"]["stability"] is None
    assert data["windows"][0]["left_out"] == {"customers not drawn": 3}

"""The tables hold what the evaluation found, row by row."""

from pathlib import Path

import polars as pl
import pytest

from eval.backtest.results import Evaluation, ListSummary, TaskResult, WindowFacts
from eval.export.csv import write_backtest_tables
from eval.protocol import BEST_SELLERS
from eval.scoring.scorer import GroupResult, Result
from eval.stats.bootstrap import Estimate
from eval.stats.paired import Comparison


def result(n: int, mean: float, comparison: Comparison | None = None) -> Result:
    metrics = {"ndcg@10": Estimate(mean, mean - 0.01, mean + 0.01), "revenue_recall@10": Estimate(*[float("nan")] * 3)}
    return Result(n, metrics, {} if comparison is None else {BEST_SELLERS: comparison})


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, pl.DataFrame]:
    """Two lists in two windows, one group; its name needs quotes."""
    ahead = Comparison(0.3, 0.2, 0.05, 0.15, 90, 0.001, 0.004)
    lines = [
        ListSummary(
            BEST_SELLERS, "baseline", result(90, 0.2), [result(80, 0.2), result(70, 0.2)], [], {"coverage": 0.1}, {}
        ),
        ListSummary(
            name="home",
            kind="placement",
            pooled=result(90, 0.3, ahead),
            windows=[result(80, 0.3, ahead), result(70, 0.3, ahead)],
            groups=[GroupResult("store", 'the "old", town', True, result(40, 0.4))],
            shelf={"coverage": float("nan")},
            verdicts={},
        ),
    ]
    windows = [WindowFacts(day, day + 28, 80, 100, 500, 0.4, {}, "weeks", 9.5, {}) for day in (17_505.0, 17_477.0)]
    evaluation = Evaluation("run", {}, 10, windows, [TaskResult("all", lines, 90)], [], {})
    return {path.stem: pl.read_csv(path) for path in write_backtest_tables(evaluation, tmp_path / "new" / "folder")}


def test_a_figure_stands_for_all_windows_for_each_and_for_each_group(tables: dict[str, pl.DataFrame]) -> None:
    rows = tables["figures"].filter(list="home", metric="ndcg@10")
    assert rows["window"].to_list() == ["all", "2017-12-05", "2017-11-07", "all"]
    assert rows["group"].to_list() == ["all", "all", "all", 'the "old", town']
    assert rows["customers"].to_list() == [90, 80, 70, 40]
    assert rows["mean"].to_list() == [0.3, 0.3, 0.3, 0.4]


def test_what_could_not_be_measured_is_an_empty_cell(tables: dict[str, pl.DataFrame]) -> None:
    assert tables["figures"].filter(metric="revenue_recall@10")["mean"].null_count() == 7
    assert tables["shelf"].filter(list="home")["value"].to_list() == [None]


def test_a_comparison_says_by_how_much_and_how_sure(tables: dict[str, pl.DataFrame]) -> None:
    row = tables["comparisons"].row(0, named=True)
    assert (row["list"], row["against"], row["verdict"], row["words"]) == (
        "home",
        BEST_SELLERS,
        "better",
        "better by 25-75 %",
    )
    assert row["difference"] == pytest.approx(0.1)
    assert (row["p"], row["p_holm"]) == (0.001, 0.004)
    assert tables["comparisons"].height == 3


def test_every_window_has_a_row(tables: dict[str, pl.DataFrame]) -> None:
    assert tables["windows"]["until"].to_list() == ["2018-01-02", "2017-12-05"]

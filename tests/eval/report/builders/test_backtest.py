"""Report builder of a backtest: the report says what the figures of the evaluation say."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.backtest.results import Evaluation, ListSummary
from eval.report.builders.backtest import WINDOWS, build_report
from eval.report.html import as_csv
from eval.report.ranking_report import RankingReport
from eval.report.text import answers, headline, repeat_and_new, verdict
from recsys.cli.app import application
from recsys.data.events import Event
from recsys.data.store.sqlite import SqliteStore
from recsys.testing import small_items

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def report(shop_evaluation: Evaluation) -> RankingReport:
    return build_report(shop_evaluation, NOW)


def line_of(evaluation: Evaluation, task_name: str, name: str) -> ListSummary:
    lines = next(task.lines for task in evaluation.tasks if task.name == task_name)
    return next(line for line in lines if line.name == name)


def test_the_home_list_stands_against_the_best_sellers(report: RankingReport, shop_evaluation: Evaluation) -> None:
    assert (report.list_named(report.ours).name, report.rival) == ("home", "best-sellers")
    precision = line_of(shop_evaluation, "all", "home").pooled.metrics["precision@10"].mean
    assert report.list_named("home").hits.mean == pytest.approx(10 * precision)
    assert headline(report).startswith("Of 10 products on the personal list,")
    assert "were bought in the next two weeks" in headline(report)


def test_the_verdict_is_in_items_of_a_list_as_on_the_page_of_two_files(
    report: RankingReport, shop_evaluation: Evaluation
) -> None:
    home, best_sellers = (line_of(shop_evaluation, "all", name) for name in ("home", "best-sellers"))
    comparison, lead = home.precision_against["best-sellers"], report.list_named("home").leads["best-sellers"]
    precisions = [line.pooled.metrics["precision@10"].mean for line in (home, best_sellers)]
    assert lead.verdict == comparison.verdict == answers(report)[0][0]
    assert lead.estimate.mean == pytest.approx(10 * (precisions[0] - precisions[1]))
    assert lead.estimate.low < lead.estimate.mean < lead.estimate.high
    assert f"{abs(lead.estimate.mean):.1f} more per list of 10" in verdict(report)


def test_sampled_customers_stand_for_a_fifth_each_and_their_marked_items_are_what_they_bought(
    shop_evaluation: Evaluation,
) -> None:
    names = {item.name for item in small_items()}
    found = [sum(item.is_hit for item in sample.lists["home"]) for sample in shop_evaluation.samples]
    assert len(found) == 5
    assert found == sorted(found, reverse=True)
    for sample in shop_evaluation.samples:
        assert {item.name for item in sample.history} | set(sample.held_back) <= names
        for items in sample.lists.values():
            assert {item.name for item in items if item.is_hit} == {item.name for item in items} & set(sample.held_back)


def test_new_things_are_judged_by_the_list_that_shows_only_those(
    report: RankingReport, shop_evaluation: Evaluation
) -> None:
    precision = line_of(shop_evaluation, "new", "discover").pooled.metrics["precision@10"].mean
    discovered = report.discovery_list("discover")
    assert discovered is not None
    assert discovered.hits.mean == pytest.approx(10 * precision)
    assert answers(report)[-1][1] == "Better than the best-sellers at things new to the customer?"
    assert "products that are all new to the customer, the personal list finds" in repeat_and_new(report)[-1]


def test_each_window_stands_beside_the_others(report: RankingReport, shop_evaluation: Evaluation) -> None:
    spans = [group for group in report.groups if group.family == WINDOWS]
    assert len(spans) == len(shop_evaluation.windows) == len(report.lead_by_window) == 2
    means = [line_of(shop_evaluation, "all", "home").windows[at].metrics["precision@10"].mean for at in range(2)]
    assert [group.ours.mean for group in spans] == pytest.approx([10 * mean for mean in means])


def test_every_figure_of_every_task_stands_in_the_sheet(report: RankingReport, shop_evaluation: Evaluation) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(report.figures))))
    figures = {
        (row["task"], row["list"]): tuple(float(row[end]) for end in ("mean", "low", "high", "n"))
        for row in rows
        if (row["name"], row["window"], row["slice"]) == ("recall@10", "all windows", "")
    }
    for task in shop_evaluation.tasks:
        for line in task.lines:
            recall = line.pooled.metrics["recall@10"]
            assert figures[task.name, line.name] == (recall.mean, recall.low, recall.high, line.pooled.n_customers)


def test_the_page_and_the_data_name_the_same_run(report: RankingReport, shop_evaluation: Evaluation) -> None:
    assert report.run_id == shop_evaluation.run_id == report.data["run_id"]


def test_the_command_writes_the_page_of_the_log_beside_the_same_run_as_json(
    shop_events: list[Event], tmp_path: Path
) -> None:
    store = SqliteStore(tmp_path / "shop.db")
    store.put_items(small_items())
    store.append(shop_events)
    store.close()
    page, data = tmp_path / "page.html", tmp_path / "all.json"
    words = ["evaluate", "--windows", "1", "--days", "14", "--report", str(page), "--json", str(data)]
    result = CliRunner().invoke(application(), ["--home", str(tmp_path), *words])
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    assert json.loads(data.read_bytes())["run_id"] in text
    assert "only one span of time was judged" in text

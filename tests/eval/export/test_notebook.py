"""An evaluation in a notebook: text, HTML and frame hold the figures of the command."""

import re

import polars as pl
import pytest

from eval.backtest.records import Records
from eval.backtest.run import run_backtest
from eval.export.notebook import NotebookEvaluation
from eval.protocol import BEST_SELLERS
from eval.splits.windows import WindowSchedule
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import EVENT_SCHEMA, Event
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.testing import small_items


@pytest.fixture(scope="module")
def evaluation(shop_events: list[Event]) -> NotebookEvaluation:
    frame = pl.DataFrame(shop_events, schema=EVENT_SCHEMA, orient="row")
    records = Records(Snapshot(read_events([frame]), small_items(), len(shop_events), 1))
    recipe = read_recipe(None, validation_days=14, seed=0, optional_seconds=0)
    return NotebookEvaluation(run_backtest(records, recipe, None, StepLog(), WindowSchedule(1, 21)))


def test_the_frame_has_a_row_for_each_list_of_each_task(evaluation: NotebookEvaluation) -> None:
    lists = [(task.name, line.name) for task in evaluation.result.tasks for line in task.lines]
    assert list(evaluation.frame.select("task", "list").iter_rows()) == lists
    first = evaluation.result.tasks[0].lines[0]
    assert evaluation.frame["ndcg"][0] == first.pooled.metrics["ndcg@10"].mean
    assert evaluation.frame.filter(pl.col("list") == BEST_SELLERS)["verdict"].null_count() == 3


def test_the_text_is_that_of_the_command(evaluation: NotebookEvaluation) -> None:
    assert evaluation.result.run_id in repr(evaluation)
    assert "better by" in repr(evaluation)
    assert max(map(len, repr(evaluation).splitlines())) <= 120
    assert "\nown frequency, fading ." in repr(evaluation)  # a name is whole where there is room


def test_the_html_has_a_table_for_each_task(evaluation: NotebookEvaluation) -> None:
    html = evaluation._repr_html_()
    assert html.count("<table>") == len(evaluation.result.tasks) == 3
    assert len(re.findall("<tr><td>", html)) == evaluation.frame.height
    assert "<td>best-sellers</td>" in html

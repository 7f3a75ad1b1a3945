"""`recsys evaluate` on the shop's own log: reads, judges, shows, writes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from rich.console import Console

from eval.backtest.results import Evaluation
from eval.backtest.run import run_backtest
from eval.backtest.snapshot import read_records
from eval.backtest.table import as_data, rendered
from eval.export.csv import write_tables
from eval.report.builders.backtest import build_report
from eval.report.html import write_page
from eval.splits.windows import WindowSchedule
from recsys.cli.progress import steps_shown
from recsys.data.store.base import Store
from recsys.learning.recipe import recipe_of
from recsys.progress import StepLog


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write beside the tables on the screen, and the folder for tables as CSV; None writes none."""

    json: Path | None = None
    report: Path | None = None
    csv: Path | None = None


def judge_log(
    store: Store, file: Path | None, schedule: WindowSchedule, outputs: Outputs, console: Console
) -> Evaluation:
    """Judges the shop's lists on its own log, shows the tables and writes what is wanted."""
    recipe = recipe_of(file, validation_days=schedule.days, seed=schedule.seed)

    def run(steps: StepLog) -> Evaluation:
        with steps("read"):
            records = read_records(store)
        return run_backtest(records, recipe, file, steps, schedule)

    evaluation = steps_shown(run, console)
    console.print(rendered(evaluation))
    if outputs.json is not None:
        outputs.json.write_bytes(orjson.dumps(as_data(evaluation), option=orjson.OPT_INDENT_2))
    if outputs.csv is not None:
        write_tables(evaluation, outputs.csv)
    if outputs.report is not None:
        write_page(build_report(evaluation, datetime.now(UTC)), outputs.report)
    return evaluation

"""Backtest on the shop's own log, for `recsys evaluate`; and the presentation it shares with `recsys compare`."""

from eval.backtest.records import read_records
from eval.backtest.results import Evaluation
from eval.backtest.run import run_backtest
from eval.backtest.table import as_data, rendered
from eval.cli.presentation import Presentation
from eval.export.csv import write_backtest_tables
from eval.export.outputs import Outputs
from eval.report.builders import backtest, releases
from eval.splits.windows import WindowSchedule
from recsys.cli.context import CliContext
from recsys.config import TrainSettings
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.ranking.segments.repository import open_segment_repository

BACKTEST = Presentation(rendered, as_data, backtest.build_report, write_backtest_tables, kind="lists")
RELEASES = Presentation(rendered, as_data, releases.build_report, write_backtest_tables, kind="releases")


def evaluate_log(context: CliContext, schedule: WindowSchedule, outputs: Outputs) -> None:
    """Evaluates the shop's lists on its own log."""
    store, file = context.existing_store(), context.file
    saved = open_segment_repository(context.home, file).last_valid()
    spare = TrainSettings.load(file).spare_seconds
    recipe = read_recipe(file, validation_days=schedule.days, seed=schedule.seed, optional_seconds=spare)

    def run(steps: StepLog) -> Evaluation:
        with steps("read"):
            records = read_records(store)
        return run_backtest(records, recipe, file, steps, schedule, saved)

    BACKTEST.run(run, outputs, context.home)

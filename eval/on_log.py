"""`recsys evaluate` on the shop's own log: reads, judges, shows, writes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from rich.console import Console

from eval.csv_tables import write_tables
from eval.findings import Evaluation
from eval.protocol import evaluate
from eval.records import read_records
from eval.report.page import write_page
from eval.report.shop_story import story_of
from eval.schedule import Schedule
from eval.table import as_data, rendered
from recsys.console import steps_shown
from recsys.data.store import Store
from recsys.ranking.making import Steps, recipe_of


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write beside the tables on the screen, and the folder for tables as CSV; None writes none."""

    json: Path | None = None
    report: Path | None = None
    csv: Path | None = None


def judge_log(store: Store, file: Path | None, schedule: Schedule, outputs: Outputs, console: Console) -> Evaluation:
    """Judges the shop's lists on its own log, shows the tables and writes what is wanted."""
    recipe = recipe_of(file, validation_days=schedule.days, seed=schedule.seed)

    def run(steps: Steps) -> Evaluation:
        with steps("read"):
            records = read_records(store)
        return evaluate(records, recipe, file, steps, schedule)

    evaluation = steps_shown(run, console)
    console.print(rendered(evaluation))
    if outputs.json is not None:
        outputs.json.write_bytes(orjson.dumps(as_data(evaluation), option=orjson.OPT_INDENT_2))
    if outputs.csv is not None:
        write_tables(evaluation, outputs.csv)
    if outputs.report is not None:
        write_page(story_of(evaluation, datetime.now(UTC)), outputs.report)
    return evaluation

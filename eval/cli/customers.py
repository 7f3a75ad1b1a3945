"""Back-tests of customers, for `recsys evaluate customers`."""

from datetime import datetime

from eval.cli.presentation import Presentation
from eval.customers.records import read_customer_records
from eval.customers.results import CustomerEvaluation
from eval.customers.run import evaluate_customers
from eval.customers.table import as_data, rendered
from eval.export.outputs import Outputs
from eval.report.builders.customers import build_page
from recsys.cli.context import CliContext
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.time_units import milliseconds

CUSTOMERS = Presentation(rendered, as_data, build_page, kind="customers")


def evaluate_people(
    context: CliContext, n_windows: int, seed: int, segment: str | None, cut: datetime | None, outputs: Outputs
) -> None:
    """Judges what is said about customers on the shop's own log.  cut: the moment of the needs."""
    store, file = context.existing_store(), context.file
    recipe = read_recipe(file, validation_days=28, seed=seed)

    def run(steps: StepLog) -> CustomerEvaluation:
        with steps("read"):
            records = read_customer_records(store, recipe, segment)
        needs_at_ms = None if cut is None else milliseconds(cut)
        return evaluate_customers(records, steps, n_windows=n_windows, seed=seed, needs_at_ms=needs_at_ms)

    CUSTOMERS.run(run, outputs, context.home)

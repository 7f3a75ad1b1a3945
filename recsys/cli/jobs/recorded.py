"""Option `--cause` of a job's command, and its run record with notification."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import CliContext

if TYPE_CHECKING:
    from recsys.data.store.base import Store
    from recsys.jobs.runs import OpenRun

Cause = Annotated[
    str,
    typer.Option(
        "--cause", envvar="RECSYS_CAUSE", metavar="WORDS", help="What started it, for `recsys runs`: cron, a name, …"
    ),
]
COMMAND_LINE = "command line"


@contextmanager
def recorded_job(context: CliContext, store: "Store", job: str, cause: str) -> Iterator["OpenRun"]:
    """Records the block as one run of that job, and notifies its end."""
    from recsys.jobs.notifications import Notifier
    from recsys.jobs.runs import run_record

    with run_record(store, job, cause) as run:
        run.notifier = Notifier.load(context.file)
        yield run

"""Option `--wait`, the job lock of a command, and its priority: no two jobs of a shop run at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import CliContext
from recsys.cli.priority import lower_priority
from recsys.errors import BadSettings

if TYPE_CHECKING:
    from training.schedule.holder import JobHolder

Wait = Annotated[
    float | None,
    typer.Option(
        "--wait",
        min=0,
        metavar="SECONDS",
        help="How long to wait for another job; 0 gives up at once.",
        show_default="until it ends",
    ),
]


@contextmanager
def exclusive_job(context: CliContext, job: str, wait_s: float | None) -> Iterator[int]:
    """Holds the job lock, and yields its generation; says on stderr for whom it waits.  Raises JobRunning."""
    from recsys.config import ShopSettings
    from training.registry import open_registry
    from training.schedule.job_lock import job_lock, open_job_lock

    def say(holder: "JobHolder | None") -> None:
        typer.echo(f"waits for {holder or 'another job'}", err=True)

    lock = open_job_lock(context.home, ShopSettings.load(context.file).database_url)
    with job_lock(lock, open_registry(context.home, context.file), job, wait_s=wait_s, on_wait=say) as generation:
        yield generation


def yield_to_service(context: CliContext) -> None:
    """Lowers the priority as `[train] niceness` says; what is wrong in that table, the run of the job will say."""
    from recsys.config import TrainSettings

    with suppress(BadSettings):
        lower_priority(TrainSettings.load(context.file).niceness)

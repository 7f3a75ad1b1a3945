"""Command `recsys warn`: the changes of customers since its last run, to whom `[notify]` names."""

from datetime import datetime
from typing import Annotated

import typer

from recsys.cli.jobs.recorded import COMMAND_LINE, Cause
from recsys.cli.output import AsJson, print_json
from recsys.time_units import milliseconds, minute


def warn(
    ctx: typer.Context,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Day or minute, UTC.", show_default="end of the last run"
        ),
    ] = None,
    cause: Cause = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """Notify which customers crossed a stage, lost a class of value, or became due for a reminder.

    Signed webhooks of `[notify]` get them, in pages of 500 customers. Each change is told once.

    Example: recsys warn
    """
    from training.customers.warnings import warn as warn_of_changes

    context = ctx.obj
    since_ms = None if since is None else milliseconds(since)
    result = warn_of_changes(context.existing_store(), context.home, context.file, cause=cause, since_ms=since_ms)
    if as_json:
        changes = [] if result is None else result.changes
        print_json({"is_new": result is not None, "changes": len(changes), "since": result and result.since_ms})
    elif result is None:
        typer.echo("nothing new: `recsys refresh` brings the customers up to now")
    else:
        typer.echo(
            f"{len(result.changes):,} changes from {minute(result.since_ms)} until {minute(result.as_of_ms)} UTC"
        )

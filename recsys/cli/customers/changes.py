"""Command `recsys customers changes`: who crossed a stage, lost a class of value, or is due for a reminder."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from recsys.cli.context import live_recommender
from recsys.cli.customers.reminders import one_file
from recsys.cli.output import AsJson, print_json, print_table
from recsys.time_units import milliseconds, minute, now_ms

N_PRINTED = 20
COLUMNS = ("user_id", "change", "from", "to", "on")


def changes(
    ctx: typer.Context,
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Day or minute, UTC.")],
    csv: Annotated[Path | None, typer.Option(dir_okay=False, help="Write all of them there as CSV.")] = None,
    parquet: Annotated[Path | None, typer.Option(dir_okay=False, help="Write all of them there as Parquet.")] = None,
    as_json: AsJson = False,
) -> None:
    """Customers whose stage is another than then, whose value fell a class, and whose reminder became due.

    Both moments are worked out by the same rules, from what was known at each; the second is that of the live release.

    Example: recsys customers changes --since 2017-12-24 --csv changes.csv
    """
    from recsys.ranking.reminders.changes import find_changes

    file, store = one_file(csv, parquet), ctx.obj.existing_store()
    result = find_changes(store, live_recommender(ctx.obj, store), milliseconds(since), now_ms())
    counts = dict(
        sorted(
            Counter(
                f"{each['change']} to {each['to']}" for each in result.changes if each["change"] != "reminder"
            ).items()
        )
    )
    counts["reminder"] = sum(each["change"] == "reminder" for each in result.changes)
    if file is not None:
        import polars as pl

        from recsys.data.files.destination import Destination

        schema = dict.fromkeys(COLUMNS, pl.String())
        Destination(str(file)).write([pl.DataFrame(list(result.changes), schema=schema)], schema)
    if as_json:
        rest = {"file": str(file)} if file is not None else {"changes": result.changes}
        print_json({"since": result.since_ms, "as_of": result.as_of_ms, "count": counts, **rest})
        return
    print_table(("change", "customers"), ((name, f"{n:,}") for name, n in counts.items()))
    if file is None:
        print_table(COLUMNS, ([each[name] or "" for name in COLUMNS] for each in result.changes[:N_PRINTED]))
    more = f"to {file}" if file is not None else f"{min(N_PRINTED, len(result.changes))} shown"
    head = f"{len(result.changes):,} changes from {minute(result.since_ms)} until {minute(result.as_of_ms)} UTC"
    typer.echo(f"{head}; {more}", err=True)

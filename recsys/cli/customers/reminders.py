"""Command `recsys reminders`: what to remind every customer of, as a list or a file."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import live_recommender
from recsys.cli.count_progress import count_progress
from recsys.cli.output import AsJson, print_json, print_table
from recsys.errors import BadInput
from recsys.time_units import minute, now_ms

if TYPE_CHECKING:
    from recsys.ranking.reminders.reminders import Reminders

N_PRINTED = 20
PAGE_ROWS = 10_000


def reminders(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=28, help="Horizon of the chances.")] = 14,
    at_least: Annotated[float, typer.Option(min=0, max=1, help="Lowest chance of a purchase within it.")] = 0.3,
    channel: Annotated[
        str | None, typer.Option(help="Leave out who refused marketing over this channel, such as email.")
    ] = None,
    quiet_days: Annotated[
        int, typer.Option(min=0, help="Leave out who got a message within so many days; 0 leaves out nobody.")
    ] = 7,
    csv: Annotated[Path | None, typer.Option(dir_okay=False, help="Write all of them there as CSV.")] = None,
    parquet: Annotated[Path | None, typer.Option(dir_okay=False, help="Write all of them there as Parquet.")] = None,
    as_json: AsJson = False,
) -> None:
    """What each customer will likely buy again: at most one item a week, on sale, and not sent back.

    Who refused marketing or got a message lately (fact `message`) is left out.  Nothing is sent.

    Examples: recsys reminders --days 14    recsys reminders --channel email --csv reminders.csv
    """
    from recsys.ranking.reminders.reminders import ReminderPlan, find_reminders

    file = one_file(csv, parquet)
    store = ctx.obj.existing_store()
    plan = ReminderPlan(days, at_least, channel, quiet_days)
    search = find_reminders(store, live_recommender(ctx.obj, store), plan, now_ms())
    if file is not None:
        n = _write(search, file)
        shown: list[dict[str, Any]] = []
    else:
        shown = list(_rows(search))
        n = len(shown)
    if as_json:
        written = {"reminders": n, "file": str(file)} if file is not None else {"reminders": shown}
        print_json({"as_of": search.as_of_ms, "days": days, "left_out": dict(search.left_out), **written})
        return
    if shown:
        rows = ([str(value or "") for value in reminder.values()] for reminder in shown[:N_PRINTED])
        print_table(tuple(shown[0]), rows)
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in sorted(search.left_out.items())) or "nobody"
    more = f" to {file}" if file is not None else "; --csv FILE writes all" if n > N_PRINTED else ""
    typer.echo(f"{n:,} reminders as of {minute(search.as_of_ms)} UTC{more}; left out: {left_out}", err=True)


def _rows(search: "Reminders") -> Iterator[dict[str, Any]]:
    """All reminders, with progress."""
    with count_progress("customers") as progress:
        for page in search.pages:
            yield from page.reminders
            progress(page.n_looked_at, search.n_customers)


def _write(search: "Reminders", file: Path) -> int:
    """Writes all of them in pages, so that memory does not grow with their number; returns how many."""
    import polars as pl

    from recsys.data.files.destination import Destination

    text, number = pl.String, pl.Float64
    schema = {"user_id": text, "item_id": text, "name": text, "chance": number}
    schema |= {"due": text, "expected": text, "last_bought": text, "gap_days": number}
    rows = _rows(search)
    pages = iter(lambda: list(islice(rows, PAGE_ROWS)), [])
    return Destination(str(file)).write((pl.DataFrame(page, schema=schema) for page in pages), schema)


def one_file(csv: Path | None, parquet: Path | None) -> Path | None:
    """The file of `--csv` or `--parquet`; each has the end of its name.  Raises BadInput."""
    if csv is not None and parquet is not None:
        raise BadInput("--csv and --parquet: name one file")
    for file, end in ((csv, ".csv"), (parquet, ".parquet")):
        if file is not None and file.suffix.lower() != end:
            raise BadInput(f"--{end[1:]} {file}: the name must end with {end}")
    return csv or parquet

"""`recsys import | check`: a shop's files into its log and catalogue, and what is odd about them."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import OK, REFUSED
from recsys.cli.registration import register_command, register_group
from training.cli.check_data import CHECK_CODES, check
from training.cli.options import Constants, Files, Maps, _console, _progress, _rejects, _show_odd

if TYPE_CHECKING:
    from training.importing.rejects import Tally

ReadOptions = Callable[[Path, Callable[[int], None]], "Tally"]


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    text = "Bring events, items and customers in from files."
    register_group(app, "import", (events, items, users), panel="Data", help=text, is_job=True)
    register_command(app, check, panel="Data", is_job=True, exit_codes=CHECK_CODES)


def events(
    ctx: typer.Context,
    files: Files,
    maps: Maps = None,
    constants: Constants = None,
    kind: Annotated[str | None, typer.Option(help="What lines without a kind are: purchase, view, cart, ...")] = None,
) -> None:
    """Add what happened to the event log; doing it twice adds nothing.

    Targets: user_id, item_id, kind, at; where known also event_id, quantity, price or amount (money of the whole line),
    order_id, rating, channel.

    A time is ISO 8601 (UTC when it has no offset) or a number since 1970, guessed by its size: seconds up to 1e11,
    milliseconds up to 1e14.

    A bad line is refused with its reason and kept in the folder `rejects` of --home; the others go in.
    What is odd about all of them is told at the end; `recsys check` says more.

    Example: recsys import events orders.csv --kind purchase --map user_id=customer,item_id=sku,at=ordered_at
    """
    import time

    from recsys.data.checks.per_line import LineCounts
    from recsys.data.files.column_mapping import ColumnMapping
    from training.importing.data_check import known_items
    from training.importing.events import TARGETS, import_events

    layout = ColumnMapping.parse(maps or (), constants or (), TARGETS)
    store = ctx.obj.store()
    counts = LineCounts(int(time.time() * 1_000), known_items(store))
    code = _import(
        files,
        lambda path, progress: import_events(
            path, store, layout, kind=kind, rejects=_rejects(ctx.obj), counts=counts, progress=progress
        ),
        known="duplicate",
    )
    _show_odd(counts.findings())
    raise typer.Exit(code)


def items(
    ctx: typer.Context,
    files: Files,
    maps: Maps = None,
    constants: Constants = None,
    attributes: Annotated[bool, typer.Option(help="Keep every other column as an attribute.")] = True,
) -> None:
    """Put items into the catalogue; what did not change is left alone.

    Targets: item_id; and if known name, category, brand, price, stock, available_from, available_until.  What the file
    has no column for stays as it is; an empty cell clears it.

    Example: recsys import items products.csv --map item_id=sku,category=department,name=type+size
    """
    from recsys.data.files.column_mapping import ColumnMapping
    from training.importing.entities import ITEM_TARGETS, import_things, item_shelf

    layout = ColumnMapping.parse(maps or (), constants or (), ITEM_TARGETS)
    shelf = item_shelf(ctx.obj.store())
    code = _import(
        files,
        lambda path, progress: import_things(
            path, shelf, layout, attributes=attributes, rejects=_rejects(ctx.obj), progress=progress
        ),
        known="unchanged",
    )
    raise typer.Exit(code)


def users(ctx: typer.Context, files: Files, maps: Maps = None, constants: Constants = None) -> None:
    """Put customers and what the shop knows of them; every column but user_id is an attribute.

    Example: recsys import users customers.csv --map user_id=customer
    """
    from recsys.data.files.column_mapping import ColumnMapping
    from training.importing.entities import USER_TARGETS, import_things, user_shelf

    layout = ColumnMapping.parse(maps or (), constants or (), USER_TARGETS)
    shelf = user_shelf(ctx.obj.store())
    code = _import(
        files,
        lambda path, progress: import_things(
            path, shelf, layout, attributes=True, rejects=_rejects(ctx.obj), progress=progress
        ),
        known="unchanged",
    )
    raise typer.Exit(code)


def _import(files: list[Path], read: ReadOptions, *, known: str) -> int:
    """Reads file by file, showing progress and then the outcome; 3 when every line was refused, else 0."""
    with _no_collector():
        tallies = [_with_progress(path, read) for path in files]
    for tally in tallies:
        _show(tally, known)
    refused = sum(tally.rejected for tally in tallies)
    return REFUSED if refused and refused == sum(tally.lines for tally in tallies) else OK


@contextmanager
def _no_collector() -> Iterator[None]:
    """Millions of rows and no cycle among them: looking for cycles took a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _with_progress(path: Path, read: ReadOptions) -> "Tally":
    from recsys.data.files.readers import open_table

    with _progress() as progress:
        task = progress.add_task(path.name, total=open_table(path).n_rows())
        tally = read(path, lambda lines: progress.advance(task, lines))
        progress.update(task, total=tally.lines, completed=tally.lines)
    return tally


def _show(tally: "Tally", known: str) -> None:
    console = _console()
    console.print(
        f"{tally.file}: {tally.lines:,} lines: {tally.accepted:,} accepted, {tally.known:,} {known}, "
        f"{tally.rejected:,} rejected"
    )
    for reason, count in tally.reasons.most_common():
        console.print(f"  {count:,} rejected: {reason}")
        for reject in tally.first[reason]:
            console.print(f"    line {reject.line}: {_shown(reject.row)}", style="dim")
    if tally.rejects_file is not None:
        console.print(f"  all rejected lines: {tally.rejects_file}")


def _shown(row: object, longest: int = 200) -> str:
    import orjson

    text = orjson.dumps(row, default=str).decode()
    return text if len(text) <= longest else f"{text[:longest]}..."

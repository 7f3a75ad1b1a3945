"""`recsys import | check`: a shop's files into its log and catalogue, and what is odd about them."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli import EXIT_CODES, OK, REFUSED, Place

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from recsys.data.checks.finding import Finding
    from recsys.data.mapping import Layout
    from training.rejects import Tally

Files = Annotated[list[Path], typer.Argument(help="CSV, TSV, JSONL (each also .gz) or Parquet.", show_default=False)]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", help="TARGET=COLUMN,... where a column has another name; A+B joins two.", show_default=False),
]
Constants = Annotated[
    list[str] | None, typer.Option("--const", help="TARGET=VALUE for every line; may be repeated.", show_default=False)
]
STOP = 2
CHECK_CODES = (
    "Exit codes: 0 nothing says stop; 1 something you can mend (a file, an option); 2 something says stop, or wrong "
    "usage; 4 the event log does not answer; 5 a fault of this program."
)
Read = Callable[[Path, Callable[[int], None]], "Tally"]


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    data = typer.Typer(no_args_is_help=True, help="Bring events, items and customers in from files.")
    for command in (events, items, users):
        data.command(epilog=EXIT_CODES)(command)
    app.add_typer(data, name="import", rich_help_panel="Data")
    app.command(epilog=CHECK_CODES, rich_help_panel="Data")(check)


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

    from recsys.data.checks.lines import LineCounts
    from recsys.data.mapping import Layout
    from training.checking import known_items
    from training.importing import TARGETS, import_events

    layout = Layout.of(maps or (), constants or (), TARGETS)
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
    from recsys.data.mapping import Layout
    from training.catalogue_import import ITEM_TARGETS, import_things, item_shelf

    layout = Layout.of(maps or (), constants or (), ITEM_TARGETS)
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
    from recsys.data.mapping import Layout
    from training.catalogue_import import USER_TARGETS, import_things, user_shelf

    layout = Layout.of(maps or (), constants or (), USER_TARGETS)
    shelf = user_shelf(ctx.obj.store())
    code = _import(
        files,
        lambda path, progress: import_things(
            path, shelf, layout, attributes=True, rejects=_rejects(ctx.obj), progress=progress
        ),
        known="unchanged",
    )
    raise typer.Exit(code)


def check(
    ctx: typer.Context,
    events: Annotated[
        list[Path] | None, typer.Option(help="Look at this file instead of the log; may be repeated.")
    ] = None,
    items: Annotated[Path | None, typer.Option(help="The catalogue that belongs to --events.")] = None,
    maps: Maps = None,
    items_maps: Annotated[
        list[str] | None, typer.Option("--items-map", help="The same for --items; item_id is taken from --map.")
    ] = None,
    constants: Constants = None,
    kind: Annotated[str | None, typer.Option(help="What lines without a kind are: purchase, view, cart, ...")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is odd about the data: the log and catalogue of --home, or files before they are imported.

    Counts lines with quantities, times or money that cannot be meant, items that are not in the catalogue, doubles,
    robots, and what each part of the engine lacks. Lines that imports refused are counted, too. Changes nothing.

    Example: recsys check

    Example: recsys check --events orders.csv --kind purchase --map user_id=customer,item_id=sku --items products.csv
    """
    from recsys.data.mapping import Layout
    from training.checking import items_layout
    from training.importing import TARGETS

    layout = Layout.of(maps or (), constants or (), TARGETS)
    if events is None and (items is not None or items_maps or kind):
        raise typer.BadParameter("--items, --items-map and --kind belong to --events; name its file")
    if events:
        findings = _check_files(events, items, (layout, items_layout(items, layout, items_maps or ())), kind)
    else:
        findings = _check_home(ctx.obj, layout)
    _tell(findings, as_json=as_json)


def _check_home(place: Place, layout: "Layout") -> "list[Finding]":
    import time

    from training.checking import check_home

    store = place.store()
    with _progress() as shown:
        task = shown.add_task("log", total=store.head())
        now_ms = int(time.time() * 1_000)
        return check_home(
            store, _rejects(place), layout, now_ms=now_ms, progress=lambda lines: shown.advance(task, lines)
        )


def _check_files(
    events: list[Path], items: Path | None, layouts: "tuple[Layout, Layout]", kind: str | None
) -> "list[Finding]":
    import time

    from recsys.data.readers import open_table
    from training.checking import check_files

    with _progress() as shown:
        task = shown.add_task("files", total=sum(open_table(path).n_rows() for path in events))
        now_ms = int(time.time() * 1_000)
        return check_files(
            events, items, layouts, kind=kind, now_ms=now_ms, progress=lambda lines: shown.advance(task, lines)
        )


def _tell(findings: "list[Finding]", *, as_json: bool) -> None:
    """Prints the findings; exits with 2 when one of them says stop."""
    from recsys.data.checks.finding import worst

    if as_json:
        import orjson

        told = {"verdict": worst(findings), "findings": [finding.as_dict() for finding in findings]}
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    else:
        from training.check_shown import show_check

        show_check(findings, _console())
    raise typer.Exit(STOP if worst(findings) == "stop" else OK)


def _show_odd(findings: "list[Finding]") -> None:
    from training.check_shown import show_odd

    show_odd(findings, _console())


def _rejects(place: Place) -> Path:
    return place.home / "rejects"


def _import(files: list[Path], read: Read, *, known: str) -> int:
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


def _with_progress(path: Path, read: Read) -> "Tally":
    from recsys.data.readers import open_table

    with _progress() as progress:
        task = progress.add_task(path.name, total=open_table(path).n_rows())
        tally = read(path, lambda lines: progress.advance(task, lines))
        progress.update(task, total=tally.lines, completed=tally.lines)
    return tally


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _console() -> "Console":
    from rich.console import Console

    return Console(markup=False, highlight=False, soft_wrap=True)


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

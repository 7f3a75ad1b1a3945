"""The command `recsys`: what holds for every command, and the questions one can ask in a terminal.

Commands of the layers above come in through the entry points `recsys.commands`, each a `register(app)`.  Importing this
loads no NumPy: a command sets its thread limits first.
"""

import os
import sys
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from recsys.errors import LogUnavailable, RecsysError
from recsys.rules_cli import rules_commands
from recsys.threads import limit_threads

if TYPE_CHECKING:
    from recsys.data.store import Store
    from recsys.ranking.audience import Fan
    from recsys.ranking.query import Ask, Filters
    from recsys.ranking.recommender import Recommender

OK, MENDABLE, REFUSED, UNAVAILABLE, OUR_FAULT = 0, 1, 3, 4, 5
EXIT_CODES = (
    "Exit codes: 0 done; 1 something you can mend (a file, a setting, an id); 2 wrong usage; 3 everything was refused; "
    "4 the event log does not answer; 5 a fault of this program; 130 stopped with Ctrl-C."
)
FILE_NAME = "recsys.toml"
JOBS = ("check", "evaluate", "import", "train")  # they read whole tables, so polars may use every core


@dataclass(frozen=True, slots=True)
class Place:
    """Where the shop's state lives, and its settings file, None when there is none: the `obj` of every command."""

    home: Path
    file: Path | None

    def store(self) -> "Store":
        """The shop's data.  Raises LogUnavailable, BadFile, BadSettings."""
        from recsys.config import ShopSettings
        from recsys.data.store import open_store

        return open_store(self.home, ShopSettings.load(self.file).database_url)


def place_of(home: Path, folder: Path) -> Place:
    """The settings file is the one in `home`, else the one in `folder`."""
    files = (home / FILE_NAME, folder / FILE_NAME)
    return Place(home, next((file for file in files if file.is_file()), None))


class Rim(TyperGroup):
    """The last line of defence: an error becomes one line and an exit code; with `--debug` it keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Abort, EOFError, BrokenPipeError):
            raise
        except Exception as error:
            is_handled_above = hasattr(error, "exit_code")  # wrong usage, or an exit that was meant
            if ctx.params["_debug"] or is_handled_above:
                raise
            raise typer.Exit(told(error)) from error


def told(error: Exception) -> int:
    """Says on stderr what happened, and returns the exit code that stands for it."""
    if isinstance(error, RecsysError):
        text, code = f"{error.code}: {error}", UNAVAILABLE if isinstance(error, LogUnavailable) else MENDABLE
    elif isinstance(error, OSError) and error.filename is not None:
        text = f"bad_file: {error.filename}: {error.strerror}; check who may read and write there, and the free space"
        code = MENDABLE
    else:
        text, code = f"fault: {type(error).__name__}: {error}; run it with --debug for the whole story", OUR_FAULT
    typer.secho(" ".join(text.split()), fg=typer.colors.RED, err=True)
    return code


def application() -> typer.Typer:
    """The whole command, with everything the installed packages add to it."""
    app = typer.Typer(
        cls=Rim, no_args_is_help=True, pretty_exceptions_enable=False, epilog=EXIT_CODES, rich_markup_mode="rich"
    )
    app.callback()(recsys)
    app.command(epilog=EXIT_CODES, rich_help_panel="Ask")(recommend)
    app.command(epilog=EXIT_CODES, rich_help_panel="Ask")(similar)
    app.command(epilog=EXIT_CODES, rich_help_panel="Ask")(why)
    app.command(epilog=EXIT_CODES, rich_help_panel="Ask")(predict)
    app.command(epilog=EXIT_CODES, rich_help_panel="Ask")(audience)
    app.add_typer(rules_commands(), name="rules", rich_help_panel="Ask")
    for entry in sorted(entry_points(group="recsys.commands"), key=lambda entry: entry.name):
        entry.load()(app)
    return app


def main() -> None:
    """The console script."""
    application()()


def show_version(asked: bool) -> None:
    """Prints it and ends, when asked."""
    if asked:
        typer.echo(f"recsys {version('recsys')}")
        raise typer.Exit


def recsys(
    ctx: typer.Context,
    home: Annotated[
        Path, typer.Option("--home", envvar="RECSYS_HOME", file_okay=False, help="Where the shop's state lives.")
    ] = Path(".recsys"),
    _debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Show the version.")
    ] = False,
) -> None:
    """The recommendation engine that a shop runs itself.

    Settings come from recsys.toml, in --home or the current folder, and from RECSYS_* variables, which win.
    A first run:  recsys import events orders.csv --kind purchase && recsys train && recsys serve
    """
    limit(os.environ, ctx.invoked_subcommand)
    ctx.obj = place_of(home, Path())


def limit(env: MutableMapping[str, str], command: str | None) -> None:
    """One thread for all number crunching, before NumPy loads; in a job polars keeps its own choice."""
    ours: dict[str, str] = {}
    limit_threads(ours)
    if command in JOBS:
        del ours["POLARS_MAX_THREADS"]
    for name, value in ours.items():
        env.setdefault(name, value)


Conditions = Annotated[
    str | None,
    typer.Option("--where", help="Only what passes these conditions, as JSON; docs/api.md tells how to write them."),
]


def recommend(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer; an unknown one gets what the shop sells best.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")] = 10,
    placement: Annotated[str, typer.Option(help="The place in the shop to fill.")] = "home",
    where: Conditions = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """What to show this customer now.

    Example: recsys recommend 900 -k 10 --placement home --where '{"price": {"lt": 5}}'
    """
    store = ctx.obj.store()
    recommender = live_recommender(ctx.obj, store)
    ask = replace(ask_of(store, recommender, user, placement=placement, k=k), filters=_filters(where))
    _show(recommender, ask, f"{placement} for {user}", as_json=as_json)


def similar(
    ctx: typer.Context,
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")] = 10,
    where: Conditions = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """What goes with this item.

    Example: recsys similar 1082185 -k 10 --where '{"not": {"brand": "Private"}}'
    """
    recommender = live_recommender(ctx.obj, ctx.obj.store())
    ask = recommender.beside(item, k=k, now_ms=_now_ms(), filters=_filters(where))
    _show(recommender, ask, f"with {item}", as_json=as_json)


def audience(
    ctx: typer.Context,
    item: Annotated[str | None, typer.Argument(help="Id of the item; leave it out and say --where.")] = None,
    where: Conditions = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Most customers.")] = 100,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write them to this file.")] = None,
) -> None:
    """The customers most likely to buy an item, or one of those on sale that pass --where, without who said no.

    Example: recsys audience 1082185 --limit 500 --csv campaign.csv
    """
    from recsys.ranking.audience import who_may_be_told
    from recsys.ranking.where import where_in

    if (item is None) == (where is None):
        raise typer.BadParameter("say an ITEM or --where, one of both")
    store = ctx.obj.store()
    recommender = live_recommender(ctx.obj, store)
    found = recommender.audience(
        item,
        where=None if where is None else where_in(where),
        now_ms=_now_ms(),
        limit=limit,
        admits=who_may_be_told(store, recommender.bundle.manifest.log_seq),
    )
    if csv is None:
        _show_audience(found)
    else:
        _write_audience(found, csv)


def why(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer; an unknown one is taken for anybody.")],
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many items the list has.")] = 10,
    placement: Annotated[str, typer.Option(help="The place in the shop.")] = "home",
    where: Conditions = None,
) -> None:
    """Why this item is not in the customer's list, or at which place it stands.

    Example: recsys why 900 1082185 --placement home
    """
    from recsys.ranking.why import why as found_why

    store = ctx.obj.store()
    recommender = live_recommender(ctx.obj, store)
    ask = replace(ask_of(store, recommender, user, placement=placement, k=k), filters=_filters(where))
    found = found_why(recommender, ask, item, store.item(item))
    typer.echo(f"{found.cause.code}: {found.cause.text}")


def predict(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer; an unknown one is taken for anybody.")],
    item: Annotated[str, typer.Argument(help="Id of the item.")],
) -> None:
    """What this customer would rate this item, ratings given a moment ago included.

    Example: recsys predict 196 242
    """
    from recsys.data.store import known_of

    store = ctx.obj.store()
    recommender = live_recommender(ctx.obj, store)
    known = known_of(store, user, recommender.bundle.manifest.log_seq)
    typer.echo(f"{recommender.expected_rating(known.user_id, item, known.recent):.2f}")


def live_recommender(place: Place, store: "Store") -> "Recommender":
    """The live bundle with every change of the catalogue since it was made.  Raises NoBundle."""
    from recsys.ranking.recommender import open_recommender

    found = open_recommender(place.home, place.file)
    changes = store.items_since(found.bundle.manifest.item_revision)
    return found.with_catalogue(found.catalogue.with_changes(changes))


def _filters(where: str | None) -> "Filters":
    from recsys.ranking.query import NO_FILTERS, Filters
    from recsys.ranking.where import where_in

    return NO_FILTERS if where is None else Filters(where=where_in(where))


def _show_audience(found: "list[Fan]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("", "customer", "chance", "item", "source", box=box.SIMPLE)
    for rank, one in enumerate(found, start=1):
        table.add_row(str(rank), one.user_id, f"{one.score:.3f}", one.item_id, one.source)
    console = Console(markup=False, highlight=False)
    console.print(table)
    console.print(f"{len(found)} customers; their chances add up to {sum(one.score for one in found):.0f} purchases")


def _write_audience(found: "list[Fan]", file: Path) -> None:
    import csv

    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(("user_id", "score", "item_id", "source"))
        rows.writerows(found)
    typer.echo(f"{len(found)} customers written to {file}")


def ask_of(store: "Store", recommender: "Recommender", user: str | None, *, placement: str, k: int) -> "Ask":
    """The question of a customer, with all that may be known of them by now; None is anybody."""
    from recsys.data.store import known_of
    from recsys.ranking.query import Ask

    if user is None:
        return Ask(_now_ms(), placement, k)
    known = known_of(store, user, recommender.bundle.manifest.log_seq)
    return Ask(_now_ms(), placement, k, known.user_id, known.recent, attributes=known.attributes)


def _now_ms() -> int:
    return int(time.time() * 1_000)


def _show(recommender: "Recommender", ask: "Ask", title: str, *, as_json: bool) -> None:
    answer, eligible = recommender.recommend(ask), recommender.eligible(ask)
    if as_json:
        import orjson

        from recsys.ranking.query import as_data

        told = {**as_data(answer), "eligible": eligible}
        sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("", "item", "name", "score", "source", "why", title=title, title_justify="left", box=box.SIMPLE)
    for item in answer.items:
        table.add_row(str(item.rank), item.item_id, item.name or "", f"{item.score:.3f}", item.source, item.reason.text)
    console = Console(markup=False, highlight=False)
    console.print(table)
    console.print(f"{len(answer.items)} of {eligible} eligible; {answer.fallback}; model {answer.model_version}")

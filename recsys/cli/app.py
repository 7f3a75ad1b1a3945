"""Application of the command line: entry point, error boundary, thread limits, and all commands.

The packages above add their commands through the entry points `recsys.commands`, each a `register(app)`.  To import
this module loads no NumPy, because a command sets its thread limits first.
"""

import errno
import os
import re
from collections.abc import MutableMapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from recsys import __version__
from recsys.atomic_file import keep_others_from_writing
from recsys.cli.campaigns.campaign import register_campaigns
from recsys.cli.context import EXIT_CODES, INTERNAL_ERROR, UNAVAILABLE, USER_ERROR, CliContext
from recsys.cli.customers.card import customer
from recsys.cli.customers.everybody import register_customers
from recsys.cli.customers.movers import movers
from recsys.cli.customers.pairs import pairs
from recsys.cli.customers.reminders import reminders
from recsys.cli.customers.segments import register_segments
from recsys.cli.documents.rules import register_rules
from recsys.cli.experiments import register_experiments
from recsys.cli.promotions.group import register_promotions
from recsys.cli.promotions.offers import offers
from recsys.cli.recommend import audience, predict, recommend, similar, why
from recsys.cli.registration import Job, register_command
from recsys.cli.settings.command import settings
from recsys.cli.warning_lines import show_warnings
from recsys.errors import LogUnavailable, RecsysError
from recsys.garbage_collection import end_quickly
from recsys.threads import limit_threads


class ErrorBoundary(TyperGroup):
    """Error boundary of all commands: an error becomes one line and an exit code; `--debug` keeps the traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for word in args:
            if not word.isascii() and any("\ud800" <= letter <= "\udfff" for letter in word):
                readable = word.encode(errors="replace").decode()
                raise typer.BadParameter(f"{readable:.80}: this is no UTF-8; check the encoding of the terminal")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Abort, EOFError, BrokenPipeError):
            raise
        except Exception as error:
            is_handled_above = hasattr(error, "exit_code")  # wrong usage, or an exit on purpose
            if ctx.params["_debug"] or is_handled_above:
                raise
            raise typer.Exit(report_error(error)) from error


def report_error(error: Exception) -> int:
    """Prints the error on stderr, and returns its exit code."""
    if isinstance(error, RecsysError):
        text, code = f"{error.code}: {error}", UNAVAILABLE if isinstance(error, LogUnavailable) else USER_ERROR
    elif isinstance(error, OSError) and _is_disk_full(error):
        text = f"bad_file: {error.filename or 'the disk'}: no room ({error}); make room, then run it again"
        code = USER_ERROR
    elif isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError):
        where, problem = error.filename or "a file", error.strerror or str(error)
        text = f"bad_file: {where}: {problem:.500}; check the path, who may read and write there, and the free space"
        code = USER_ERROR
    elif isinstance(error, OverflowError):
        text, code = f"bad_input: a number is too large ({error}); give a smaller one", USER_ERROR
    else:
        text, code = f"fault: {type(error).__name__}: {error}; run it with --debug for the whole story", INTERNAL_ERROR
    typer.secho(" ".join(text.split()), fg=typer.colors.RED, err=True)
    return code


def _is_disk_full(error: OSError) -> bool:
    """Whether the disk is full, or a quota is; NumPy only says how much of an array it could write."""
    if error.errno is None:
        return re.search(r"\d+ requested and \d+ written", str(error)) is not None
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@cache
def application() -> typer.Typer:
    """The command `recsys` with the commands of all installed packages, put together once."""
    app = typer.Typer(
        cls=ErrorBoundary,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        epilog=EXIT_CODES,
        rich_markup_mode="rich",
    )
    app.callback()(recsys)
    for command in (recommend, similar, why, predict, audience, customer, pairs, movers, reminders, offers):
        register_command(app, command, panel="Ask")
    register_rules(app)
    register_customers(app)
    register_segments(app)
    register_promotions(app)
    register_experiments(app)
    register_campaigns(app)
    for entry in sorted(entry_points(group="recsys.commands"), key=lambda entry: entry.name):
        entry.load()(app)
    register_command(app, settings, panel="Serve")
    return app


def main() -> None:
    """Entry point of the console script."""
    end_quickly()
    application()()


def show_version(is_wanted: bool) -> None:
    """Prints the version and ends."""
    if is_wanted:
        typer.echo(f"recsys {__version__}")
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
    keep_others_from_writing()
    limit(os.environ, is_job=_is_job(ctx))
    show_warnings()
    ctx.obj = CliContext(home, Path())


def _is_job(ctx: typer.Context) -> bool:
    assert isinstance(ctx.command, TyperGroup)
    return isinstance(ctx.command.get_command(ctx, ctx.invoked_subcommand or ""), Job)


def limit(env: MutableMapping[str, str], *, is_job: bool) -> None:
    """Limits every library to one thread, before NumPy loads; in a job polars alone may use every core."""
    ours: dict[str, str] = {}
    limit_threads(ours)
    if is_job:
        del ours["POLARS_MAX_THREADS"]
    for name, value in ours.items():
        env.setdefault(name, value)

"""Command registration: help panel, exit codes, and whether the command is a job."""

from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from recsys.cli.context import EXIT_CODES

Function = Callable[..., None]


class Job:
    """Mark of a command that reads whole tables: polars may use every core; BLAS and OpenMP keep one thread."""


class JobCommand(Job, TyperCommand):
    """A job without commands below it.  Where `--json` takes a file, it prints without one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        takes_file = any("--json" in param.opts and not getattr(param, "is_flag", True) for param in self.params)
        return super().parse_args(ctx, _with_stdout(args) if takes_file else args)


def _with_stdout(args: Sequence[str]) -> list[str]:
    """The same words, with `-` behind a `--json` that no file follows."""
    words = []
    for word, following in zip(args, [*args, "--"][1:], strict=True):
        words.append(word)
        if word == "--json" and following.startswith("-") and following != "-":
            words.append("-")
    return words


class JobGroup(Job, TyperGroup):
    """A group of which every command is a job."""


def register_command(
    app: typer.Typer, function: Function, *, panel: str, is_job: bool = False, exit_codes: str = EXIT_CODES
) -> None:
    """Adds a command named like the function.  panel: the heading that it stands under in `recsys --help`."""
    kind = JobCommand if is_job else TyperCommand
    app.command(_name(function), cls=kind, epilog=exit_codes, rich_help_panel=panel)(function)


def register_group(
    app: typer.Typer, name: str, functions: Sequence[Function], *, panel: str, help: str, is_job: bool = False
) -> None:
    """Adds a command with commands below it, each named like its function."""
    group = typer.Typer(cls=JobGroup if is_job else TyperGroup, no_args_is_help=True, help=help)
    for function in functions:
        group.command(_name(function), epilog=EXIT_CODES)(function)
    app.add_typer(group, name=name, rich_help_panel=panel)


def add_to_group(app: typer.Typer, name: str, function: Function) -> None:
    """Adds a command to a group of another package, which is registered before."""
    group = next(each.typer_instance for each in app.registered_groups if each.name == name)
    assert group is not None
    group.command(_name(function), epilog=EXIT_CODES)(function)


def _name(function: Function) -> str:
    """`try_` is called `try`: a word of Python with an underscore after it."""
    return function.__name__.rstrip("_").replace("_", "-")

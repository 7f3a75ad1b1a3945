"""Shell completion: names of placements, releases and models, read without loading the engine."""

import tomllib
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from recsys.cli.context import CliContext
from recsys.errors import RecsysError


def complete_placement(ctx: typer.Context, incomplete: str) -> list[str]:
    """Placements of ours and of the settings file that begin so."""
    from recsys.config import read_table

    ours = tomllib.loads((files("recsys.ranking") / "placements.toml").read_text())
    with suppress(RecsysError):  # a mistake in the settings is for the command to tell
        ours |= read_table(_context(ctx).file, "placements")
    return _beginning(incomplete, ours)


def complete_release(ctx: typer.Context, incomplete: str) -> list[str]:
    """Published releases that begin so, the newest first."""
    from recsys.bundle import is_version

    bundles = _context(ctx).home / "bundles"
    names = [path.name for path in bundles.iterdir() if is_version(path.name)] if bundles.is_dir() else []
    return _beginning(incomplete, sorted(names, reverse=True))


def complete_model(incomplete: str) -> list[str]:
    """Models that begin so."""
    from recsys.models.registry import LEARNERS

    return _beginning(incomplete, LEARNERS)


def _context(ctx: typer.Context) -> CliContext:
    """The home of the words before; a shell that completes does not run the command that would set it."""
    return CliContext(Path(ctx.find_root().params.get("home") or ".recsys"), Path())


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


PlacementOption = Annotated[
    str, typer.Option("--placement", help="The place in the shop.", autocompletion=complete_placement)
]

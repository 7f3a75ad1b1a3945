"""Commands put, history and restore of a versioned TOML document: rules, segments, promotions."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.given_files import STDIN
from recsys.cli.output import AsJson, plain_console, print_json, print_versions
from recsys.cli.registration import Function
from recsys.errors import BadFile

if TYPE_CHECKING:
    from recsys.versioned_toml.repository import VersionedRepository

MAX_BYTES = 1 << 20


def versioned_commands(
    noun: str,
    verb: str,
    repository: Callable[[typer.Context], "VersionedRepository[Any]"],
    save: Callable[[typer.Context, str], tuple[int, str]],
) -> tuple[Function, Function, Function]:
    """Functions `put`, `history` and `restore` for the documents of a noun, such as `rules`.

    verb: how a version is called that was taken, such as `saved`.  save: checks and stores a text; returns the number
    of its entries and its digest.
    """

    def put(
        ctx: typer.Context,
        file: Annotated[Path, typer.Argument(help=f"The {noun} to read, as TOML.")],
        as_json: AsJson = False,
    ) -> None:
        _print(save(ctx, read_text(file, noun)), as_json=as_json)

    def history(ctx: typer.Context, as_json: AsJson = False) -> None:
        print_versions(repository(ctx).versions(), as_json=as_json)

    def restore(
        ctx: typer.Context,
        version: Annotated[int, typer.Argument(min=1, help=f"As `recsys {noun} history` lists them.")],
        as_json: AsJson = False,
    ) -> None:
        _print(save(ctx, repository(ctx).version_text(version)), as_json=as_json)

    def _print(saved: tuple[int, str], *, as_json: bool) -> None:
        n, digest = saved
        if as_json:
            print_json({noun: n, "digest": digest})
        else:
            plain_console().print(f"{n} {noun} {verb}, {digest}")

    put.__doc__ = (
        f"Put {noun} into service in place of all others; every worker loads them within moments.\n\n"
        f"Example: recsys {noun} put {noun}.toml"
    )
    history.__doc__ = f"List every version of the {noun} that was {verb}.\n\nExample: recsys {noun} history"
    restore.__doc__ = f"Go back to a version.\n\nExample: recsys {noun} restore 3"
    return put, history, restore


def read_text(file: Path, noun: str) -> str:
    """The text of a file of rules, segments, or the like, or of standard input for `-`.  Raises BadFile."""
    try:
        with nullcontext(sys.stdin.buffer) if file == STDIN else file.open("rb") as content:
            text = content.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise BadFile(f"{file}: is larger than {MAX_BYTES >> 20} MiB, which no file of {noun} is")
        return text.decode()
    except UnicodeDecodeError:
        raise BadFile(f"{file}: is no UTF-8 text; save it as UTF-8") from None

"""Commands `recsys import --look | --profiles`: a guess of what a file holds, and the list of import profiles."""

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.given_files import STDIN
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.errors import BadInput
from recsys.time_units import now_ms
from training.cli.options import Files

if TYPE_CHECKING:
    from training.importing.look.file_look import FileLook

WIDTH = 76  # of a line of the command that is printed
EXAMPLE = 24  # letters of an example that are shown


def look(files: Files, as_json: AsJson = False) -> None:
    """Show what each column, the format and the kinds of a file are taken for, and the command that imports it.

    Looks at the first 10,000 rows.  Says what is doubtful.  Writes nothing.

    Example: recsys import --look orders.csv
    """
    from recsys.data.files.readers import data_files
    from training.importing.look.file_look import look_at

    if STDIN in files:
        raise BadInput("-: a look needs a file that can be read twice; save standard input as a file first")
    looks = [look_at(table, now_ms=now_ms()) for file in files for table in data_files(file)]
    if as_json:
        print_json([{**asdict(each), "command": shlex.join(each.words)} for each in looks])
        return
    for each in looks:
        _print_look(each)


def _print_look(look: "FileLook") -> None:
    console = plain_console()
    console.print(f"{look.path}: {look.table} ({look.n_rows:,} rows looked at: {look.form})")
    if look.profile is not None:
        console.print(f"The columns are those of the profile {look.profile}.")
    rows = ((each.column, each.target or "-", "  ".join(map(_short, each.examples))) for each in look.columns)
    print_table(("column", "taken for", "examples"), rows)
    if look.doubts:
        console.print("Doubts:")
        for doubt in look.doubts:
            console.print(_wrapped(doubt))
        console.print()
    console.print("To import it:\n")
    console.print(" \\\n    ".join(_lines(look.words)))


def _wrapped(doubt: str) -> str:
    """A line of a list, in lines that are not too long."""
    return textwrap.fill(doubt, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _short(example: str) -> str:
    return example if len(example) <= EXAMPLE else f"{example[: EXAMPLE - 3]}..."


def _lines(words: Sequence[str]) -> Iterator[str]:
    """The command in lines that are not too long; an option stays beside its value."""
    line = ""
    for part in _parts(words):
        if line and len(line) + len(part) >= WIDTH:
            yield line
            line = part
        else:
            line = f"{line} {part}".strip()
    yield line


def _parts(words: Sequence[str]) -> Iterator[str]:
    at = 0
    while at < len(words):
        n = 2 if words[at].startswith("--") else 1
        yield shlex.join(words[at : at + n])
        at += n


def profiles(
    profile: Annotated[str | None, typer.Option(help="Print this profile.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List the profiles, or print one as a file to copy and change.

    Example: recsys import --profiles

    Example: recsys import --profile shopify-orders --show-profile > mine.toml
    """
    from training.importing.profiles.profile import load_profile, profile_names

    if profile is not None:
        own = load_profile(profile)
        if as_json:
            print_json({"name": own.name, "import": own.table, "export": own.export, "text": own.text})
        else:
            typer.echo(own.text, nl=False)
        return
    known = [load_profile(name) for name in profile_names()]
    if as_json:
        print_json([{"name": each.name, "import": each.table, "export": each.export} for each in known])
    else:
        print_table(("profile", "import", "export"), ((each.name, each.table, each.export) for each in known))

"""Terminal output of commands: text and tables that keep [brackets] in ids as they are, and JSON."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console


def plain_console() -> "Console":
    """A console that prints text as it is."""
    from rich.console import Console

    return Console(markup=False, highlight=False, soft_wrap=True)


def print_json(payload: object) -> None:
    """Prints the payload as indented JSON."""
    import orjson

    typer.echo(orjson.dumps(payload, option=orjson.OPT_INDENT_2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    """Prints a table as wide as the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE)
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)

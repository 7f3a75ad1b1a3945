"""Command `recsys settings`: each setting with its value, default, source, and when a change of it counts."""

import os
from typing import Annotated, Any

import typer

from recsys.cli.context import CliContext
from recsys.cli.output import AsJson, plain_console, print_json, print_table


def settings(
    ctx: typer.Context,
    table: Annotated[str | None, typer.Argument(help="Only this table, such as serve or train.")] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not at its default.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every setting: its value, its default, where it came from, and when a change of it counts.

    A secret is said to be set (***), and never shown.

    Example: [bold]recsys settings --changed[/]
    """
    from dataclasses import asdict

    from recsys.cli.settings.describe import COUNTS, describe_settings
    from recsys.config import spelling_hint
    from recsys.errors import BadInput

    context: CliContext = ctx.obj
    rows = describe_settings(context.file, os.environ)
    if table is not None:
        if table not in COUNTS:
            raise BadInput(f"there is no table {table!r}; {spelling_hint(table, filter(None, COUNTS))}")
        rows = [row for row in rows if row.table.partition(".")[0] == table]
    rows = [row for row in rows if not changed or row.source != "default"]
    if as_json:
        file = None if context.file is None else str(context.file)
        print_json({"file": file, "settings": [asdict(row) for row in rows]})
        return
    if not rows:
        plain_console().print("Everything is at its default.")
        return
    cells = ((_name(row.table, row.name), _cell(row.value), _cell(row.default), row.place, row.counts) for row in rows)
    print_table(("setting", "value", "default", "from", "a change counts"), cells)


def _name(table: str, name: str) -> str:
    return ".".join(part for part in (table, name) if part)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None or value == "" else str(value)

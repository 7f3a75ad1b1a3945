"""TOML text that people edit: one more entry of a table at its end, or one taken out; all else stays as written."""

import re
from collections.abc import Sequence
from typing import Any

import tomli_w

from recsys.errors import BadInput


def with_entry(text: str, table: str, entry: dict[str, Any]) -> str:
    """The text with one more entry of that table at its end."""
    begin = text.rstrip() + "\n\n" if text.strip() else ""
    return f"{begin}[[{table}]]\n{tomli_w.dumps(entry)}"


def without_entry(text: str, table: str, name: str, names: Sequence[object]) -> str:
    """The text without the entry of that name.  names: of all entries, in order.

    Raises BadInput where there is none, and where entries do not stand as tables of their own.
    """
    if name not in names:
        raise BadInput(f"there is no {table.removesuffix('s')} {name!r}; somebody may have taken it away")
    head = re.compile(rf"^\s*\[\[\s*{table}\s*\]\]", re.MULTILINE)
    heads = [match.start() for match in head.finditer(text)]
    if len(heads) != len(names):
        raise BadInput(f"these {table} are written in another way than [[{table}]]; change the text below")
    at = names.index(name)
    end = heads[at + 1] if at + 1 < len(heads) else len(text)
    return text[: heads[at]] + text[end:].lstrip("\n")

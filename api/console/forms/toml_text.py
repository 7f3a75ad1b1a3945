"""TOML text that people edit: one more entry of a table at its end, or one taken out; all else stays as written."""

import re
from typing import Any

import tomli_w

from recsys.errors import BadInput


def with_entry(text: str, table: str, entry: dict[str, Any]) -> str:
    """The text with one more entry of that table at its end."""
    begin = text.rstrip() + "\n\n" if text.strip() else ""
    return f"{begin}[[{table}]]\n{tomli_w.dumps(entry)}"


def without_entry(text: str, table: str, at: int, n_entries: int) -> str:
    """The text without that entry of n_entries.  Raises BadInput where entries do not stand as tables of their own."""
    head = re.compile(rf"^\s*\[\[\s*{table}\s*\]\]", re.MULTILINE)
    heads = [match.start() for match in head.finditer(text)]
    if len(heads) != n_entries:
        raise BadInput(f"these {table} are written in another way than [[{table}]]; change the text below")
    end = heads[at + 1] if at + 1 < len(heads) else len(text)
    return text[: heads[at]] + text[end:].lstrip("\n")

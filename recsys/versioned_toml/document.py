"""TOML document: its size and depth are bounded, and each fault names its line."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from recsys.errors import DocumentFault, RecsysError
from recsys.versioned_toml.field_problems import fields_at, problem_with_value

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

MOST_BYTES = 1_000_000
MOST_FAULTS = 50  # that are named; finding the line of each takes time
# A dotted key of more than 32 parts.  `tomllib` takes the square of their number: 32 KB of one such key took 3 s.
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{32}}")


def read_toml(text: str) -> dict[str, Any] | DocumentFault:
    """The content of a text, or why it has none."""
    if len(text) > MOST_BYTES:
        return DocumentFault(None, "", "", f"{len(text)} characters, at most {MOST_BYTES}; name categories or brands")
    if (long_key := _LONG_KEY.search(text)) is not None:
        at = text.count("\n", 0, long_key.start()) + 1
        return DocumentFault(at, "", "", "a key of more than 32 parts; three are enough")
    try:
        return tomllib.loads(text)
    except ValueError as error:  # of tomllib, or of Python for a number of thousands of digits
        match = re.search(r"at line (\d+)", str(error))
        line = int(match[1]) if match else len(text.splitlines()) or None  # without a match "at end of document"
        return DocumentFault(line, "", "", f"not valid TOML: {error}")
    except RecursionError:
        return DocumentFault(None, "", "", "not valid TOML: nested too deeply")


def toml_text(document: "BaseModel", refusal: type[RecsysError]) -> str:
    """A document that came in as JSON as TOML, written for people.  Raises `refusal` for a null: TOML has none."""
    import tomli_w  # only when a document comes in as JSON

    content = document.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    try:
        return tomli_w.dumps(content, multiline_strings=False)
    except TypeError:
        raise refusal("null is no value of a condition or a list; leave it out") from None


def text_digest(text: str) -> str:
    """Identifies a text: equal texts have equal digests."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def schema_faults(
    error: "ValidationError", model: "type[BaseModel]", text: str, content: Mapping[str, Any], *, table: str, name: str
) -> list[DocumentFault]:
    """The faults that a schema found.  table: of the entries, such as `rules`; name: the field that names an entry."""
    by_path: dict[tuple[int | str, ...], str] = {}
    for row in error.errors(include_url=False):
        if (path := _path(row, model)) not in by_path:
            by_path[path] = problem_with_value(row, model)
        if len(by_path) == MOST_FAULTS:
            break
    return [_schema_fault(path, problem, text, content, table, name) for path, problem in by_path.items()]


def _path(row: Mapping[str, Any], model: "type[BaseModel]") -> tuple[int | str, ...]:
    """Positions and fields of a problem, without the types of a union, each of which has a problem of its own."""
    loc: tuple[int | str, ...] = row["loc"]
    if row["type"] == "extra_forbidden":
        return loc
    places = (at for at, part in enumerate(loc) if isinstance(part, str) and part not in fields_at(model, loc[:at]))
    return loc[: next(places, len(loc))]


def _schema_fault(
    path: Sequence[int | str], problem: str, text: str, content: Mapping[str, Any], table: str, name: str
) -> DocumentFault:
    if len(path) > 1 and path[0] == table and isinstance(path[1], int):
        entry, fields = content[table][path[1]], [str(part) for part in path[2:]]
        own = str(entry.get(name, "")) if isinstance(entry, Mapping) else ""
        at = entry_line(text, table, path[1], fields[0] if fields else "")
        return DocumentFault(at, own or f"{table.removesuffix('s')} {path[1] + 1}", ".".join(fields), problem)
    field = ".".join(map(str, path))
    return DocumentFault(top_line(text, field), "", field, problem)


def entry_line(text: str, table: str, number: int, field: str) -> int | None:
    """The line of a field of an entry, else of the entry; of the whole table where they are no tables of their own."""
    lines, heads = _lines_and_heads(text, table)
    if number >= len(heads):
        return top_line(text, table)
    end = heads[number + 1] if number + 1 < len(heads) else len(lines)
    key = re.compile(rf"""\s*\[?({table}\.)?["']?{re.escape(field)}["']?\s*[.=\]]""")
    matches = (at for at in range(heads[number] + 1, end) if field and key.match(lines[at]))
    return next(matches, heads[number]) + 1


@lru_cache(maxsize=1)  # a text has up to fifty faults, each with its line
def _lines_and_heads(text: str, table: str) -> tuple[list[str], list[int]]:
    """The lines of a text, and the positions of those that begin an entry."""
    head, lines = re.compile(rf"\s*\[\[\s*{table}\s*\]\]"), text.splitlines()
    return lines, [at for at, line in enumerate(lines) if head.match(line)]


def top_line(text: str, field: str) -> int | None:
    """The line of a field outside all entries."""
    key = re.compile(rf"""\s*\[?\[?["']?{re.escape(field)}["']?\s*[=\]]""")
    return next((at for at, line in enumerate(text.splitlines(), start=1) if field and key.match(line)), None)


def faults_text(faults: Sequence[DocumentFault]) -> str:
    """The first faults as one sentence."""
    return "; ".join(map(str, faults[:5])) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")

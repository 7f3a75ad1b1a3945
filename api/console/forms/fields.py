"""Typed fields of forms as values; a fault says what was typed, and what is meant."""

import re
import unicodedata
from datetime import date
from typing import Any

from api.console.visit import Visit
from recsys.errors import BadInput

MOST_LETTERS = 64  # of a name of a segment, rule, campaign or promotion


def typed_name(text: str) -> str:
    """The name that was typed, with hyphens for what names of documents may not hold.  Raises BadInput."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:MOST_LETTERS]
    if not name:
        raise BadInput(f"{text!r} is no name; put in letters a to z or digits, such as champions-at-risk")
    return name


def typed_number(text: str, example: str) -> float:
    """Whole numbers as int.  Raises BadInput."""
    try:
        value = float(text)
    except ValueError:
        raise BadInput(f"{text!r} is no number; put in {example}") from None
    return int(value) if value.is_integer() else value


def typed_day(text: str) -> date:
    """Raises BadInput."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no day; write it as 2026-12-04") from None


def typed_days(visit: Visit) -> dict[str, Any]:
    """The days `from` and `until`, those that were typed."""
    return {name: typed_day(visit.typed(name)) for name in ("from", "until") if visit.typed(name)}


def typed_words(text: str) -> list[str]:
    """Words with blanks or commas between."""
    return text.replace(",", " ").split()


def typed_lines(text: str) -> list[str]:
    """Names with commas between, which may hold blanks themselves."""
    return [word.strip() for word in text.split(",") if word.strip()]


def typed_version(visit: Visit) -> int:
    """The version that was chosen.  Raises BadInput."""
    number = visit.typed("version")
    if not number.isdecimal() or len(number) > 9:
        raise BadInput(f"{number!r} is no version; choose one below")
    return int(number)

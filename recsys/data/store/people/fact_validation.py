"""Validation of facts before any store writes them."""

from collections.abc import Sequence
from math import isfinite

from recsys.data.facts import MAX_TEXT, Fact, FactKind
from recsys.data.store.validation import MAX_ID, MAX_NUMBER, is_text
from recsys.errors import BadEvent

_IDS = ("fact_id", "user_id")
_LABELS = ("ref", "channel")
_KINDS = frozenset(map(int, FactKind))
_INT64 = 2**63


def check_facts(facts: Sequence[Fact]) -> None:
    """Raises BadEvent with the first fact that a store could not keep."""
    for fact in facts:
        for name, value in fact._asdict().items():
            if not _fits(name, value):
                raise BadEvent(f"fact {fact.fact_id!r:.80}: {name} = {value!r:.80} cannot be stored; {_advice(name)}")


def _fits(name: str, value: object) -> bool:
    if name in _IDS:
        return isinstance(value, str) and 0 < len(value) <= MAX_ID and is_text(value)
    if name == "kind":
        return isinstance(value, int) and value in _KINDS
    if name == "at_ms":
        return isinstance(value, int) and -_INT64 <= value < _INT64
    if value is None:
        return True
    if name == "value":
        return isinstance(value, float | int) and isfinite(value) and abs(value) <= MAX_NUMBER
    return isinstance(value, str) and len(value) <= (MAX_ID if name in _LABELS else MAX_TEXT) and is_text(value)


def _advice(name: str) -> str:
    if name == "kind":
        return "use one of the numbers of FactKind"
    if name in ("value", "at_ms"):
        return f"use a number up to {MAX_NUMBER:g}, or none" if name == "value" else "use whole Unix milliseconds"
    most, least = (MAX_TEXT if name == "text" else MAX_ID), "1 to" if name in _IDS else "up to"
    return f"use {least} {most} characters without NUL and without lone surrogates"

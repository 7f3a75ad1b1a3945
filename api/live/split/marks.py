"""Marks of an answer: what the guardrails of a canary or an experiment count against it."""

import re
from typing import Literal

from recsys.ranking.placements import Placements

Mark = Literal["error", "late", "fallback", "empty"]

_ITEM = b'"item_id":'
_ROWS, _PLACEMENT = b'"rows":[', b'"placement":"'
_HEAD = 160  # bytes: rows begin in the first of them, behind an experiment and its arm
_PLACEMENT_OF_ROW = re.compile(rb'"placement":"([^"]*)","because":')


def mark_of_impersonal(payload: bytes, placements: Placements) -> Mark | None:
    """What is wrong with a list or with rows that are not personal; None for what is whole.

    What everybody gets by definition, as best-sellers, is whole.
    """
    if _ITEM not in payload:
        return "empty"
    return "fallback" if _is_meant_personal(payload, placements) else None


def _is_meant_personal(payload: bytes, placements: Placements) -> bool:
    """Whether it is a list of a placement that is personal, or holds a row of one."""
    if _ROWS in payload[:_HEAD]:
        names = _PLACEMENT_OF_ROW.findall(payload)
    else:
        start = payload.rindex(_PLACEMENT) + len(_PLACEMENT)
        names = [payload[start : payload.index(b'"', start)]]
    return any((placement := placements.get(name.decode())) is None or placement.is_personal for name in names)

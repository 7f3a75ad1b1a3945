"""Marks of an answer: empty, filled up, or whole; what everybody gets by definition is not filled up."""

from typing import Any

import orjson
import pytest

from api.live.split.experiment import ServedArm
from api.live.split.marks import list_mark
from recsys.experiments.definition import ExperimentPlan
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import load_placements

PLACEMENTS = load_placements(None, frozenset(SOURCES))
ITEMS = [{"item_id": "item-1", "name": '"placement":"best-sellers","because":'}]
LABEL = ServedArm.build(ExperimentPlan(id="e" * 48), "B", None).label


def payload(placement: str, level: str, content: dict[str, Any]) -> bytes:
    """As a worker keeps it, with an arm."""
    body = content | {"placement": placement, "model_version": "v1", "fallback": level}
    return LABEL + orjson.dumps(body)[1:-2]


def row(placement: str) -> dict[str, object]:
    return {"title": placement, "placement": placement, "because": [], "items": ITEMS, "fallback": "popular"}


@pytest.mark.parametrize(
    ("placement", "level", "mark"),
    [
        ("home", "personal", None),
        ("home", "popular", "fallback"),
        ("best-sellers", "popular", None),
        ("trending", "popular", None),
        ("no-such", "popular", "fallback"),
    ],
)
def test_only_a_list_that_should_be_personal_is_filled_up(placement: str, level: str, mark: str | None) -> None:
    assert list_mark(payload(placement, level, {"items": ITEMS}), level, PLACEMENTS) == mark
    assert list_mark(payload(placement, level, {"items": []}), level, PLACEMENTS) == "empty"


def test_rows_are_filled_up_when_one_of_them_should_be_personal() -> None:
    everybodys = payload("home", "popular", {"rows": [row("trending"), row("best-sellers")]})
    mixed = payload("home", "popular", {"rows": [row("trending"), row("discover")]})
    assert list_mark(everybodys, "popular", PLACEMENTS) is None
    assert list_mark(mixed, "popular", PLACEMENTS) == "fallback"

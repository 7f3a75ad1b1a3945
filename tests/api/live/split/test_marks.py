"""Marks of an answer: empty, filled up, or whole; what everybody gets by definition is not filled up."""

from typing import Any

import orjson
import pytest

from api.live.split.experiment import ServedArm
from api.live.split.marks import mark_of_impersonal
from recsys.experiments.definition import ExperimentPlan
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import load_placements

PLACEMENTS = load_placements(None, frozenset(SOURCES))
ITEMS = [{"item_id": "item-1", "name": '"placement":"best-sellers","because":'}]
LABEL = ServedArm.build(ExperimentPlan(id="e" * 48), "B", None).label


def payload(placement: str, content: dict[str, Any]) -> bytes:
    """As a worker keeps it, with an arm."""
    body = content | {"placement": placement, "model_version": "v1", "fallback": "popular"}
    return LABEL + orjson.dumps(body)[1:-2]


def row(placement: str) -> dict[str, object]:
    return {"title": placement, "placement": placement, "because": [], "items": ITEMS, "fallback": "popular"}


@pytest.mark.parametrize(
    ("placement", "mark"),
    [
        ("home", "fallback"),
        ("best-sellers", None),
        ("trending", None),
        ("no-such", "fallback"),
    ],
)
def test_only_a_list_that_should_be_personal_is_filled_up(placement: str, mark: str | None) -> None:
    assert mark_of_impersonal(payload(placement, {"items": ITEMS}), PLACEMENTS) == mark
    assert mark_of_impersonal(payload(placement, {"items": []}), PLACEMENTS) == "empty"


def test_rows_are_filled_up_when_one_of_them_should_be_personal() -> None:
    everybodys = payload("home", {"rows": [row("trending"), row("best-sellers")]})
    mixed = payload("home", {"rows": [row("trending"), row("discover")]})
    assert mark_of_impersonal(everybodys, PLACEMENTS) is None
    assert mark_of_impersonal(mixed, PLACEMENTS) == "fallback"

"""Table of stage x value class: an offer for each cell, whose condition is an audience."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from recsys.customers.people import stage_names
from recsys.customers.population import MIN_GROUP
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.parser import SegmentVocabulary, parse_customers
from recsys.ranking.segments.population import SegmentPopulation

VALUE_CLASSES: Final = ("high", "middle", "low")
# What shops give: more to who is worth more and about to leave, nothing off to who buys anyway.
OFFERS_BY_STAGE: Final[Mapping[str, tuple[str, str, str]]] = {  # by VALUE_CLASSES
    "potential": ("gift", "discount", "discount"),
    "new": ("gift", "threshold", "threshold"),
    "growing": ("ladder", "ladder", "threshold"),
    "loyal": ("member_price", "member_price", "bundle"),
    "advocate": ("gift", "member_price", "bundle"),
    "back": ("gift", "threshold", "threshold"),
    "at_risk": ("discount", "discount", "threshold"),
    "dormant": ("gift", "discount", "none"),
    "lost": ("discount", "none", "none"),
}


@dataclass(frozen=True, slots=True)
class OfferCell:
    """One cell: the kind of promotion, its customers (None below MIN_GROUP), and the condition that finds them."""

    stage: str
    value_class: str
    offer: str
    customers: int | None
    where: Mapping[str, Any]


def offer_table(population: SegmentPopulation) -> list[OfferCell]:
    """A cell for every stage and class of value.  Raises BadInput where the release says no value."""
    cells = []
    for stage in stage_names():
        for value_class, offer in zip(VALUE_CLASSES, OFFERS_BY_STAGE[stage], strict=True):
            where = {"stage": stage, "value_class": value_class}
            n = int(members(parse_customers(where, SegmentVocabulary()), population, {}).sum())
            cells.append(OfferCell(stage, value_class, offer, n if n >= MIN_GROUP else None, where))
    return cells

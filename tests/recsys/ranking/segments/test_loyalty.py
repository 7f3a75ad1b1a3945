"""Loyalty as a condition: tier, balance and programme of the latest fact, of all customers or of a few."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.data.facts import Fact, FactKind
from recsys.data.store.open import open_store
from recsys.errors import BadInput
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.parser import SegmentVocabulary, parse_customers
from recsys.ranking.segments.population import SegmentPopulation


def fact(user: int, at_ms: int, points: float | None, tier: str | None, programme: str = "club") -> Fact:
    return Fact(f"{user}-{at_ms}", f"user-{user:03}", FactKind.LOYALTY, at_ms, points, tier, programme)


FACTS = [
    fact(2, 1, 900, "gold"),
    fact(2, 2, 40, "silver"),
    fact(3, 1, 900, "gold"),
    fact(4, 1, None, "gold", "old club"),
    fact(5, 1, 80, None),
    fact(1, 1, 900, "gold"),  # who refused personalisation, so that the store of a shop would not keep it
]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("gold", {3, 4}),
        (["gold", "silver"], {2, 3, 4}),
        ({"balance": {"gte": 80}}, {3, 5}),
        ({"tier": "gold", "balance": {"lt": 1000}}, {3}),
        ({"tier": "gold", "programme": "old club"}, {4}),
        ({}, {2, 3, 4, 5}),
    ],
)
def test_the_latest_fact_says_who_is_a_member(
    population: SegmentPopulation, tmp_path: Path, written: Any, expected: set[int]
) -> None:
    where = parse_customers({"in_loyalty": written}, SegmentVocabulary())
    store = open_store(tmp_path, None)
    store.add_facts(FACTS)
    for is_whole in (True, False):
        mask = members(where, replace(population, store=store, is_whole=is_whole), {})
        assert {int(population.user_ids[row][-3:]) for row in np.flatnonzero(mask).tolist()} == expected
    store.close()


def test_without_facts_at_hand_it_is_refused(population: SegmentPopulation) -> None:
    where = parse_customers({"in_loyalty": "gold"}, SegmentVocabulary())
    with pytest.raises(BadInput, match="leave the condition out"):
        members(where, replace(population, store=None), {})

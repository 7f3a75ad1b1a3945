"""Table of stage x value: every cell has an offer, and its condition finds its own customers alone."""

import typing
from dataclasses import replace

import numpy as np
import pytest

from recsys.customers.people import stage_names
from recsys.promotions.model import KINDS
from recsys.promotions.offer_table import OFFERS_BY_STAGE, VALUE_CLASSES, offer_table
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.columns import COLUMNS
from recsys.ranking.segments.population import population_of


def test_every_stage_has_an_offer_for_each_class_of_value() -> None:
    assert set(OFFERS_BY_STAGE) == set(stage_names())
    assert {offer for row in OFFERS_BY_STAGE.values() for offer in row} <= {*KINDS, "none"}
    assert set(VALUE_CLASSES) == set(typing.cast(tuple[str, ...], COLUMNS["value_class"].words))


def test_cells_divide_the_customers_and_small_ones_are_not_told(
    small_shop: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    population = population_of(small_shop.engine, small_shop.catalogue, {})
    classes = (np.arange(len(population)) % 3).astype(population.scores.value_class.dtype)
    population = replace(population, scores=replace(population.scores, value_class=classes))
    assert all(cell.customers is None or cell.customers >= 20 for cell in offer_table(population))
    monkeypatch.setattr("recsys.promotions.offer_table.MIN_GROUP", 0)
    n_known = int(population.is_named.sum())
    assert sum(cell.customers or 0 for cell in offer_table(population)) == n_known > 0

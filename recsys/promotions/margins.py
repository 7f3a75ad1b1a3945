"""Unit margins of items: price without cost, or an assumed share of the price where the cost is unknown."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.arrays import Bools, Doubles, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.engine.engine import Engine
from recsys.promotions.settings import PromotionSettings


@dataclass(frozen=True, slots=True)
class UnitMargins:
    """price (I,): NaN where unknown.  margin (I,): of one unit.  is_assumed (I,): by `share` of the price."""

    price: Doubles
    margin: Doubles
    is_assumed: Bools
    share: float

    def assumption(self, items: Ints) -> str | None:
        """What is assumed about some of these items; None where every cost is known."""
        n = int(self.is_assumed[items].sum())
        if not n:
            return None
        return f"the cost of {n:,} of {len(items):,} items is unknown: {self.share:.0%} of the price stands for margin"


def unit_margins(engine: Engine, catalogue: Catalogue, share: float) -> UnitMargins:
    """The margins of all items of the catalogue."""
    price = catalogue.price.astype(np.float64)
    cost = np.full(len(price), np.nan)
    known = engine.customers.item_cost
    cost[: len(known)] = known
    is_assumed = np.isnan(cost)
    return UnitMargins(price, np.where(is_assumed, share * price, price - cost), is_assumed, share)


def margin_share(file: Path | None) -> float:
    """The assumed share, by the settings file.  Raises BadSettings."""
    return PromotionSettings.load(file).margin_share

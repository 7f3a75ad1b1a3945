"""Interactions: the training data of all models, histories with baskets, values and item features."""

from dataclasses import dataclass, replace

from recsys.arrays import Bools, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.item_features import ItemFeatures
from recsys.data.dataset.occasions import number_occasions


@dataclass(frozen=True, slots=True)
class Interactions:
    """U customers and I items.

    histories: of all U, sorted by customer, item, time; N events.
    basket (N,) int32, aligned with the events: equal numbers are one basket, negative ones without an order id.
    value (N,) float32: money of the event (price x quantity), 0 where unknown.
    category (I,) int32: code of the item's category, 0 where unknown.
    item_features: of all I items; None if the shop describes no item.
    """

    histories: Histories
    basket: Ints
    value: Floats
    category: Ints
    item_features: ItemFeatures | None = None

    @property
    def n_users(self) -> int:
        return len(self.histories)

    @property
    def n_items(self) -> int:
        return self.histories.n_items

    @property
    def occasion(self) -> Longs:
        """The number of the order of each event, or without an order id of the customer's day.  (N,)"""
        return number_occasions(self.histories.user, self.histories.at, self.basket)

    def before(self, at: float) -> "Interactions":
        """The interactions before that moment (days since 1970), which becomes `now`."""
        return self.only(self.histories.at < at, at)

    def only(self, is_kept: Bools, now: float) -> "Interactions":
        """The same customers with the marked ones of the N events, as of `now` (days since 1970)."""
        past = replace(self.histories.where(is_kept), now=now)
        return Interactions(past, self.basket[is_kept], self.value[is_kept], self.category, self.item_features)

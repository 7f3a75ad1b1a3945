"""Up-sell: dearer items of the same product type that leave the shop more, by what a change to them would earn."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_TIMES = 2.0  # the price of the other item: of far dearer ones nobody thinks as the same


@dataclass(frozen=True, slots=True)
class UpsellItem:
    """Another item of the type.  gain: margin more than that of the item; share: of the purchases of the dearer items.

    value: share x gain.
    """

    item_id: str
    price: float
    gain: float
    share: float
    value: float


def upsell_items(
    item_id: str,
    labels: Mapping[str, str],
    price: Mapping[str, float],
    margin: Mapping[str, float],
    purchases: Mapping[str, int],
    *,
    most_times: float = MOST_TIMES,
) -> list[UpsellItem]:
    """The items of the label of the item that cost more, up to `most_times`, and leave more margin; the best first.

    labels: the product type of each item on sale.  Nothing where the item has no type, price or margin.
    """
    label = labels.get(item_id)
    if label is None or item_id not in price or item_id not in margin:
        return []
    dearer = [
        other
        for other, own in labels.items()
        if own == label
        and other in margin
        and price[item_id] < price.get(other, 0.0) <= most_times * price[item_id]
        and margin[other] > margin[item_id]
    ]
    total = sum(purchases.get(other, 0) for other in dearer)
    chosen = [
        UpsellItem(
            other,
            round(price[other], 2),
            round(margin[other] - margin[item_id], 4),
            round(purchases.get(other, 0) / total, 4),
            round(purchases.get(other, 0) / total * (margin[other] - margin[item_id]), 6),
        )
        for other in dearer
        if purchases.get(other, 0)
    ]
    return sorted(chosen, key=lambda each: (-each.value, each.item_id))

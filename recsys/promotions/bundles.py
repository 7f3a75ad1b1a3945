"""Bundle proposals: pairs of items that are bought together, by what the shop keeps of them after the discount."""

from collections.abc import Mapping
from dataclasses import dataclass

from recsys.customers.pairs import BasketPairs


@dataclass(frozen=True, slots=True)
class BundleProposal:
    """Two items at `price` together.  baskets: with both; profit: kept of one bundle; total: of all these baskets.

    break_even: by which share more bundles must be sold than now, so that the discount pays.
    """

    items: tuple[str, str]
    baskets: int
    lift: float
    price: float
    discount: float
    profit: float
    total: float
    break_even: float


def propose_bundles(
    pairs: BasketPairs,
    price: Mapping[str, float],
    margin: Mapping[str, float],
    *,
    percent: float,
    least_lift: float = 1.5,
) -> list[BundleProposal]:
    """The pairs that still earn after `percent` off both, by the total, the largest first.

    price, margin: of one unit, by item; pairs with an unknown one are left out.
    """
    proposals = []
    rows = zip(pairs.first.tolist(), pairs.second.tolist(), pairs.count.tolist(), pairs.lift.tolist(), strict=True)
    for first, second, count, lift in rows:
        items = (pairs.names[first], pairs.names[second])
        if lift < least_lift or not all(item in price and item in margin for item in items):
            continue
        full = price[items[0]] + price[items[1]]
        discount = full * percent / 100
        profit = margin[items[0]] + margin[items[1]] - discount
        if profit > 0:
            shares = (round(full - discount, 2), round(discount, 2), round(profit, 2), round(count * profit, 2))
            proposals.append(BundleProposal(items, count, round(lift, 2), *shares, round(discount / profit, 4)))
    return sorted(proposals, key=lambda proposal: (-proposal.total, proposal.items))

"""Filter specification of a query: categories, prices, exclusions and a filter expression."""

from dataclasses import dataclass

from recsys.ranking.filters.expression import Where


@dataclass(frozen=True, slots=True)
class Filters:
    """What the storefront allows, by exact name.  None allows everything; prices are inclusive, unknown ones fail.

    where: conditions on any field or attribute.
    """

    category_in: frozenset[str] | None = None
    category_out: frozenset[str] = frozenset()
    brand_in: frozenset[str] | None = None
    brand_out: frozenset[str] = frozenset()
    price_from: float | None = None
    price_to: float | None = None
    in_stock: bool = False  # True: only items whose stock is counted and above 0; sold-out ones never show anyway
    where: Where | None = None


NO_FILTERS = Filters()

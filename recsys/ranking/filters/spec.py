"""Filter specification of a query: the filters of the storefront, combined into one expression."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from recsys.ranking.filters.expression import AllOf, Condition, FilterExpression, Not, Where, build_where


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of the storefront, by exact name.  None is no filter.  Prices are inclusive; items without one fail.

    where: conditions on any field or attribute.  combined: all of them together, None where everything passes.
    """

    category_in: frozenset[str] | None = None
    category_out: frozenset[str] = frozenset()
    brand_in: frozenset[str] | None = None
    brand_out: frozenset[str] = frozenset()
    price_from: float | None = None
    price_to: float | None = None
    in_stock: bool = False  # True: only items whose stock is counted and above 0; sold-out items are never shown anyway
    where: Where | None = None
    combined: Where | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = tuple(self._parts())
        if self.where is not None:
            parts = (*parts, self.where.expression) if parts else ()
        object.__setattr__(self, "combined", build_where(AllOf(parts)) if parts else self.where)

    def _parts(self) -> Iterator[FilterExpression]:
        """The expression of each filter but `where`."""
        for name, included, excluded in (
            ("category", self.category_in, self.category_out),
            ("brand", self.brand_in, self.brand_out),
        ):
            if included is not None:
                yield Condition(name, "in", tuple(sorted(included)))
            if excluded:
                yield Not(Condition(name, "in", tuple(sorted(excluded))))
        if self.price_from is not None:
            yield Condition("price", "gte", float(self.price_from))
        if self.price_to is not None:
            yield Condition("price", "lte", float(self.price_to))
        if self.in_stock:
            yield Condition("stock", "gt", 0.0)


NO_FILTERS = Filters()

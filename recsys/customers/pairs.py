"""Association rules of baskets: support, confidence and lift of pairs of items, types or categories."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Ints, Longs
from recsys.config import spelling_hint
from recsys.customers.population import MIN_GROUP, Population
from recsys.customers.surveys import Z
from recsys.data.entities import Item
from recsys.data.events import PURCHASE
from recsys.errors import BadInput

if TYPE_CHECKING:
    import polars as pl
    from scipy.sparse import csc_array


ITEM, TYPE = "item", "type"
ORDERS = ("lift", "baskets", "support", "confidence", "confidence_back")
FIELDS = ("category", "brand")
TYPE_ATTRIBUTES = ("type", "product_type")  # the first that items have is their type


@dataclass(frozen=True, slots=True)
class BasketLines:
    """N purchases of L labels in B baskets: basket, customer (N,), label (N,) int32; names (L,)."""

    basket: Longs
    customer: Longs
    label: Ints
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class BasketPairs:
    """P pairs of labels that are in `count` (P,) baskets together, by falling lift, then count, then label.

    first, second (P,) int32: places in `names`; baskets (L,): with each label; n_baskets: with any label.
    """

    first: Ints
    second: Ints
    count: Longs
    baskets: Longs
    n_baskets: int
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.count)

    @property
    def support(self) -> Doubles:
        """Share of the baskets that hold both.  (P,)"""
        return self.count / max(self.n_baskets, 1)

    @property
    def confidence(self) -> tuple[Doubles, Doubles]:
        """Share of the baskets with the first that hold the second, too, and the reverse.  (P,), (P,)"""
        return self.count / self.baskets[self.first], self.count / self.baskets[self.second]

    @property
    def lift(self) -> Doubles:
        """How many times as often both are together as by chance; 1 is chance.  (P,)"""
        by_chance = self.baskets[self.first].astype(np.float64) * self.baskets[self.second]
        return self.count * float(self.n_baskets) / by_chance

    def lift_interval(self) -> tuple[Doubles, Doubles]:
        """Ends of the interval of 95 % of the lift, as if baskets were independent.  (P,), (P,)

        Its logarithm has by the delta method the variance (1 / p_ab - 1 / p_a - 1 / p_b + 2 lift - 1) / baskets
        (Agresti 2013, "Categorical data analysis", 16.1), p being shares of the baskets.
        """
        n, lift = float(max(self.n_baskets, 1)), self.lift
        own = 1 / self.baskets[self.first] + 1 / self.baskets[self.second]
        variance = 1 / self.count - own + (2 * lift - 1) / n
        factor = np.exp(Z * np.sqrt(np.maximum(variance, 0.0)))
        return lift / factor, lift * factor

    def frame(self) -> "pl.DataFrame":
        """A row per pair."""
        import polars as pl

        names = np.array(self.names, object)
        forward, back = self.confidence
        low, high = self.lift_interval()
        return pl.DataFrame(
            {
                "first": pl.Series(names[self.first], dtype=pl.String),
                "second": pl.Series(names[self.second], dtype=pl.String),
                "baskets": self.count,
                "support": self.support,
                "confidence": forward,
                "confidence_back": back,
                "lift": self.lift,
                "lift_low": low,
                "lift_high": high,
            }
        )


def basket_pairs(lines: BasketLines, least: int) -> BasketPairs:
    """The pairs that at least `least` baskets hold, of MIN_GROUP customers or more (Agrawal et al. 1993).

    A label counts once in a basket.
    """
    from scipy.sparse import csc_array, triu

    basket = np.unique(lines.basket, return_inverse=True)[1]
    owner = np.zeros(int(basket.max(initial=-1)) + 1, np.int64)
    owner[basket] = lines.customer
    shape = (len(owner), len(lines.names))
    held = csc_array((np.ones(len(basket), np.int32), (basket, lines.label)), shape=shape)
    held.sum_duplicates()
    held.data[:] = 1
    baskets = held.sum(axis=0).astype(np.int64)
    kept = np.flatnonzero(baskets >= least)
    chosen = held[:, kept]
    both = triu(chosen.T @ chosen, 1).tocoo()
    enough = both.data >= least
    first, second, count = both.row[enough], both.col[enough], both.data[enough]
    if len(count):
        known = _are_many(chosen, owner, first, second, count)
        first, second, count = first[known], second[known], count[known]
    pairs = BasketPairs(
        kept[first].astype(np.int32),
        kept[second].astype(np.int32),
        count.astype(np.int64),
        baskets,
        len(owner),
        lines.names,
    )
    return _by_lift(pairs)


def _by_lift(pairs: BasketPairs) -> BasketPairs:
    order = np.lexsort((pairs.second, pairs.first, -pairs.count, -pairs.lift))
    return BasketPairs(
        pairs.first[order], pairs.second[order], pairs.count[order], pairs.baskets, pairs.n_baskets, pairs.names
    )


def _are_many(held: "csc_array", owner: Longs, first: AnyArray, second: AnyArray, count: AnyArray) -> Bools:
    """Whether MIN_GROUP customers or more own baskets with both.  (P,)

    Most pairs are in more baskets than those customers who bought one of the labels most often have of it.
    """
    rows = [held.indices[start:end] for start, end in zip(held.indptr[:-1], held.indptr[1:], strict=True)]
    most = np.array([_most_of_few(owner[each]) for each in rows])
    are_many: Bools = count > np.minimum(most[first], most[second])
    for at in np.flatnonzero(~are_many):
        shared = np.intersect1d(rows[first[at]], rows[second[at]], assume_unique=True)
        are_many[at] = len(np.unique(owner[shared])) >= MIN_GROUP
    return are_many


def _most_of_few(owner: Longs) -> int:
    """The baskets of the MIN_GROUP - 1 customers who own most of them."""
    return int(np.sort(np.unique(owner, return_counts=True)[1])[-(MIN_GROUP - 1) :].sum())


def basket_lines(events: "pl.DataFrame", items: Collection[Item], by: str) -> BasketLines:
    """The purchases as lines of baskets, an order each or without one a customer's day (UTC).

    by: item, type, category, brand or an attribute.  Items without a label do not count, nor do lines that cost
    nothing.  Raises BadInput for an attribute that no item has.
    """
    import polars as pl

    from recsys.data.dataset.occasions import occasion_expression

    bought = events.filter((pl.col("kind") == PURCHASE) & ~(pl.col("price") <= 0).fill_null(value=False)).select(
        pl.col("user_id").cast(pl.Categorical).to_physical().cast(pl.Int64).alias("customer"),
        pl.col("item_id").cast(pl.Categorical),
        occasion_expression().alias("occasion"),
    )
    if by == ITEM:
        labelled = bought.with_columns(pl.col("item_id").cast(pl.String).alias("label"))
    else:
        labels = item_labels(items, by)
        ids = bought["item_id"].unique()
        known = [item_id for item_id in ids.to_list() if item_id in labels]
        words = pl.DataFrame(
            {"item_id": pl.Series(known, dtype=pl.Categorical), "label": [labels[item_id] for item_id in known]},
            schema_overrides={"label": pl.String},
        )
        labelled = bought.join(words, on="item_id", how="inner")
    names = labelled["label"].unique().sort().to_list()
    return BasketLines(
        labelled.select(pl.struct("customer", "occasion").rank("dense")).to_series().to_numpy().astype(np.int64),
        labelled["customer"].to_numpy(),
        labelled["label"].cast(pl.Enum(names)).to_physical().cast(pl.Int32).to_numpy(),
        names,
    )


def item_labels(items: Collection[Item], by: str) -> dict[str, str]:
    """The label of each item that has one; of a list, the first word.  Raises BadInput for an unknown attribute."""
    known = {key for item in items for key in item.attributes}
    name = next((key for key in TYPE_ATTRIBUTES if key in known), by) if by == TYPE else by
    if name not in FIELDS and name not in known:
        raise BadInput(f"by {by}: no item has this attribute; {spelling_hint(by, [ITEM, TYPE, *FIELDS, *known])}")
    labels = {}
    for item in items:
        value = getattr(item, name) if name in FIELDS else item.attributes.get(name)
        value = value[0] if isinstance(value, list) and value else value
        if value is not None and value != []:
            labels[item.item_id] = str(value)
    return labels


def ordered_pairs(pairs: "pl.DataFrame", order: str) -> "pl.DataFrame":
    """The rows of `BasketPairs.frame`, the highest of that column first.  Raises BadInput for another one."""
    if order not in ORDERS:
        raise BadInput(f"order {order}: {spelling_hint(order, ORDERS)}")
    return pairs.sort(order, descending=True, maintain_order=True)


def pairs_report(
    people: Population, rules: BasketPairs, shown: "pl.DataFrame", *, by: str, least: int
) -> dict[str, Any]:
    """The rows shown as JSON types, items with their names, with the time that the baskets are from (Unix ms)."""
    names = {item.item_id: item.name for item in people.items} if by == ITEM else {}
    rows = [
        {**row, "first_name": names.get(row["first"]), "second_name": names.get(row["second"])}
        for row in shown.to_dicts()
    ]
    at_ms = people.events["at_ms"].to_numpy()
    return {
        "by": by,
        "least": least,
        "baskets": rules.n_baskets,
        "n_pairs": len(rules),
        "from": int(at_ms.min()) if len(at_ms) else None,
        "as_of": int(at_ms.max()) + 1 if len(at_ms) else None,
        "pairs": rows,
    }

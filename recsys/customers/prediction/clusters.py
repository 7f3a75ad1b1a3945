"""Clusters of customers: k-means centres over recency, frequency, money and category shares, described in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from recsys.arrays import Doubles, Ints, Kinds
from recsys.bundle.array_spec import ArraySpec
from recsys.customers.rhythm import Rhythm
from recsys.data.dataset.interactions import Interactions
from recsys.models.serialization import StoredFields

NO_CLUSTER = -1
MIN_TOLD = 20  # customers; a smaller cluster is not described
FAR = 1.25  # times as much as all customers, above which a cluster stands out
RFM = 3  # the first columns


@dataclass(frozen=True, slots=True)
class ClusterModel(StoredFields):
    """centres (K, D): of standardised log recency, log purchase days and log money, then category shares (C,).

    centre, spread (3,): of the first three.  category (C,): codes of the categories with the most money.
    """

    centre: Annotated[Doubles, ArraySpec("3")]
    spread: Annotated[Doubles, ArraySpec("3", low=0)]
    category: Annotated[Ints, ArraySpec("C", low=0, high=2**31 - 1)]
    centres: Annotated[Doubles, ArraySpec("K D")]

    def points(self, rhythm: Rhythm, shares: Doubles) -> Doubles:
        """The customers as points, NaN without an order.  shares (U, C).  (U, D)"""
        return np.hstack(((log_rfm(rhythm) - self.centre) / self.spread, shares))

    def assign(self, points: Doubles) -> Kinds:
        """The nearest centre of each customer, of equally near ones the first; NO_CLUSTER for NaN.  (U, D) -> (U,)"""
        known = ~np.isnan(points).any(axis=1)
        cluster = np.full(len(points), NO_CLUSTER, np.int8)
        if known.any() and len(self.centres):
            squares = (points[known] ** 2).sum(axis=1)[:, None] + (self.centres**2).sum(axis=1)
            cluster[known] = np.argmin(squares - 2 * points[known] @ self.centres.T, axis=1)
        return cluster


def log_rfm(rhythm: Rhythm) -> Doubles:
    """log(1 + days since the last order), log(1 + purchase days), log(1 + money); NaN without an order.  (U, 3)"""
    columns = np.column_stack(
        (np.log1p(rhythm.recency_days), np.log1p(rhythm.n_days), np.log1p(np.maximum(rhythm.money, 0.0)))
    )
    columns[~rhythm.has_bought] = np.nan
    return columns


def category_shares(data: Interactions, category: Ints) -> Doubles:
    """The share of each customer's money in those categories, 0 without any money.  (U, C)"""
    codes = data.category[data.histories.item]
    number = np.full(int(max(codes.max(initial=0), category.max(initial=0))) + 1, len(category))
    number[category] = np.arange(len(category))
    width = len(category) + 1
    cells = data.histories.user * width + number[codes]
    money = np.bincount(cells, np.maximum(data.value, 0), len(data.histories) * width).reshape(-1, width)
    total = money.sum(axis=1, keepdims=True)
    shares: Doubles = np.divide(money, total, out=np.zeros_like(money), where=total > 0)
    return shares[:, :-1]


def top_categories(data: Interactions, n: int) -> Ints:
    """Codes of the categories with the most money, ties by code, code 0 (unknown) never.  (<= n,)"""
    money = np.bincount(data.category[data.histories.item], np.maximum(data.value, 0))
    money[:1] = 0
    order = np.lexsort((np.arange(len(money)), -money))[:n]
    return order[money[order] > 0].astype(np.int32)


def describe_clusters(
    model: ClusterModel, cluster: Kinds, rhythm: Rhythm, shares: Doubles, names: Sequence[str]
) -> list[str | None]:
    """A sentence for each cluster, None for one of fewer than MIN_TOLD customers.  names (C,): of the categories."""
    known = cluster != NO_CLUSTER
    usual = shares[known].mean(axis=0) if known.any() else np.zeros(shares.shape[1])
    sentences: list[str | None] = []
    for number in range(len(model.centres)):
        rows = cluster == number
        n = int(rows.sum())
        if n < MIN_TOLD:
            sentences.append(None)
            continue
        days, money = np.median(rhythm.n_days[rows]), np.median(rhythm.money[rows])
        recency, part = np.median(rhythm.recency_days[rows]), n / int(known.sum())
        ratio = np.divide(shares[rows].mean(axis=0), usual, out=np.ones(len(usual)), where=usual > 0)
        far = [
            f"{names[at]} ({ratio[at]:.1f} times the usual share)" for at in np.argsort(-ratio)[:2] if ratio[at] > FAR
        ]
        more = f"; more than others on {' and '.join(far)}" if far else ""
        sentences.append(
            f"{_frequency_word(days, rhythm, known)}: {n:,} customers ({part:.0%}), in the middle {days:.0f} purchase "
            f"days, {money:,.0f} in all, last order {recency:.0f} days ago{more}"
        )
    return sentences


def _frequency_word(days: float, rhythm: Rhythm, known: Kinds) -> str:
    low, high = np.quantile(rhythm.n_days[known], (1 / 3, 2 / 3))
    return "come rarely" if days <= low else "come often" if days > high else "come now and then"

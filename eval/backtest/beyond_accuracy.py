"""Beyond-accuracy metrics of the lists of one window: coverage, novelty, diversity, stability and latency."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eval.backtest.contenders import Contenders, EvalContext, ModelLists
from eval.metrics.accuracy import mean
from eval.metrics.beyond_accuracy import (
    coverage,
    diversity,
    gini,
    miscalibration,
    n_buyers,
    novelty,
    overlap,
    popularity_lift,
    shown_times,
    usual_popularity,
    vector_diversity,
)
from eval.metrics.ranked_lists import RankedLists
from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.events import OWNED_KINDS
from recsys.models.base import VectorModel

MEANING = {
    "coverage": "share of what could be shown that stands in any list",
    "n_shown": "how many items that is",
    "coverage_of_sold": "share of what anybody ever bought, still on sale or not, that stands in any list",
    "gini": "how unevenly places are spread: 0 evenly, 1 all to one item",
    "novelty": "bits of surprise of a shown item; one that half of the customers had is one bit",
    "popularity_lift": "how much better known the shown is than what customers buy: 0 as well, 1 twice as well",
    "diversity": "share of the pairs in a list from different categories",
    "vector_diversity": "1 less the mean cosine of the pairs in a list",
    "miscalibration": "how far a list's categories are from those the customer buys; 0 is the same shares",
    "stability": "share of a list that stood there a week earlier too",
    "latency_ms": "milliseconds for an answer, on average",
    "latency_p95_ms": "milliseconds that 95 of 100 answers stay below",
}


@dataclass(frozen=True, slots=True)
class WindowItems:
    """The items of one window, which all lists are measured against.

    servable: positions of the items on sale.  customers (I,): how many customers had each item, of n_customers.
    category (I,); vectors (I, F): None where no model has any.  bought: the purchases of the Q customers of the window;
    usual (Q,): the mean popularity of the items that each of them bought.
    """

    servable: Ints
    customers: Longs
    n_customers: int
    category: Ints
    vectors: Floats | None
    bought: Histories
    usual: Doubles


def window_items(context: EvalContext) -> WindowItems:
    """The items at the cut of the window."""
    engine = context.recommender.engine
    had = engine.histories.only(*OWNED_KINDS)
    customers = n_buyers(had)
    bought = had.take(context.users)
    model = next((engine.models[name] for name in sorted(engine.vector_models)), None)
    return WindowItems(
        servable=np.flatnonzero(context.on_sale).astype(np.int32),
        customers=customers,
        n_customers=len(had),
        category=_padded(engine.category, engine.n_items),
        vectors=model.item_vectors if isinstance(model, VectorModel) else None,
        bought=bought,
        usual=usual_popularity(bought, customers),
    )


def measure_lists(model_lists: ModelLists, earlier: ModelLists, items: WindowItems, k: int) -> Mapping[str, float]:
    """Every metric that makes sense for the lists, by name.

    earlier: the lists of a week before, for the first of the customers.
    """
    lists, n_earlier = model_lists.lists, len(earlier.lists.length)
    same_users = RankedLists(lists.item[:n_earlier], lists.length[:n_earlier])
    everywhere = shown_times(lists, k, len(items.customers))
    times = everywhere[items.servable]
    metrics = {
        "coverage": coverage(times),
        "n_shown": float(np.count_nonzero(times)),
        "coverage_of_sold": coverage(everywhere[items.customers > 0]),
        "gini": gini(times),
        "novelty": mean(novelty(lists, k, items.customers, items.n_customers)),
        "popularity_lift": popularity_lift(lists, k, items.customers, items.usual),
        "diversity": mean(diversity(lists, k, items.category)),
        "miscalibration": mean(miscalibration(lists, k, items.category, items.bought)),
        "stability": mean(overlap(same_users, earlier.lists, k)),
    }
    if items.vectors is not None:
        metrics["vector_diversity"] = mean(vector_diversity(lists, k, items.vectors))
    if model_lists.seconds is not None:
        metrics |= {
            "latency_ms": float(model_lists.seconds.mean() * 1_000),
            "latency_p95_ms": float(np.quantile(model_lists.seconds, 0.95) * 1_000),
        }
    return metrics


def measure_contenders(
    context: EvalContext, contenders: Contenders, lists: Mapping[str, ModelLists]
) -> dict[str, Mapping[str, float]]:
    """The metrics of all lists; each contender makes lists for some customers again, as of a week earlier."""
    items, earlier = window_items(context), context.a_week_earlier()
    return {
        name: measure_lists(lists[name], make_lists(earlier), items, context.k)
        for name, make_lists in contenders.items()
    }


def _padded(category: AnyArray, n_items: int) -> Ints:
    """(I,), 0 for items that have no category yet."""
    padded = np.zeros(n_items, np.int32)
    padded[: min(n_items, len(category))] = category[:n_items]
    return padded

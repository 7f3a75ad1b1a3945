"""What a list does to the shop's shelf and to its machine, beside how often it is right."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eval.backtest.contenders import Contest, EvalContext, ModelLists
from eval.metrics.accuracy import RankedLists, mean
from eval.metrics.beyond_accuracy import (
    coverage,
    diversity,
    gini,
    miscalibration,
    novelty,
    overlap,
    popularity_lift,
    shown_times,
    usual_popularity,
    vector_diversity,
)
from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.events import HAD
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
class ShelfMeasures:
    """What all lists of one window are laid on.  customers (I,): how many had each item; vectors None without any.

    bought: of the Q customers asked; usual (Q,): how well known what each bought is.
    """

    servable: Ints
    customers: Longs
    n_customers: int
    category: Ints
    vectors: Floats | None
    bought: Histories
    usual: Doubles


def shelf_measures(asking: EvalContext) -> ShelfMeasures:
    """The shelf at the moment of asking."""
    engine = asking.recommender.engine
    had = engine.histories.only(*HAD)
    customers = np.bincount(had.pairs().item, minlength=engine.n_items).astype(np.int64)
    bought = had.take(asking.panel.users)
    model = next((engine.models[name] for name in sorted(engine.vector_models)), None)
    return ShelfMeasures(
        servable=np.flatnonzero(asking.on_sale).astype(np.int32),
        customers=customers,
        n_customers=len(had),
        category=_grown(engine.category, engine.n_items),
        vectors=model.item_vectors if isinstance(model, VectorModel) else None,
        bought=bought,
        usual=usual_popularity(bought, customers),
    )


def measures(answered: ModelLists, earlier: ModelLists, shelf: ShelfMeasures, k: int) -> Mapping[str, float]:
    """Every measure that makes sense for the list, by name.  earlier: the same asked a week before, for the first."""
    lists = answered.lists
    everywhere = shown_times(lists, k, len(shelf.customers))
    times = everywhere[shelf.servable]
    found = {
        "coverage": coverage(times),
        "n_shown": float(np.count_nonzero(times)),
        "coverage_of_sold": coverage(everywhere[shelf.customers > 0]),
        "gini": gini(times),
        "novelty": mean(novelty(lists, k, shelf.customers, shelf.n_customers)),
        "popularity_lift": popularity_lift(lists, k, shelf.customers, shelf.usual),
        "diversity": mean(diversity(lists, k, shelf.category)),
        "miscalibration": mean(miscalibration(lists, k, shelf.category, shelf.bought)),
        "stability": mean(overlap(_first(lists, len(earlier.lists.length)), earlier.lists, k)),
    }
    if shelf.vectors is not None:
        found["vector_diversity"] = mean(vector_diversity(lists, k, shelf.vectors))
    if answered.seconds is not None:
        found |= {
            "latency_ms": float(answered.seconds.mean() * 1_000),
            "latency_p95_ms": float(np.quantile(answered.seconds, 0.95) * 1_000),
        }
    return found


def shelves_of(
    asking: EvalContext, contest: Contest, answers: Mapping[str, ModelLists]
) -> dict[str, Mapping[str, float]]:
    """The measures of every list; each is asked once more for some customers, as of a week earlier."""
    shelf, earlier = shelf_measures(asking), asking.a_week_earlier()
    return {name: measures(answers[name], ask(earlier), shelf, asking.k) for name, ask in contest.items()}


def _first(lists: RankedLists, n: int) -> RankedLists:
    return RankedLists(lists.item[:n], lists.length[:n])


def _grown(category: AnyArray, n_items: int) -> Ints:
    found = np.zeros(n_items, np.int32)
    found[: min(n_items, len(category))] = category[:n_items]
    return found

"""Statistics of customers and items on a cluster: tempo, best-sellers, buying again, and repurchase intervals."""

import numpy as np

from recsys.arrays import AnyArray
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.engine.repurchase import RepurchaseIntervals, purchase_gaps, repurchase_intervals
from recsys.models.buy_again import BuyAgain, BuyAgainModel, RepeatCounts
from recsys.models.event_weights import repeated_pairs, tempo_days, tempo_of
from recsys.models.popularity import Demand, Popularity, PopularityModel
from recsys.models.serialization import require_events
from training.spark.slices import Columns, Slices


def tempo(slices: Slices) -> float:
    """`shop_tempo_days` of all customers."""
    from pyspark.sql import functions as sql

    schema = "n_repeated long, n_pairs long"
    totals = slices.rows(_repeated, schema).agg(sql.sum("n_repeated"), sql.sum("n_pairs")).first()
    n_repeated, n_pairs = (int(total or 0) for total in totals or (0, 0))
    days = slices.rows(_tempo_days, "days double").toArrow()["days"].to_numpy()
    return tempo_of(n_repeated, n_pairs, days)


def fit_popularity(learner: Popularity, data: Interactions, slices: Slices) -> PopularityModel:
    """Raises NotEnoughData without any event."""
    require_events(data)
    return learner.model(Demand(*slices.sums(learner.demand, len(Demand._fields))), data.category)


def fit_buy_again(learner: BuyAgain, data: Interactions, slices: Slices) -> BuyAgainModel:
    """Raises NotEnoughData without any event."""
    require_events(data)
    return learner.model(RepeatCounts(*slices.sums(learner.counts, len(RepeatCounts._fields))))


def fit_repurchase_intervals(slices: Slices) -> RepurchaseIntervals:
    """The intervals of all items."""
    from pyspark.sql import functions as sql

    gaps = slices.rows(_gaps, "item int, gap double").groupBy("item", "gap").count().toArrow()
    first = slices.rows(_first_events, "item int, at double").groupBy("item").agg(sql.min("at").alias("at")).toArrow()
    first_at = np.full(slices.n_items, np.inf)
    first_at[first["item"].to_numpy()] = first["at"].to_numpy()
    times = gaps["count"].to_numpy()
    return repurchase_intervals(first_at, *(np.repeat(gaps[name].to_numpy(), times) for name in ("item", "gap")))


def _repeated(histories: Histories) -> Columns:
    return {
        name: np.array([number])
        for name, number in zip(("n_repeated", "n_pairs"), repeated_pairs(histories), strict=True)
    }


def _tempo_days(histories: Histories) -> Columns:
    return {"days": tempo_days(histories)}


def _gaps(histories: Histories) -> Columns:
    item, gap = purchase_gaps(histories)
    return {"item": item, "gap": gap}


def _first_events(histories: Histories) -> Columns:
    first: AnyArray = np.full(histories.n_items, np.inf)
    np.minimum.at(first, histories.item, histories.at)
    known = np.flatnonzero(np.isfinite(first))
    return {"item": known.astype(np.int32), "at": first[known]}

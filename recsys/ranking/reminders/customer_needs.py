"""Needs of one customer, with the moment, the horizons and the rules that they stand for."""

from dataclasses import replace
from typing import Any

from recsys.customers.prediction.needs import used_horizons
from recsys.customers.prediction.scored import NOT_LEARNT
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.targeting.needs import (
    NEEDS_PLACEMENT,
    NeedModels,
    Needs,
    as_of_day,
    find_needs,
    history_now,
    need_models,
    need_offer,
    needs_json,
)
from recsys.time_units import DAY_MS

NO_NEEDS = "nothing on sale with that chance that they bought on two days or more within half a year"


def customer_needs(
    recommender: Recommender, query: Query, *, days: float, at_least: float, last_event_ms: int | None
) -> dict[str, Any]:
    """The needs of one customer, `query.k` at most, as JSON types.  query: of whom, with the events since the release.

    horizons: of the model, from which chances are taken.  unknown: why there are none.  last_event_ms: of the log.
    """
    engine, models = recommender.engine, need_models(recommender.engine)
    as_of = as_of_day(engine, query.now_ms, last_event_ms)
    needs: list[dict[str, Any]] = []
    if models is not None:
        needs_now = needs_of_query(recommender, models, query, days=days, at_least=at_least, as_of=as_of)
        as_of, needs = needs_now.now, needs_json(needs_now, recommender.catalogue)[: query.k]
    return {
        "as_of": int(as_of * DAY_MS),
        "days": days,
        "horizons": used_horizons(days),
        "needs": needs,
        "unknown": None if needs else NO_NEEDS if models is not None else NOT_LEARNT,
        "model_version": engine.version,
    }


def needs_of_query(
    recommender: Recommender, models: NeedModels, query: Query, *, days: float, at_least: float, as_of: float
) -> Needs:
    """The needs of the customer who asks, under the rules that hold for them.  as_of: in days."""
    query = replace(query, placement=NEEDS_PLACEMENT)
    rules = recommender.rules_for(query) if recommender.rules else ()
    offer = need_offer(recommender.applied_rules, rules, days=days, at_least=at_least, now_ms=query.now_ms)
    engine = recommender.engine
    own = engine.history_of(query.user_id)
    return find_needs(models, history_now(engine, recommender.catalogue, own, query.recent, as_of), offer)

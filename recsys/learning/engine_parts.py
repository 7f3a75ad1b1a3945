"""Learning of the optional engine parts: one function for each part, called in this order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from recsys.customers.contact_times import ContactTimes
from recsys.customers.history.stored_orders import StoredOrders, store_orders
from recsys.customers.population import counted_events
from recsys.customers.prediction.needs import CategoryNeeds
from recsys.customers.prediction.scored import CustomerScores
from recsys.customers.table import CustomerLog, CustomerTable, build_customer_table, read_customer_log
from recsys.data.catalogue.catalogue import NeverShow
from recsys.data.dataset.dataset import Dataset
from recsys.data.dataset.snapshot import Snapshot
from recsys.engine.engine import Engine
from recsys.engine.new_items import unchosen_items
from recsys.engine.recent_buyers import count_recent_buyers
from recsys.engine.unnumbered_events import collect_unnumbered_events
from recsys.learning.customers.contact_times import learn_contact_times
from recsys.learning.customers.needs import by_category, fit_needs, needs_note
from recsys.learning.customers.scores import learn_scores
from recsys.learning.recipe import Recipe
from recsys.learning.user_cold_start import learn_cold_start
from recsys.models.buy_again import BuyAgain, BuyAgainModel
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class TrainingInput:
    """What a part may be learned from; the engine has its models and calibrations already.

    customer_log: None for a release that is made to be judged alone.
    """

    engine: Engine
    dataset: Dataset
    snapshot: Snapshot
    recipe: Recipe
    customer_log: CustomerLog | None = None


@dataclass(frozen=True, slots=True)
class LearnedPart:
    """value: of the field in `EngineParts`.  note: what the manifest says about it; None says nothing."""

    value: Any
    note: Mapping[str, Any] | None = None


def learn_parts(data: TrainingInput) -> tuple[Engine, dict[str, Any]]:
    """The engine with these parts, and what the manifest says of each, by name."""
    data = replace(data, customer_log=_customer_log(data) if data.recipe.precomputes else None)
    learned = {name: learn(data) for name, learn in PART_LEARNERS.items()}
    values = {name: part.value for name, part in learned.items()}
    return replace(data.engine, **values), {name: part.note for name, part in learned.items() if part.note is not None}


def _segments(data: TrainingInput) -> LearnedPart:
    rng, days = np.random.default_rng(data.recipe.seed), data.recipe.plan.validation_days
    half_life = data.engine.popularity.half_life_days
    segments, decision = learn_cold_start(data.dataset, data.snapshot.users, rng, days=days, half_life_days=half_life)
    return LearnedPart(segments, None if decision is None else decision.as_mapping())


def _new_items(data: TrainingInput) -> LearnedPart:
    return LearnedPart(
        unchosen_items(data.snapshot.newcomers, data.dataset.catalogue.ids, data.engine.popularity.weight)
    )


def _repurchase(data: TrainingInput) -> LearnedPart:
    return LearnedPart(data.recipe.plan.backend.fit_repurchase_intervals(data.dataset.data.histories))


def _recent_buyers(data: TrainingInput) -> LearnedPart:
    return LearnedPart(count_recent_buyers(data.engine.histories))


def _unnumbered_events(data: TrainingInput) -> LearnedPart:
    return LearnedPart(collect_unnumbered_events(data.dataset.unnumbered, data.dataset.users))


def _customer_log(data: TrainingInput) -> CustomerLog:
    return read_customer_log(
        customer_events(data.snapshot, data.recipe.never_show),
        data.dataset.users,
        {item.item_id: item.cost for item in data.snapshot.items if item.cost is not None},
        round(data.dataset.data.histories.now * DAY_MS) + 1,
        data.snapshot.recommendations,
    )


def _customers(data: TrainingInput) -> LearnedPart:
    if data.customer_log is None:
        return LearnedPart(CustomerTable())
    plan = data.recipe.customers
    return LearnedPart(build_customer_table(data.customer_log, data.dataset.users, data.dataset.catalogue, plan))


def _customer_orders(data: TrainingInput) -> LearnedPart:
    return LearnedPart(StoredOrders() if data.customer_log is None else store_orders(data.customer_log.orders))


def _customer_scores(data: TrainingInput) -> LearnedPart:
    log = data.customer_log
    if log is None:
        return LearnedPart(CustomerScores())
    rng, categories = np.random.default_rng(data.recipe.seed), data.dataset.catalogue.category.words
    return LearnedPart(*learn_scores(log.orders, data.dataset.data, categories, log.as_of_ms, rng))


def _contact_times(data: TrainingInput) -> LearnedPart:
    if data.customer_log is None:
        return LearnedPart(ContactTimes())
    rng, zone = np.random.default_rng(data.recipe.seed), data.recipe.customers.time_zone
    return LearnedPart(learn_contact_times(data.customer_log.orders.postings, zone, rng))


def _needs(data: TrainingInput) -> LearnedPart:
    model = data.engine.models.get(BuyAgainModel.name)
    if data.customer_log is None or not isinstance(model, BuyAgainModel):
        return LearnedPart(None)
    fit = fit_needs(data.dataset.data, _buy_again(model), np.random.default_rng(data.recipe.seed))
    return LearnedPart(None) if fit is None else LearnedPart(fit.model, needs_note(fit))


def _category_needs(data: TrainingInput) -> LearnedPart:
    model = data.engine.models.get(BuyAgainModel.name)
    if data.customer_log is None or not isinstance(model, BuyAgainModel):
        return LearnedPart(None)
    learner, renamed = _buy_again(model), by_category(data.dataset.data)
    fit = fit_needs(renamed, learner, np.random.default_rng(data.recipe.seed))
    if fit is None:
        return LearnedPart(None)
    fitted = learner.fit(renamed, np.random.default_rng(data.recipe.seed))
    return LearnedPart(CategoryNeeds.of_models(fit.model, fitted), needs_note(fit))


def _buy_again(model: BuyAgainModel) -> BuyAgain:
    """The learner whose model stands in the release."""
    return BuyAgain(model.half_life_days, doubt=model.doubt, overdue_fade=model.overdue_fade)


def customer_events(snapshot: Snapshot, never_show: NeverShow) -> pl.DataFrame:
    """The events of the snapshot that say who the customers are."""
    return counted_events(snapshot.events, snapshot.items, snapshot.users, never_show)


PART_LEARNERS: dict[str, Callable[[TrainingInput], LearnedPart]] = {
    "segments": _segments,
    "new_items": _new_items,
    "repurchase": _repurchase,
    "recent_buyers": _recent_buyers,
    "unnumbered_events": _unnumbered_events,
    "customers": _customers,
    "customer_orders": _customer_orders,
    "customer_scores": _customer_scores,
    "contact_times": _contact_times,
    "needs": _needs,
    "category_needs": _category_needs,
}

"""Learning of the optional engine parts: one function for each part, called in this order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from recsys.customers.table import CustomerTable, build_customer_table, read_customer_log
from recsys.data.catalogue.catalogue import NeverShow, is_hidden
from recsys.data.dataset.dataset import Dataset
from recsys.data.dataset.snapshot import Snapshot
from recsys.engine.engine import Engine
from recsys.engine.new_items import unchosen_items
from recsys.engine.unnumbered_events import collect_unnumbered_events
from recsys.learning.recipe import Recipe
from recsys.learning.user_cold_start import learn_cold_start
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class TrainingInput:
    """What a part may be learned from; the engine has its models and calibrations already."""

    engine: Engine
    dataset: Dataset
    snapshot: Snapshot
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class LearnedPart:
    """value: of the field in `EngineParts`.  note: what the manifest says about it; None says nothing."""

    value: Any
    note: Mapping[str, Any] | None = None


def learn_parts(data: TrainingInput) -> tuple[Engine, dict[str, Any]]:
    """The engine with these parts, and what the manifest says of each, by name."""
    learned = {name: learn(data) for name, learn in PART_LEARNERS.items()}
    values = {name: part.value for name, part in learned.items()}
    return replace(data.engine, **values), {name: part.note for name, part in learned.items() if part.note is not None}


def _segments(data: TrainingInput) -> LearnedPart:
    rng, days = np.random.default_rng(data.recipe.seed), data.recipe.plan.validation_days
    segments, decision = learn_cold_start(data.dataset, data.snapshot.users, rng, days=days)
    return LearnedPart(segments, None if decision is None else decision.as_mapping())


def _new_items(data: TrainingInput) -> LearnedPart:
    return LearnedPart(
        unchosen_items(data.snapshot.newcomers, data.dataset.catalogue.ids, data.engine.popularity.weight)
    )


def _repurchase(data: TrainingInput) -> LearnedPart:
    return LearnedPart(data.recipe.plan.backend.fit_repurchase_intervals(data.dataset.data.histories))


def _unnumbered_events(data: TrainingInput) -> LearnedPart:
    return LearnedPart(collect_unnumbered_events(data.dataset.unnumbered, data.dataset.users))


def _customers(data: TrainingInput) -> LearnedPart:
    if not data.recipe.precomputes:  # a release that is made to be judged alone
        return LearnedPart(CustomerTable())
    log = read_customer_log(
        customer_events(data.snapshot, data.recipe.never_show),
        data.dataset.users,
        {item.item_id: item.cost for item in data.snapshot.items if item.cost is not None},
        round(data.dataset.data.histories.now * DAY_MS) + 1,
    )
    table = build_customer_table(log, data.dataset.users, data.dataset.catalogue, data.recipe.customers)
    return LearnedPart(table)


def customer_events(snapshot: Snapshot, never_show: NeverShow) -> pl.DataFrame:
    """The events that tell who the customers are: without hidden items, and without customers who refuse it."""
    hidden = [item.item_id for item in snapshot.items if is_hidden(item, never_show)]
    refusing = [user.user_id for user in snapshot.users if not user.is_personal]
    return snapshot.events.filter(~pl.col("item_id").is_in(hidden) & ~pl.col("user_id").is_in(refusing))


PART_LEARNERS: dict[str, Callable[[TrainingInput], LearnedPart]] = {
    "segments": _segments,
    "new_items": _new_items,
    "repurchase": _repurchase,
    "unnumbered_events": _unnumbered_events,
    "customers": _customers,
}

"""Spark backend: the dataset and the models of a training, learnt on a cluster; see `TrainingBackend`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.random import Generator

from recsys.data.catalogue.catalogue import NeverShow, build_catalogue, is_hidden
from recsys.data.dataset.dataset import Dataset
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.item_features import build_item_features
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import Kind
from recsys.data.ids import IdMap
from recsys.engine.repurchase import RepurchaseIntervals
from recsys.errors import NotEnoughData
from recsys.learning.backends.base import StepTimer
from recsys.models.als import Als
from recsys.models.base import Learner, Model
from recsys.models.bought_together import BoughtTogether
from recsys.models.buy_again import BuyAgain
from recsys.models.item_neighbours import ItemNeighbours
from recsys.models.popularity import Popularity
from recsys.time_units import DAY_MS
from training.spark.als import fit_als
from training.spark.events import event_counts, known_ids, paid_prices, read_numbered, vouched_only, write_numbered
from training.spark.neighbours import ClusterSearch
from training.spark.slices import Slices, write_slices
from training.spark.statistics import fit_buy_again, fit_popularity, fit_repurchase_intervals

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Fit = Callable[[Any, Interactions, Slices, Generator], Model]


def _fit_neighbours(
    learner: ItemNeighbours | BoughtTogether, data: Interactions, slices: Slices, rng: Generator
) -> Model:
    """The matrix is made by the driver; the products of all items with all others are the work of the cluster."""
    return learner.fit(data, rng, ClusterSearch(slices.session, slices.folder.parent))


FITS: Mapping[type[Learner], Fit] = {
    Als: fit_als,
    BoughtTogether: _fit_neighbours,
    BuyAgain: lambda learner, data, slices, rng: fit_buy_again(learner, data, slices),
    ItemNeighbours: _fit_neighbours,
    Popularity: lambda learner, data, slices, rng: fit_popularity(learner, data, slices),
}


class SparkBackend:
    """Learns from `events`, whose columns are those of `read_events`, whatever part of them a snapshot holds.

    folder: for slices, seen by the driver and all executors.  slice_events: events of a slice.
    """

    name: ClassVar[str] = "spark"

    def __init__(self, events: "DataFrame", folder: Path, slice_events: int) -> None:
        self.events, self.folder, self.slice_events = events, folder, slice_events
        self._known: list[tuple[Histories, Slices]] = []  # of the latest dataset, and of its past

    def __repr__(self) -> str:
        """Goes into the digest of the settings."""
        return self.name

    def build_dataset(
        self,
        snapshot: Snapshot,
        *,
        now: float,
        weight_by_kind: Mapping[Kind, float],
        never_show: NeverShow,
        unvouched_share: float,
    ) -> Dataset:
        hidden = [item.item_id for item in snapshot.items if is_hidden(item, never_show)]
        gone = {item.item_id for item in snapshot.items if item.deleted} | set(hidden)
        known = self._learnable(now, weight_by_kind, hidden)
        n_known, n_unvouched = event_counts(known)
        kept = vouched_only(known, weight_by_kind, unvouched_share, now=now) if n_unvouched else known
        n_kept = n_known if kept is known else kept.count()
        if not n_kept:
            raise NotEnoughData("there is no event to learn from; import some with `recsys import events FILE`")
        described = [item.item_id for item in snapshot.items if item.item_id not in gone]
        users, ids = (
            IdMap.from_ids(known_ids(kept, "user_id")),
            IdMap.from_ids([*known_ids(kept, "item_id"), *described]),
        )
        catalogue = build_catalogue(ids, snapshot.items, never_show, paid_prices(kept, ids))
        folder = self.folder / f"dataset-{len(list(self.folder.glob('dataset-*')))}"
        n_slices = max(1 + n_kept // self.slice_events, self.events.sparkSession.sparkContext.defaultParallelism)
        write_numbered(kept, {"user_id": users, "item_id": ids}, weight_by_kind, folder, n_slices)
        part = read_numbered(folder, n_users=len(users), n_items=len(ids), now=now)
        data = Interactions(part.histories, part.basket, part.value, catalogue.category.codes)
        self._known = [(part.histories, Slices(self.events.sparkSession, folder, len(ids), now))]
        if snapshot.items:
            data = replace(data, item_features=build_item_features(snapshot.items, ids.texts.all()))
        return Dataset(users, catalogue, data, n_known - n_kept, snapshot.events.clear())

    def fit_all(
        self, learners: Mapping[str, Learner], data: Interactions, rng: Generator, step: StepTimer, label: str
    ) -> dict[str, Model]:
        """Models that Spark does not fit are fitted by the driver."""
        slices = self._slices(data.histories)
        models: dict[str, Model] = {}
        for name, learner in learners.items():
            fit = FITS.get(type(learner))
            with step(f"{label} {name}"):
                models[name] = learner.fit(data, rng) if fit is None else fit(learner, data, slices, rng)
        return models

    def fit_repurchase_intervals(self, histories: Histories) -> RepurchaseIntervals:
        return fit_repurchase_intervals(self._slices(histories))

    def _learnable(self, now: float, weight_by_kind: Mapping[Kind, float], hidden: list[str]) -> "DataFrame":
        from pyspark.sql import functions as sql

        kinds = [int(kind) for kind, weight in weight_by_kind.items() if weight != 0]
        known = self.events.where((sql.col("at_ms") <= now * DAY_MS) & sql.col("kind").isin(kinds))
        return known.where(~sql.col("item_id").isin(hidden)) if hidden else known

    def _slices(self, histories: Histories) -> Slices:
        """The slices of these histories, written if they are not those of the dataset."""
        for known, slices in self._known:
            if known is histories:
                return slices
        folder = self.folder / "past"
        write_slices(histories, folder, self.slice_events)
        slices = Slices(self.events.sparkSession, folder, histories.n_items, histories.now)
        self._known = [*self._known[:1], (histories, slices)]
        return slices

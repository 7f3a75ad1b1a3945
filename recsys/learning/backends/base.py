"""Training backend: what reads the events and fits the models, this process alone or a cluster."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

from numpy.random import Generator

from recsys.data.catalogue.catalogue import NeverShow
from recsys.data.dataset.dataset import Dataset
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import Kind
from recsys.engine.repurchase import RepurchaseIntervals
from recsys.models.base import Learner, Model

StepTimer = Callable[[str], AbstractContextManager[None]]  # times one step and reports it


class TrainingBackend(Protocol):
    """Everything of a training that looks at all events; the rest is the same for every backend."""

    name: ClassVar[str]

    def build_dataset(
        self,
        snapshot: Snapshot,
        *,
        now: float,
        weight_by_kind: Mapping[Kind, float],
        never_show: NeverShow,
        unvouched_share: float,
    ) -> Dataset:
        """The dataset as of `now`, see `recsys.data.dataset.dataset.build_dataset`.  Raises NotEnoughData."""

    def fit_all(
        self, learners: Mapping[str, Learner], data: Interactions, rng: Generator, step: StepTimer, label: str
    ) -> dict[str, Model]:
        """The model of each learner; each fit is a step of its own."""

    def fit_repurchase_intervals(self, histories: Histories) -> RepurchaseIntervals:
        """The intervals of all items."""

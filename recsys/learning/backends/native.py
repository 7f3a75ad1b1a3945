"""Native backend: this process reads the events and fits the models."""

from collections.abc import Mapping
from typing import ClassVar

from numpy.random import Generator

from recsys.data.catalogue.catalogue import NeverShow
from recsys.data.dataset.dataset import Dataset, build_dataset
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import Kind
from recsys.engine.repurchase import RepurchaseIntervals, fit_repurchase_intervals
from recsys.learning.backends.base import StepTimer
from recsys.models.base import Learner, Model


class NativeBackend:
    """Everything in this process."""

    name: ClassVar[str] = "native"

    def __repr__(self) -> str:
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
        return build_dataset(
            snapshot.events,
            snapshot.items,
            now=now,
            weight_by_kind=weight_by_kind,
            never_show=never_show,
            unvouched_share=unvouched_share,
        )

    def fit_all(
        self, learners: Mapping[str, Learner], data: Interactions, rng: Generator, step: StepTimer, label: str
    ) -> dict[str, Model]:
        return fit_all(learners, data, rng, step, label)

    def fit_repurchase_intervals(self, histories: Histories) -> RepurchaseIntervals:
        return fit_repurchase_intervals(histories)


NATIVE = NativeBackend()


def fit_all(
    learners: Mapping[str, Learner], data: Interactions, rng: Generator, step: StepTimer, label: str
) -> dict[str, Model]:
    """The model of each learner; each fit is a step of its own."""
    models: dict[str, Model] = {}
    for name in learners:
        with step(f"{label} {name}"):
            models[name] = learners[name].fit(data, rng)
    return models

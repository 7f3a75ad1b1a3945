"""Native backend: this process reads the events and fits the models."""

from collections.abc import Mapping
from pathlib import Path
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
from recsys.models.base import Learner, Model, ResumableLearner


class NativeBackend:
    """Everything in this process.  checkpoints: a folder for the state of long fits; None keeps none."""

    name: ClassVar[str] = "native"

    def __init__(self, checkpoints: Path | None = None) -> None:
        self.checkpoints = checkpoints

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
        return fit_all(learners, data, rng, step, label, checkpoints=self.checkpoints)

    def fit_repurchase_intervals(self, histories: Histories) -> RepurchaseIntervals:
        return fit_repurchase_intervals(histories)


NATIVE = NativeBackend()


def fit_all(
    learners: Mapping[str, Learner],
    data: Interactions,
    rng: Generator,
    step: StepTimer,
    label: str,
    *,
    checkpoints: Path | None = None,
) -> dict[str, Model]:
    """The model of each learner; each fit is a step of its own."""
    models: dict[str, Model] = {}
    for name, learner in learners.items():
        with step(f"{label} {name}"):
            if isinstance(learner, ResumableLearner):
                models[name] = learner.fit_with_checkpoints(data, rng, checkpoints)
            else:
                models[name] = learner.fit(data, rng)
    return models

"""Experiment state: the experiments of a home, the one that runs and those that are over; the file `.experiments`.

The file is replaced whole, and hosts with a shared registry have the same in its state.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from recsys.atomic_file import file_lock, replace_file
from recsys.canary.state import CHANGING
from recsys.errors import BadBundle, UnknownExperiment
from recsys.experiments.definition import ExperimentPlan
from recsys.inference.randomization import N_BUCKETS
from recsys.time_units import DAY_MS, HOUR_MS

EXPERIMENTS = ".experiments"
MOST_KEPT = 100  # the newest

ExperimentOutcome = Literal["running", "stopped", "failed"]


class Experiment(BaseModel):
    """An experiment that was started.  salt: of its split.  reasons: why it ended, in plain words.

    failed: a guardrail of the workers ended it, or a variant could not be opened.
    """

    model_config = ConfigDict(frozen=True)
    plan: ExperimentPlan
    salt: str
    began_at_ms: int
    outcome: ExperimentOutcome = "running"
    reasons: tuple[str, ...] = ()
    ended_at_ms: int | None = None

    @property
    def id(self) -> str:
        return self.plan.id

    @property
    def is_running(self) -> bool:
        return self.outcome == "running"

    @property
    def n_buckets(self) -> int:
        """Of each arm: the customers of the first ones get B, those of as many after them A."""
        return max(1, round(self.plan.share / 200 * N_BUCKETS))

    @property
    def counter_name(self) -> str:
        """Of the files of its counters."""
        return f"experiment-{self.id}-{self.began_at_ms}"

    def window(self, now_ms: int) -> int:
        """Number of the hour since it began: the guardrails count each hour anew."""
        return max(0, now_ms - self.began_at_ms) // HOUR_MS

    @property
    def until_ms(self) -> int:
        """The end that was planned."""
        return self.began_at_ms + self.plan.days * DAY_MS

    def look_ms(self, look: int) -> int:
        """When the look of that number is due, from 1."""
        return self.began_at_ms + round(self.plan.days * DAY_MS * look / self.plan.looks)

    def ended(self, outcome: ExperimentOutcome, reasons: Sequence[str], now_ms: int) -> "Experiment":
        """The same experiment, over for these reasons."""
        return self.model_copy(update={"outcome": outcome, "reasons": tuple(reasons), "ended_at_ms": now_ms})


Experiments = tuple[Experiment, ...]
_FILE = TypeAdapter(Experiments)


def read_experiments(bundles: Path) -> Experiments:
    """Those of the file, the oldest first; none without one.  Raises BadBundle when the file is damaged."""
    file = bundles / EXPERIMENTS
    try:
        return _FILE.validate_json(file.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError) as error:
        raise BadBundle(
            f"{file}: no state of experiments ({error}); delete it: everybody gets the shop as it is"
        ) from None


def to_bytes(experiments: Experiments) -> bytes:
    """The content of the file; empty for none."""
    return _FILE.dump_json(experiments[-MOST_KEPT:], indent=2) if experiments else b""


def running_experiment(experiments: Experiments) -> Experiment | None:
    """The one that runs: there is at most one."""
    return next((experiment for experiment in reversed(experiments) if experiment.is_running), None)


def find_experiment(experiments: Experiments, experiment_id: str) -> Experiment:
    """The newest of that id.  Raises UnknownExperiment."""
    for experiment in reversed(experiments):
        if experiment.id == experiment_id:
            return experiment
    known = ", ".join(sorted({experiment.id for experiment in experiments})) or "none was started"
    raise UnknownExperiment(f"no experiment {experiment_id!r}; there are: {known}")


def replaced(experiments: Experiments, before: Experiment, after: Experiment) -> Experiments:
    """The same with `after` in the place of `before`."""
    return tuple(after if experiment == before else experiment for experiment in experiments)


def failed_elsewhere(ours: Experiments, theirs: Experiments) -> Experiments | None:
    """Theirs with the end of the experiment that only we know to have failed; None where they know all."""
    running = running_experiment(theirs)
    if running is None:
        return None
    same = [e for e in ours if (e.id, e.began_at_ms) == (running.id, running.began_at_ms) and e.outcome == "failed"]
    return replaced(theirs, running, same[0]) if same else None


def end_in(folder: Path, reasons: Sequence[str], now_ms: int, *, only_releases: bool = False) -> bool:
    """Stops the one that runs in the state of that folder, whose lock the caller holds; False where none is stopped.

    only_releases: one that holds no release goes on.
    """
    experiments = read_experiments(folder)
    experiment = running_experiment(experiments)
    if experiment is None or (only_releases and not experiment.plan.releases):
        return False
    write_experiments(folder, replaced(experiments, experiment, experiment.ended("stopped", reasons, now_ms)))
    return True


def write_experiments(folder: Path, experiments: Experiments) -> None:
    """Replaces the file; the caller holds the lock of the registry.  Raises OSError."""
    replace_file(folder / EXPERIMENTS, to_bytes(experiments))


def held_releases(folder: Path) -> tuple[str, ...]:
    """The releases that the experiment of that folder holds; none where the file is damaged."""
    try:
        experiment = running_experiment(read_experiments(folder))
    except BadBundle:
        return ()
    return () if experiment is None else experiment.plan.releases


def end_here(bundles: Path, experiment: Experiment, reasons: Sequence[str], now_ms: int) -> bool:
    """Ends it for this home: everybody gets the shop as it is again.  False when it is over already.  Raises OSError.

    Other hosts take it from the mirror of a shared registry.
    """
    with file_lock(bundles / CHANGING):
        experiments = read_experiments(bundles)
        if experiment not in experiments or not experiment.is_running:
            return False
        ended = experiment.ended("failed", reasons, now_ms)
        write_experiments(bundles, replaced(experiments, experiment, ended))
    return True

"""Start and stop of experiments: in the state of the home, or of all hosts that share a registry."""

import secrets
from collections.abc import Callable
from pathlib import Path

from recsys.atomic_file import file_lock
from recsys.canary.state import CHANGING
from recsys.errors import BadFile, BadInput
from recsys.experiments.definition import ExperimentPlan
from recsys.experiments.state import (
    Experiment,
    Experiments,
    find_experiment,
    read_experiments,
    replaced,
    running_experiment,
    write_experiments,
)
from recsys.shared_registry.mirror import RegistryMirror
from recsys.shared_registry.state import RegistryState, read_state
from recsys.time_units import DAY_MS, date

ATTEMPTS = 20

Change = Callable[[RegistryState], Experiments]


def start_experiment(bundles: Path, mirror: RegistryMirror | None, plan: ExperimentPlan, now_ms: int) -> Experiment:
    """Starts it for all customers of its share, in every worker.  The caller checked what the variants name.

    Raises BadInput where a canary or another experiment runs, its id was used, or nothing is live.
    """
    experiment = Experiment(plan=plan, salt=secrets.token_hex(16), began_at_ms=now_ms)

    def start(state: RegistryState) -> Experiments:
        _check_free(state, plan)
        return (*state.experiments, experiment)

    _change(bundles, mirror, start)
    return experiment


def stop_experiment(
    bundles: Path, mirror: RegistryMirror | None, experiment_id: str, reason: str, now_ms: int
) -> Experiment:
    """Ends it: everybody gets the shop as it is again.  Raises UnknownExperiment; BadInput where it is over."""
    stopped: list[Experiment] = []

    def stop(state: RegistryState) -> Experiments:
        experiment = find_experiment(state.experiments, experiment_id)
        if not experiment.is_running:
            raise BadInput(f"{experiment_id} is over: {'; '.join(experiment.reasons) or experiment.outcome}")
        stopped.append(experiment.ended("stopped", [reason], now_ms))
        return replaced(state.experiments, experiment, stopped[-1])

    _change(bundles, mirror, stop)
    return stopped[-1]


def _check_free(state: RegistryState, plan: ExperimentPlan) -> None:
    running = running_experiment(state.experiments)
    if running is not None:
        until = f"{running.id} runs until {date(running.until_ms / DAY_MS)}, and one experiment runs at a time"
        raise BadInput(f"{until}: both would mix; wait, or end it with `recsys experiment stop {running.id}`")
    if any(experiment.id == plan.id for experiment in state.experiments):
        raise BadInput(f"id = {plan.id!r} was used; give another, so that the answers of both stay apart")
    if state.live is None:
        raise BadInput("nothing is live yet; run `recsys train`, then start the experiment")
    canary = state.canary
    if canary is not None and canary.beside(state.live).is_running:
        raise BadInput(f"{canary.version} is a canary; wait for its end, or `recsys canary stop`: both would mix")


def _change(bundles: Path, mirror: RegistryMirror | None, change: Change) -> None:
    """Again as often as another host is quicker.  Raises BadFile at last."""
    if not bundles.is_dir():
        raise BadInput(f"{bundles.parent}: nothing is live yet; check --home, or run `recsys train`")
    for _ in range(ATTEMPTS):
        with file_lock(bundles / CHANGING):
            read_experiments(bundles)  # a damaged file is named before anything changes
            before, etag = (None, None) if mirror is None else mirror.read()
            state = before or read_state(bundles)
            after = state.model_copy(update={"experiments": change(state)})
            if mirror is None:
                write_experiments(bundles, after.experiments)
                return
            for version in after.in_service:
                mirror.fetch(version)
            written = mirror.write(after, etag)
            if written is not None:
                mirror.take(after, written)
                return
    raise BadFile(f"other hosts changed the registry {ATTEMPTS} times meanwhile; try again")

"""Fitting an engine: fit on the past, choose models, blend and calibrations on held-back weeks, fit on everything."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from recsys.arrays import Floats
from recsys.bundle import Bundle
from recsys.data.dataset.dataset import Dataset
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import OWNED_KINDS
from recsys.engine.calibration import Calibration, fit_calibration
from recsys.engine.engine import Engine, open_engine
from recsys.index.base import Index, IndexReport
from recsys.index.build import build_index
from recsys.learning.backends.base import StepTimer
from recsys.learning.holdout import BY_CHANCE, Holdout, hold_out, random_parts
from recsys.learning.model_selection import MAX_USERS, SAMPLE_EVENTS, ModelChoice, select_models
from recsys.learning.recipe import Plan
from recsys.learning.validation import ValidationUsers, candidate_lists, validation_users
from recsys.models.base import Model, VectorModel
from recsys.models.candidates import Candidates
from recsys.models.registry import BUY_AGAIN, DISCOVER_MODELS
from recsys.ranking.candidates.sources import unit

MIN_USERS = 30
FEW_USERS = 4_000  # judgements; fewer cannot tell models apart that differ by a few thousandths
MAX_EXTRA_SPLITS = 3  # further held-back parts of the same data
FINAL_USERS = 8_000  # judgements between the finalists: a blend often differs from its best part by a hundredth
MOST_USERS = 20_000  # of the held-back part judge the finalists: their fits are made, and more judges cost only lists
MAX_FINAL_SPLITS = 4
CALIBRATION_DEPTH = 50  # candidates of each list that its calibration is learned from
RECALL_SAMPLE = 200  # users whose vectors an approximate index is measured with


@dataclass(frozen=True, slots=True)
class SelectionResult:
    """What validation chose, without the models and lists it chose by.  holdout: which events were held back."""

    choice: ModelChoice
    calibrations: Mapping[str, Calibration]
    repeat_share: float
    n_users: int
    holdout: str


def fit_engine(
    dataset: Dataset, plan: Plan, rng: Generator, step: StepTimer, *, version: str
) -> tuple[Engine, SelectionResult, Mapping[str, IndexReport]]:
    """The engine of a shop, what validation chose for it, and which indexes are used."""
    data = dataset.data
    selection = _select(data, plan, rng, step) if plan.chosen_by is None else _taken_over(plan.chosen_by, plan)
    models = plan.backend.fit_all(selection.choice.learners, data, rng, step, "fit")
    with step("index"):
        indexes, reports = _build_indexes(models, data.histories, rng)
    engine = Engine(
        version=version,
        users=dataset.users,
        histories=data.histories,
        category=data.category,
        models=models,
        blend=selection.choice.blend,
        calibrations=selection.calibrations,
        repeat_share=selection.repeat_share,
        weight_by_kind={int(kind): weight for kind, weight in plan.weight_by_kind.items()},
        indexes=indexes,
    )
    return engine, selection, reports


def repeat_share(holdout: Holdout) -> float:
    """Part of the held-back pairs of users with a past whose item they had owned before; 0 without any."""
    owned, later = holdout.past.histories.only(*OWNED_KINDS).pairs(), holdout.later.pairs()
    before, after = (pairs.user * pairs.n_items + pairs.item for pairs in (owned, later))
    counted = after[(np.diff(owned.offsets) > 0)[after // owned.n_items]]
    return float(np.mean(np.isin(counted, before))) if len(counted) else 0.0


def _taken_over(release: Bundle, plan: Plan) -> SelectionResult:
    """What that release chose."""
    engine, blend = open_engine(release), release.manifest.blend
    choice = ModelChoice(plan.learners, engine.blend, left_out={})
    return SelectionResult(
        choice, engine.calibrations, engine.repeat_share, int(blend["judges"]), str(blend["held_back"])
    )


def _select(data: Interactions, plan: Plan, rng: Generator, step: StepTimer) -> SelectionResult:
    """What the held-back events choose; equal weights and no calibrations when there are too few of them."""
    holdout = hold_out(data, plan.validation_days, rng, split=plan.split)
    share, everybody = repeat_share(holdout), validation_users(holdout, rng, MOST_USERS)
    users = everybody.first(MAX_USERS)
    if len(users) < MIN_USERS:
        return SelectionResult(_unvalidated(plan, len(users)), {}, share, len(users), holdout.description)
    more = _extra_splits(data, holdout, users, plan, rng)
    last_look = _final_splits(data, holdout, everybody, sum(len(others) for _, others in more), rng)
    choice = select_models(holdout, everybody, plan, rng, step, more=more, last_look=last_look)
    with step("curves"):
        calibrations = _calibrations(choice, users)
    choice = replace(choice, models={}, discover_lists=())  # they would take memory while all models are fitted again
    return SelectionResult(choice, calibrations, share, len(users), holdout.description)


def _extra_splits(
    data: Interactions, holdout: Holdout, users: ValidationUsers, plan: Plan, rng: Generator
) -> list[tuple[Holdout, ValidationUsers]]:
    """Further held-back parts, where users are few; such data are small, so they cost little.

    Other random parts, or the same part of what was before: the weeks, visits or choices that come before the last.
    """
    n_parts = min(MAX_EXTRA_SPLITS, FEW_USERS // len(users) - 1)
    if len(data.histories.item) > SAMPLE_EVENTS:
        return []
    splits: list[tuple[Holdout, ValidationUsers]] = []
    for _ in range(n_parts):
        is_random = holdout.description == BY_CHANCE
        holdout = (
            random_parts(data, rng)
            if is_random
            else hold_out(holdout.past, plan.validation_days, rng, split=plan.split)
        )
        others = validation_users(holdout, rng, MAX_USERS)
        if len(others) < MIN_USERS:
            break
        splits.append((holdout, others))
    return splits


def _final_splits(
    data: Interactions, holdout: Holdout, everybody: ValidationUsers, n_others: int, rng: Generator
) -> Iterator[tuple[Holdout, ValidationUsers]]:
    """For the finalists: the other users of that held-back part, and further random parts where users are few.

    n_others: judgements of other splits.
    """
    if len(data.histories.item) > SAMPLE_EVENTS:
        return
    if len(everybody) > MAX_USERS:
        yield holdout, everybody.after_first(MAX_USERS)
    n_missing = FINAL_USERS - len(everybody) - n_others
    if holdout.description == BY_CHANCE:
        for _ in range(min(MAX_FINAL_SPLITS, n_missing // len(everybody))):
            split = random_parts(data, rng)
            yield split, validation_users(split, rng, MAX_USERS)


def _unvalidated(plan: Plan, n_users: int) -> ModelChoice:
    names = [name for name in DISCOVER_MODELS if name in plan.learners]
    why = f"{n_users} customers to validate with, {MIN_USERS} are needed"
    return ModelChoice(
        learners=plan.learners,
        blend={name: 1 / len(names) for name in names},
        left_out=dict.fromkeys(plan.optional, why),
    )


def _calibrations(choice: ModelChoice, users: ValidationUsers) -> dict[str, Calibration]:
    curves = {"discover": _calibration(choice.discover_lists, users)}
    if BUY_AGAIN in choice.models:
        lists = candidate_lists(choice.models[BUY_AGAIN], users, only_new=False, depth=CALIBRATION_DEPTH)
        curves[BUY_AGAIN] = _calibration(lists, users)
    return {name: curve for name, curve in curves.items() if curve is not None}


def _calibration(lists: Sequence[Candidates], users: ValidationUsers) -> Calibration | None:
    scores: Floats = np.concatenate([part.scores for part in lists])
    n_events = np.repeat(np.diff(users.histories.offsets), [len(part) for part in lists])
    hits = np.concatenate([np.isin(part.items, after) for part, after in zip(lists, users.after, strict=True)])
    return fit_calibration(scores, n_events, hits)


def _build_indexes(
    models: Mapping[str, Model], histories: Histories, rng: Generator
) -> tuple[dict[str, Index], dict[str, IndexReport]]:
    """Over the items of the vector model: by inner product for users, by cosine for similar items."""
    model = next((model for model in models.values() if isinstance(model, VectorModel)), None)
    if model is None:
        return {}, {}
    queries = model.embed(histories.take(np.sort(rng.permutation(len(histories))[:RECALL_SAMPLE])))
    vectors = model.item_vectors
    built = {
        "personal": build_index(vectors, rng=rng, queries=queries),
        "similar": build_index(unit(vectors), rng=rng),
    }
    return {name: index for name, (index, _) in built.items()}, {name: report for name, (_, report) in built.items()}

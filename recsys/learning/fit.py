"""From events to an engine: fit on the past, choose blend and curves on the weeks held back, fit on everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from recsys.arrays import Floats, Longs
from recsys.data.dataset.dataset import Dataset
from recsys.data.dataset.histories import Histories, Pairs
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import HAD
from recsys.engine.calibration import Calibration, fit_calibration
from recsys.engine.engine import Engine, vector_models
from recsys.index.base import Index, IndexReport
from recsys.index.build import build_index
from recsys.learning.half_life import HalfLife
from recsys.learning.holdout import BY_CHANCE, Holdout, held_back, random_parts
from recsys.learning.model_selection import FEW_EVENTS, ModelChoice, select_models
from recsys.learning.plan import Plan, StepTimer, fit_all
from recsys.learning.validation import ValidationUsers, candidates, validation_users
from recsys.models.base import Learner, Model, VectorModel
from recsys.models.candidates import Candidates
from recsys.models.registry import BUY_AGAIN, DISCOVER_MODELS
from recsys.ranking.candidates.sources import unit

JUDGES = 2_000  # customers that blend and curves are chosen on
CHANCE_DEPTH = 50  # candidates of each list that its curve is learnt from
MIN_JUDGES = 30
FEW_JUDGES = 1_000  # fewer cannot tell models apart that differ by a few hundredths
MOST_PARTINGS = 3  # that often data are parted anew
RECALL_SAMPLE = 200  # customers whose vectors an approximate index is measured with


@dataclass(frozen=True, slots=True)
class SelectionResult:
    """What the held-back weeks taught: which models to make, at what pace they forget, how lists are put together."""

    learners: Mapping[str, Learner]
    blend: Mapping[str, float]
    chances: Mapping[str, Calibration]
    repeat_share: float
    judges: int
    held_back: str
    paces: Mapping[str, HalfLife] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    habit: Mapping[str, float] = field(default_factory=dict)


def fit_engine(
    shop: Dataset, plan: Plan, rng: Generator, step: StepTimer, *, version: str
) -> tuple[Engine, SelectionResult, Mapping[str, IndexReport]]:
    """The engine of a shop, how its lists are mixed and why, and which indexes went live."""
    data = shop.data
    mixing = _learn_mixing(data, plan, rng, step)
    models = fit_all(mixing.learners, data, rng, step, "fit")
    with step("index"):
        indexes, reports = _indexes(models, data.histories, rng)
    engine = Engine(
        version=version,
        users=shop.users,
        histories=data.histories,
        category=data.category,
        models=models,
        blend=mixing.blend,
        calibrations=mixing.chances,
        repeat_share=mixing.repeat_share,
        weight_by_kind={int(kind): weight for kind, weight in plan.weight_by_kind.items()},
        indexes=indexes,
        vector_models=vector_models(models),
    )
    return engine, mixing, reports


def repeat_share(held: Holdout) -> float:
    """Part of the held-back pairs of customers with a past whose item they had had before; 0 without any."""
    had, later = held.past.histories.only(*HAD).pairs(), held.later.pairs()
    before, after = _cells(had), _cells(later)
    asked = after[(np.diff(had.offsets) > 0)[after // had.n_items]]
    return float(np.mean(np.isin(asked, before))) if len(asked) else 0.0


def _cells(pairs: Pairs) -> Longs:
    """Each (customer, item) as one number: (P,)."""
    customer = np.repeat(np.arange(len(pairs.offsets) - 1), np.diff(pairs.offsets))
    cells: Longs = customer * pairs.n_items + pairs.item
    return cells


def _learn_mixing(data: Interactions, plan: Plan, rng: Generator, step: StepTimer) -> SelectionResult:
    """Models, blend, curves and repeat share from what was held back; equal parts and no curves when that is little."""
    held = held_back(data, plan.validation_days, rng, parting=plan.parting)
    share, panel = repeat_share(held), validation_users(held, rng, JUDGES)
    if len(panel) < MIN_JUDGES:
        return _unjudged(plan, share, len(panel), held.how)
    choice = select_models(held, panel, plan, rng, step, more=_parted_anew(data, held, panel, rng))
    with step("curves"):
        chances = _curves(choice, panel)
    return SelectionResult(
        learners=choice.learners,
        blend=choice.blend,
        chances=chances,
        repeat_share=share,
        judges=len(panel),
        held_back=held.how,
        paces=choice.paces,
        left_out=choice.left_out,
        habit=choice.habit,
    )


def _parted_anew(
    data: Interactions, held: Holdout, panel: ValidationUsers, rng: Generator
) -> list[tuple[Holdout, ValidationUsers]]:
    """Other random parts held back, where chance parted the data and judges are few; they cost little there."""
    if held.how != BY_CHANCE or len(panel) >= FEW_JUDGES or len(data.histories.item) > FEW_EVENTS:
        return []
    again = [random_parts(data, rng) for _ in range(min(MOST_PARTINGS, FEW_JUDGES // len(panel)))]
    return [(other, validation_users(other, rng, JUDGES)) for other in again]


def _unjudged(plan: Plan, share: float, judges: int, how: str) -> SelectionResult:
    names = [name for name in DISCOVER_MODELS if name in plan.learners]
    why = f"{judges} customers to judge by, {MIN_JUDGES} are asked for"
    return SelectionResult(
        learners=plan.learners,
        blend={name: 1 / len(names) for name in names},
        chances={},
        repeat_share=share,
        judges=judges,
        held_back=how,
        left_out=dict.fromkeys(plan.spare, why),
    )


def _curves(choice: ModelChoice, panel: ValidationUsers) -> dict[str, Calibration]:
    curves = {"discover": _curve(choice.discovered, panel)}
    if BUY_AGAIN in choice.models:
        again = candidates(choice.models[BUY_AGAIN], panel, only_new=False, depth=CHANCE_DEPTH)
        curves[BUY_AGAIN] = _curve(again, panel)
    return {name: curve for name, curve in curves.items() if curve is not None}


def _curve(lists: Sequence[Candidates], panel: ValidationUsers) -> Calibration | None:
    scores: Floats = np.concatenate([part.scores for part in lists])
    hits = np.concatenate([np.isin(part.items, after) for part, after in zip(lists, panel.after, strict=True)])
    return fit_calibration(scores, hits)


def _indexes(
    models: Mapping[str, Model], histories: Histories, rng: Generator
) -> tuple[dict[str, Index], dict[str, IndexReport]]:
    """Over the vector model's items: by inner product for customers, by cosine for similar items."""
    found = [model for model in models.values() if isinstance(model, VectorModel)]
    if not found:
        return {}, {}
    model = found[0]
    asked = model.embed(histories.take(np.sort(rng.permutation(len(histories))[:RECALL_SAMPLE])))
    vectors = model.item_vectors
    built = {
        "personal": build_index(vectors, rng=rng, queries=asked),
        "similar": build_index(unit(vectors), rng=rng),
    }
    return {name: index for name, (index, _) in built.items()}, {name: report for name, (_, report) in built.items()}

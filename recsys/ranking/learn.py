"""From events to an engine: fit on the past, choose blend and curves on the weeks held back, fit on everything."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Floats, Ints
from recsys.data.events import Kind
from recsys.data.histories import Histories
from recsys.data.interactions import Interactions
from recsys.data.shop import Shop
from recsys.index.base import Index, IndexReport
from recsys.index.build import build_index
from recsys.models.base import Learner, Model, VectorModel
from recsys.models.blend import Candidates, best, blended, learn_weights
from recsys.ranking.chance import Chance, learn_chance
from recsys.ranking.engine import Engine, vector_models
from recsys.ranking.sources import BLEND_DEPTH, unit

Step = Callable[[str], AbstractContextManager[None]]  # times one step and tells the reader about it

PERSONAL = ("item_neighbours", "user_neighbours", "als", "popularity")  # what a list of new things may be blended from
JUDGES = 2_000  # customers that blend and curves are chosen on
CHANCE_DEPTH = 50  # candidates of each list that its curve is learnt from
MIN_JUDGES = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fit and what to hold back for choosing.  learners by name; validation_days at the end of the log."""

    learners: Mapping[str, Learner]
    weight_by_kind: Mapping[Kind, float]
    validation_days: float = 28.0


@dataclass(frozen=True, slots=True)
class Mixing:
    """What the held-back weeks taught about putting lists together."""

    blend: Mapping[str, float]
    chances: Mapping[str, Chance]
    repeat_share: float
    judges: int


@dataclass(frozen=True, slots=True)
class Judge:
    """One customer of the held-back weeks: what was known, what was already bought, what was bought then (sorted)."""

    history: Histories
    is_new: Bools
    bought: Ints


def learn(
    shop: Shop, plan: Plan, rng: Generator, step: Step, *, version: str
) -> tuple[Engine, Mixing, Mapping[str, IndexReport]]:
    """The engine of a shop, how its lists are mixed and why, and which indexes went live."""
    data = shop.data
    mixing = _learn_mixing(data, plan, rng, step)
    models = _fit_all(plan.learners, data, rng, step, "fit")
    with step("index"):
        indexes, reports = _indexes(models, rng)
    engine = Engine(
        version=version,
        users=shop.users,
        histories=data.histories,
        category=data.category,
        models=models,
        blend=mixing.blend,
        chances=mixing.chances,
        repeat_share=mixing.repeat_share,
        weight_by_kind={int(kind): weight for kind, weight in plan.weight_by_kind.items()},
        indexes=indexes,
        vector_models=vector_models(models),
    )
    return engine, mixing, reports


def repeat_share(data: Interactions, cut: float) -> float:
    """Part of the customer-item pairs bought from `cut` on that the customer had bought before; 0 without any."""
    pairs = data.histories.only(Kind.PURCHASE).pairs()
    lately = pairs.last_at >= cut
    known = np.diff(np.searchsorted(np.flatnonzero(pairs.first_at < cut), pairs.offsets)) > 0
    customer = np.repeat(np.arange(len(data.histories)), np.diff(pairs.offsets))
    asked = lately & known[customer]
    return float(np.mean(pairs.first_at[asked] < cut)) if asked.any() else 0.0


def _fit_all(
    learners: Mapping[str, Learner], data: Interactions, rng: Generator, step: Step, label: str
) -> dict[str, Model]:
    models: dict[str, Model] = {}
    for name, learner in learners.items():
        with step(f"{label} {name}"):
            models[name] = learner.fit(data, rng)
    return models


def _learn_mixing(data: Interactions, plan: Plan, rng: Generator, step: Step) -> Mixing:
    """Blend, curves and repeat share from the last weeks; equal parts and no curves when those hold too little."""
    cut = data.histories.now - plan.validation_days
    names = [name for name in PERSONAL if name in plan.learners]
    share = repeat_share(data, cut)
    past = data.before(cut)
    judges = _judges(past, data, rng)
    if len(judges) < MIN_JUDGES:
        return Mixing({name: 1 / len(names) for name in names}, {}, share, len(judges))
    learners = {name: plan.learners[name] for name in (*names, "buy_again") if name in plan.learners}
    models = _fit_all(learners, past, rng, step, "try")
    with step("blend"):
        return _mixing_of(models, names, judges, share)


def _judges(past: Interactions, data: Interactions, rng: Generator) -> list[Judge]:
    """Customers with a past who bought something in the held-back weeks, at most JUDGES of them."""
    later = data.histories.only(Kind.PURCHASE).since(past.histories.now)
    known = np.flatnonzero((np.diff(later.offsets) > 0) & (np.diff(past.histories.offsets) > 0))
    chosen = np.sort(rng.permutation(known)[:JUDGES])
    return [_judge(past.histories, later, int(user)) for user in chosen]


def _judge(past: Histories, later: Histories, user: int) -> Judge:
    history = past.take([user])
    is_new = np.ones(past.n_items, bool)
    is_new[history.item[history.kind == Kind.PURCHASE]] = False
    bought = np.unique(later.item[later.offsets[user] : later.offsets[user + 1]])
    return Judge(history, is_new, bought)


def _mixing_of(models: Mapping[str, Model], names: Sequence[str], judges: Sequence[Judge], share: float) -> Mixing:
    everything = np.ones_like(judges[0].is_new)
    parts: dict[str, list[Candidates]] = {name: [] for name in names}
    for judge in judges:
        for name in names:
            parts[name].append(best(models[name].score(judge.history)[0], judge.is_new, BLEND_DEPTH))
    new = [judge.bought[judge.is_new[judge.bought]] for judge in judges]
    blend = learn_weights(parts, new)
    discovered = [blended([(parts[name][q], blend[name]) for name in names], CHANCE_DEPTH) for q in range(len(judges))]
    curves = {"discover": _curve(discovered, judges)}
    if "buy_again" in models:
        again = models["buy_again"]
        repeated = [best(again.score(judge.history)[0], everything, CHANCE_DEPTH) for judge in judges]
        curves["buy_again"] = _curve(repeated, judges)
    chances = {name: curve for name, curve in curves.items() if curve is not None}
    return Mixing(blend, chances, share, len(judges))


def _curve(lists: Sequence[Candidates], judges: Sequence[Judge]) -> Chance | None:
    scores: Floats = np.concatenate([part.scores for part in lists])
    hits = np.concatenate([np.isin(part.items, judge.bought) for part, judge in zip(lists, judges, strict=True)])
    return learn_chance(scores, hits)


def _indexes(models: Mapping[str, Model], rng: Generator) -> tuple[dict[str, Index], dict[str, IndexReport]]:
    """Over the vector model's items: by inner product for customers, by cosine for similar items."""
    found = [model for model in models.values() if isinstance(model, VectorModel)]
    if not found:
        return {}, {}
    vectors = found[0].item_vectors
    built = {
        "personal": build_index(vectors, rng=rng),
        "similar": build_index(unit(vectors), rng=rng),
    }
    return {name: index for name, (index, _) in built.items()}, {name: report for name, (_, report) in built.items()}

"""From events to an engine: fit on the past, choose blend and curves on the weeks held back, fit on everything."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from recsys.arrays import Floats, Ints, Longs
from recsys.data.events import HAD, Kind
from recsys.data.histories import Histories, Pairs
from recsys.data.interactions import Interactions
from recsys.data.shop import Shop
from recsys.index.base import Index, IndexReport
from recsys.index.build import build_index
from recsys.models.base import Learner, Model, VectorModel
from recsys.models.blend import Candidates, best, blended, learn_weights
from recsys.ranking.chance import Chance, learn_chance
from recsys.ranking.engine import Engine, vector_models
from recsys.ranking.holding import Held, held_back
from recsys.ranking.sources import BLEND_DEPTH, unit

Step = Callable[[str], AbstractContextManager[None]]  # times one step and tells the reader about it

PERSONAL = ("item_neighbours", "user_neighbours", "als", "popularity")  # what a list of new things may be blended from
JUDGES = 2_000  # customers that blend and curves are chosen on
CHANCE_DEPTH = 50  # candidates of each list that its curve is learnt from
MIN_JUDGES = 30
RECALL_SAMPLE = 200  # customers whose vectors an approximate index is measured with
BATCH = 64  # customers scored at once: 24 MB at 92,000 items


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fit and what to hold back for choosing.  learners by name; validation_days at the end of the log.

    is_parted_by_chance: what will be asked is as old as what is known, so that a random part judges, not the latest.
    """

    learners: Mapping[str, Learner]
    weight_by_kind: Mapping[Kind, float]
    validation_days: float = 28.0
    is_parted_by_chance: bool = False


@dataclass(frozen=True, slots=True)
class Mixing:
    """What the held-back weeks taught about putting lists together."""

    blend: Mapping[str, float]
    chances: Mapping[str, Chance]
    repeat_share: float
    judges: int
    held_back: str = "nothing"


@dataclass(frozen=True, slots=True)
class Panel:
    """Q customers of the held-back weeks: what was known, what each had bought and what each bought then (sorted)."""

    histories: Histories
    before: Sequence[Ints]
    after: Sequence[Ints]

    def __len__(self) -> int:
        return len(self.after)


def learn(
    shop: Shop, plan: Plan, rng: Generator, step: Step, *, version: str
) -> tuple[Engine, Mixing, Mapping[str, IndexReport]]:
    """The engine of a shop, how its lists are mixed and why, and which indexes went live."""
    data = shop.data
    mixing = _learn_mixing(data, plan, rng, step)
    models = _fit_all(plan.learners, data, rng, step, "fit")
    with step("index"):
        indexes, reports = _indexes(models, data.histories, rng)
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


def repeat_share(held: Held) -> float:
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
    names = [name for name in PERSONAL if name in plan.learners]
    held = held_back(data, plan.validation_days, rng, by_chance=plan.is_parted_by_chance)
    share = repeat_share(held)
    panel = _panel(held, rng)
    if len(panel) < MIN_JUDGES:
        return Mixing({name: 1 / len(names) for name in names}, {}, share, len(panel), held.how)
    learners = {name: plan.learners[name] for name in (*names, "buy_again") if name in plan.learners}
    models = _fit_all(learners, held.past, rng, step, "try")
    with step("blend"):
        return replace(_mixing_of(models, names, panel, share), held_back=held.how)


def _panel(held: Held, rng: Generator) -> Panel:
    """Customers with a past who chose something of what was held back, at most JUDGES of them."""
    chosen = np.sort(rng.permutation(np.flatnonzero(held.judges))[:JUDGES])
    histories = held.past.histories.take(chosen)
    return Panel(histories, _items(histories.only(*HAD)), _items(held.later.take(chosen)))


def _items(histories: Histories) -> list[Ints]:
    """The items of each customer, sorted, each once."""
    pairs = histories.pairs()
    return np.split(pairs.item, pairs.offsets[1:-1])


def _mixing_of(models: Mapping[str, Model], names: Sequence[str], panel: Panel, share: float) -> Mixing:
    parts = {name: _candidates(models[name], panel, only_new=True) for name in names}
    new = [np.setdiff1d(after, before) for before, after in zip(panel.before, panel.after, strict=True)]
    blend = learn_weights(parts, new)
    columns = zip(*(parts[name] for name in names), strict=True)
    weights = [blend[name] for name in names]
    discovered = [blended(list(zip(column, weights, strict=True)), CHANCE_DEPTH) for column in columns]
    curves = {"discover": _curve(discovered, panel)}
    if "buy_again" in models:
        curves["buy_again"] = _curve(_candidates(models["buy_again"], panel, only_new=False), panel)
    chances = {name: curve for name, curve in curves.items() if curve is not None}
    return Mixing(blend, chances, share, len(panel))


def _candidates(model: Model, panel: Panel, *, only_new: bool) -> list[Candidates]:
    """The best of each customer, without what they had bought if only new things count."""
    found: list[Candidates] = []
    allowed = np.ones(panel.histories.n_items, bool)
    for start in range(0, len(panel), BATCH):
        batch = range(start, min(start + BATCH, len(panel)))
        for user, scores in zip(batch, model.score(panel.histories.take(batch)), strict=True):
            allowed[panel.before[user]] = not only_new
            found.append(best(scores, allowed, BLEND_DEPTH if only_new else CHANCE_DEPTH))
            allowed[panel.before[user]] = True
    return found


def _curve(lists: Sequence[Candidates], panel: Panel) -> Chance | None:
    scores: Floats = np.concatenate([part.scores for part in lists])
    hits = np.concatenate([np.isin(part.items, after) for part, after in zip(lists, panel.after, strict=True)])
    return learn_chance(scores, hits)


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

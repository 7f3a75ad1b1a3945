"""On data that are split at random, what training chooses is no worse than its best single model: made-up worlds."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pytest

from recsys.arrays import Doubles
from recsys.data.dataset.interactions import Interactions
from recsys.learning.fit import _extra_splits, _final_splits
from recsys.learning.holdout import hold_out, random_parts
from recsys.learning.model_selection import select_models
from recsys.learning.recipe import Plan
from recsys.learning.validation import LIST_LENGTH, ValidationUsers, candidate_lists, list_ndcg, validation_users
from recsys.models.base import Learner
from recsys.models.candidates import Candidates, blended
from recsys.models.registry import DISCOVER_MODELS, LEARNERS, OPTIONAL_MODELS
from recsys.testing import interactions_of

BEYOND_NOISE = 2.5  # standard errors; the best of nine parts is picked by the same held-back items
LEAST_MEAN = -0.003  # of all worlds: two standard errors below 0 (measured: -.0002)


@dataclass(frozen=True, slots=True)
class World:
    """Users choose by their tastes, by what sells, and by chance.

    sharpness: how much tastes count; popularity: power of the rank; length: mean number of items of a user.
    """

    tastes: int
    sharpness: float
    popularity: float
    length: int
    n_users: int = 300
    n_items: int = 200

    def data(self, seed: int) -> Interactions:
        rng = np.random.default_rng(seed)
        users, items = (rng.standard_normal((n, self.tastes)) for n in (self.n_users, self.n_items))
        liking = self.sharpness * (users @ items.T) / self.tastes**0.5
        liking -= self.popularity * np.log(np.arange(1, self.n_items + 1))
        order = np.argsort(-(liking + rng.gumbel(size=liking.shape)), axis=1)  # draws without replacement
        taken = np.minimum(3 + rng.poisson(self.length - 3, self.n_users), self.n_items // 2)
        user = np.repeat(np.arange(self.n_users), taken).astype(np.int32)
        item = np.concatenate([row[:n] for row, n in zip(order, taken, strict=True)]).astype(np.int32)
        return interactions_of(user, item, n_users=self.n_users, n_items=self.n_items)


WORLDS = [
    World(tastes, sharpness, popularity, length)
    for tastes, sharpness in ((2, 2.0), (6, 2.5), (20, 3.0))
    for popularity, length in ((0.2, 8), (0.2, 40), (0.9, 12), (0.9, 50))
]


def judged(world: World, names: Sequence[str], optional: Sequence[str], seed: int) -> dict[str, Doubles]:
    """nDCG@10 of each user by the list that is chosen ("auto"), and by each model alone."""
    rng = np.random.default_rng(seed)
    outer = random_parts(world.data(seed), rng)
    learners: dict[str, Learner] = {name: LEARNERS[name]() for name in names}
    plan = Plan(learners, {}, split="chance", optional={name: LEARNERS[name]() for name in optional})
    inner = hold_out(outer.past, 28, rng, split="chance")
    judges = validation_users(inner, rng, 2_000)
    more = _extra_splits(outer.past, inner, judges, plan, rng)
    last_look = _final_splits(outer.past, inner, judges, sum(len(others) for _, others in more), rng)
    choice = select_models(inner, judges, plan, rng, lambda _name: nullcontext(), more=more, last_look=last_look)
    users = validation_users(outer, rng, 2_000)
    parts = {name: _lists(each, outer.past, users) for name, each in {**plan.optional, **choice.learners}.items()}
    rows = zip(*(parts[name] for name in choice.blend), strict=True)
    chosen = [blended(list(zip(row, choice.blend.values(), strict=True)), LIST_LENGTH) for row in rows]
    return {name: list_ndcg(each, users.new) for name, each in {**parts, "auto": chosen}.items()}


def difference(judgement: dict[str, Doubles]) -> Doubles:
    """The chosen list minus the model that is best for the very same users."""
    parts = [quality for name, quality in judgement.items() if name != "auto"]
    return np.asarray(judgement["auto"] - max(parts, key=np.mean))


def _lists(learner: Learner, past: Interactions, users: ValidationUsers) -> list[Candidates]:
    return candidate_lists(learner.fit(past, np.random.default_rng(0)), users, only_new=True, depth=50)


def t_value(per_user: Doubles) -> float:
    return float(per_user.mean() / max(per_user.std() / len(per_user) ** 0.5, 1e-9))


def test_in_a_small_world_the_choice_is_no_worse_than_its_best_part() -> None:
    small = World(2, 4.0, 0.2, 12, n_users=120, n_items=60)
    judgement = judged(small, ["popularity", "user_neighbours"], ["graph_filter"], 0)
    assert t_value(difference(judgement)) > -BEYOND_NOISE
    assert judgement["auto"].mean() > 1.1 * judgement["popularity"].mean()


@pytest.mark.slow
def test_in_a_dozen_worlds_the_choice_is_no_worse_than_its_best_part() -> None:
    optional = sorted(OPTIONAL_MODELS)
    differences = [difference(judged(world, DISCOVER_MODELS, optional, 0)) for world in WORLDS]
    assert min(map(t_value, differences)) > -BEYOND_NOISE
    assert np.mean([each.mean() for each in differences]) > LEAST_MEAN

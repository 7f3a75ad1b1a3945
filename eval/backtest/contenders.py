"""Contenders of a backtest: baselines, single models and placements, each with its lists for the same customers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from eval.backtest.baselines import best_sellers, own_frequency, random_items, segment_best_sellers
from eval.backtest.held_out_users import HeldOutUsers
from eval.backtest.results import ListKind
from eval.metrics.ranked_lists import RankedLists
from eval.protocol import BEST_SELLERS, FADING_FREQUENCY, HALF_LIFE_DAYS, OWN_FREQUENCY, RANDOM, SEGMENT
from eval.replay import as_of, replay
from recsys.arrays import Bools, Doubles, Ints
from recsys.data.dataset.histories import Histories
from recsys.ranking.placements import Placement
from recsys.ranking.recommender import Recommender

CandidateSet = Literal["all", "new"]  # everything on sale, or only items that the customer had never bought

NO_LIST = frozenset({"bought_together", "buy_again"})  # fills baskets; is a placement already
HOME = "home"
PLACEMENTS: Mapping[CandidateSet, tuple[str, ...]] = {"all": ("buy-again", HOME), "new": ("discover",)}
STABILITY_SAMPLE = 200
WEEK_DAYS = 7.0


@dataclass(frozen=True, slots=True)
class EvalContext:
    """The same for every contender of one window: the release, the customers, and the length of the lists.

    segment (U,): see baselines; None where customers have no attribute.
    """

    recommender: Recommender
    held_out: HeldOutUsers
    segment: Ints | None
    k: int
    seed: int

    @property
    def histories(self) -> Histories:
        return self.recommender.engine.histories

    @property
    def users(self) -> Sequence[int]:
        return self.held_out.users

    @property
    def on_sale(self) -> Bools:
        """The items that could be shown then: (I,)."""
        return self.recommender.catalogue.on_sale(self.histories.now)[: self.recommender.engine.n_items]

    def a_week_earlier(self) -> "EvalContext":
        """The same release for some of the customers, with their events until a week before."""
        sample = slice(0, STABILITY_SAMPLE)
        users = self.held_out
        held_out = replace(users, user_ids=users.user_ids[sample], users=users.users[sample])
        now = self.histories.now - WEEK_DAYS
        # With the same seed the random list would be the same again.
        return replace(self, recommender=as_of(self.recommender, now), held_out=held_out, seed=self.seed + 1)


@dataclass(frozen=True, slots=True)
class ModelLists:
    """One list for each of Q customers.  seconds (Q,): for each list; None for a baseline, which is not served."""

    kind: ListKind
    lists: RankedLists
    seconds: Doubles | None


Contender = Callable[[EvalContext], ModelLists]
Contenders = Mapping[str, Contender]


def build_contenders(context: EvalContext, candidates: CandidateSet) -> Contenders:
    """Every contender that can make lists here, by name, baselines first."""
    names = sorted(name for name in context.recommender.engine.models if name not in NO_LIST)
    shows: Literal["never-bought", "all"] = "never-bought" if candidates == "new" else "all"
    return {
        **_baselines(context, only_new=candidates == "new"),
        **{name: _served("model", Placement(sources=(name,), shows=shows)) for name in names},
        **{name: _served("placement", context.recommender.placements[name]) for name in PLACEMENTS[candidates]},
    }


def _baselines(context: EvalContext, *, only_new: bool) -> Contenders:
    """Own frequency, the items that customers buy anyway, only for lists that may hold them."""
    segment = context.segment
    lists: dict[str, Callable[[EvalContext], RankedLists]] = {
        BEST_SELLERS: lambda c: best_sellers(c.histories, c.users, c.on_sale, c.k, only_new=only_new)
    }
    if segment is not None:
        lists[SEGMENT] = lambda c: segment_best_sellers(
            c.histories, c.users, segment, c.on_sale, c.k, only_new=only_new
        )
    if not only_new:
        lists[OWN_FREQUENCY] = lambda c: own_frequency(c.histories, c.users, c.on_sale, c.k)
        lists[FADING_FREQUENCY] = lambda c: own_frequency(
            c.histories, c.users, c.on_sale, c.k, half_life_days=HALF_LIFE_DAYS
        )
    lists[RANDOM] = lambda c: random_items(
        c.histories, c.users, c.on_sale, c.k, np.random.default_rng(c.seed), only_new=only_new
    )
    return {name: _baseline(make_lists) for name, make_lists in lists.items()}


def _baseline(make_lists: Callable[[EvalContext], RankedLists]) -> Contender:
    return lambda context: ModelLists("baseline", make_lists(context), None)


def _served(kind: ListKind, placement: Placement) -> Contender:
    def make_lists(context: EvalContext) -> ModelLists:
        replayed = replay(context.recommender, placement, context.held_out.user_ids, context.k)
        return ModelLists(kind, replayed.lists, replayed.seconds)

    return make_lists

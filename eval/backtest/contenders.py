"""Every list that is judged: baselines, models alone, placements; asked at one moment for the same customers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from eval.backtest.baselines import BASELINES, best_sellers, own_frequency, random_items, segment_best_sellers
from eval.backtest.held_out_users import HeldOutUsers
from eval.backtest.results import ListKind
from eval.metrics.accuracy import RankedLists
from eval.protocol import BEST_SELLERS, FADING_FREQUENCY, HALF_LIFE_DAYS, OWN_FREQUENCY, RANDOM, SEGMENT
from eval.replay import as_of, timed_of
from recsys.arrays import Bools, Doubles, Ints
from recsys.ranking.placements import Placement
from recsys.ranking.recommender import Recommender

CandidateSet = Literal["all", "new"]  # everything on sale, or only what the customer had never bought

NO_LIST = frozenset({"bought_together", "buy_again"})  # fills baskets; is a placement already
PLACEMENTS: Mapping[CandidateSet, tuple[str, ...]] = {"all": ("buy-again", "home"), "new": ("discover",)}
STABILITY_SAMPLE = 200
WEEK_DAYS = 7.0


@dataclass(frozen=True, slots=True)
class EvalContext:
    """Whom everything is asked for: the panel's customers.  segment (U,): see baselines; None without attributes."""

    recommender: Recommender
    panel: HeldOutUsers
    segment: Ints | None
    k: int
    seed: int

    @property
    def on_sale(self) -> Bools:
        """What could be shown then: (I,)."""
        engine = self.recommender.engine
        return self.recommender.catalogue.on_sale(engine.histories.now)[: engine.n_items]

    def a_week_earlier(self) -> "EvalContext":
        """The same release asked for some of the customers with what they had done a week before."""
        some = slice(0, STABILITY_SAMPLE)
        panel = replace(self.panel, user_ids=self.panel.user_ids[some], users=self.panel.users[some])
        now = self.recommender.engine.histories.now - WEEK_DAYS
        # With the same seed chance would show the same again.
        return replace(self, recommender=as_of(self.recommender, now), panel=panel, seed=self.seed + 1)


@dataclass(frozen=True, slots=True)
class ModelLists:
    """One list for all Q customers.  seconds (Q,) each took; None for a baseline, which nobody serves."""

    kind: ListKind
    lists: RankedLists
    seconds: Doubles | None


Contest = Mapping[str, Callable[[EvalContext], ModelLists]]


def contest_of(asking: EvalContext, shown: CandidateSet) -> Contest:
    """How to ask for each list that can be asked for here, by name, baselines first."""
    names = [name for name in asking.recommender.engine.models if name not in NO_LIST]
    alone = {
        name: Placement(sources=(name,), shows="never-bought" if shown == "new" else "all") for name in sorted(names)
    }
    placed = {name: asking.recommender.placements[name] for name in PLACEMENTS[shown]}
    baselines = {**_baselines(asking, only_new=shown == "new"), **(_own_favourites() if shown == "all" else {})}
    return {
        **{name: baselines[name] for name in BASELINES if name in baselines},
        **{name: _served("model", placement) for name, placement in alone.items()},
        **{name: _served("placement", placement) for name, placement in placed.items()},
    }


def _baselines(asking: EvalContext, *, only_new: bool) -> Contest:
    def sellers(a: EvalContext) -> RankedLists:
        return best_sellers(a.recommender.engine.histories, a.panel.users, a.on_sale, a.k, only_new=only_new)

    def segment(a: EvalContext) -> RankedLists:
        histories, codes = a.recommender.engine.histories, a.segment
        assert codes is not None
        return segment_best_sellers(histories, a.panel.users, codes, a.on_sale, a.k, only_new=only_new)

    def chance(a: EvalContext) -> RankedLists:
        rng = np.random.default_rng(a.seed)
        return random_items(a.recommender.engine.histories, a.panel.users, a.on_sale, a.k, rng, only_new=only_new)

    by_segment = {} if asking.segment is None else {SEGMENT: _baseline(segment)}
    return {BEST_SELLERS: _baseline(sellers), **by_segment, RANDOM: _baseline(chance)}


def _own_favourites() -> Contest:
    """What customers take anyway; makes sense only where it may be shown."""

    def plain(a: EvalContext) -> RankedLists:
        return own_frequency(a.recommender.engine.histories, a.panel.users, a.on_sale, a.k)

    def fading(a: EvalContext) -> RankedLists:
        histories = a.recommender.engine.histories
        return own_frequency(histories, a.panel.users, a.on_sale, a.k, half_life_days=HALF_LIFE_DAYS)

    return {OWN_FREQUENCY: _baseline(plain), FADING_FREQUENCY: _baseline(fading)}


def _baseline(ask: Callable[[EvalContext], RankedLists]) -> Callable[[EvalContext], ModelLists]:
    return lambda asking: ModelLists("baseline", ask(asking), None)


def _served(kind: ListKind, placement: Placement) -> Callable[[EvalContext], ModelLists]:
    def ask(asking: EvalContext) -> ModelLists:
        timed = timed_of(asking.recommender, placement, asking.panel.user_ids, asking.k)
        return ModelLists(kind, timed.shown.lists, timed.seconds)

    return ask

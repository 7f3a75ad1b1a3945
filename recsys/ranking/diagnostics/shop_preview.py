"""Shop preview of rules: how many lists of sampled customers they change, with money and coverage gained or lost."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from recsys.arrays import Doubles, Ints
from recsys.customers.population import MIN_GROUP
from recsys.customers.surveys import wilson_interval
from recsys.data.ids import IdMap
from recsys.errors import NotEnoughData
from recsys.inference.clustered import jackknife_interval, mean_interval
from recsys.ranking.candidates.sources import BLEND_DEPTH, discover_candidates
from recsys.ranking.context.context import resolve
from recsys.ranking.placements import find_placement
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import Rules
from recsys.ranking.targeting.purchase_probability import purchase_probabilities

CUSTOMERS = 1_000


class Share(NamedTuple):
    """A share of the sampled lists, with its 95 % interval."""

    share: float
    low: float
    high: float


class Change(NamedTuple):
    """A figure without the rules and with them; difference, with its 95 % interval."""

    before: float
    after: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ShopPreview:
    """Lists of sampled customers under rules beside those without.

    changed, shorter: share of the lists.  came_in: items of a list that were not in it before.  money: expected
    purchases of the items of a list within the horizon of the chances.  coverage: different items in all lists.
    active: share of the customers for whom a rule is active.
    """

    customers: int
    changed: Share
    shorter: Share
    came_in: float
    money: Change
    coverage: Change
    active: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON types."""
        figures = asdict(self)
        return figures | {name: getattr(self, name)._asdict() for name in ("changed", "shorter", "money", "coverage")}


def sampled_customers(users: IdMap, n: int, seed: int = 0) -> list[str]:
    """Up to n customers of the release, each as likely as any other, in the order of their ids."""
    rows = np.random.default_rng(seed).choice(len(users), min(n, len(users)), replace=False)
    return [users.texts[int(row)] for row in np.sort(rows)]


def preview_shop(
    recommender: Recommender,
    queries: Sequence[Query],
    rules: Rules,
    against: Rules,
    *,
    on_customer: Callable[[int, int], None] = lambda done, total: None,
) -> ShopPreview:
    """The lists of these queries, one for each customer, under `rules` beside those under `against`.

    on_customer: called with how many are done, of how many.  Raises NotEnoughData for fewer than MIN_GROUP customers,
    UnknownPlacement.
    """
    if len(queries) < MIN_GROUP:
        raise NotEnoughData(f"{len(queries)} customers: a preview of the shop needs {MIN_GROUP} or more")
    before, after = recommender.with_rules(against), recommender.with_rules(rules)
    lists, money, active = list[tuple[Ints, Ints]](), list[tuple[float, float]](), Counter[str]()
    for done, query in enumerate(queries, start=1):
        pair = _items(before, query), _items(after, query)
        lists.append(pair)
        money.append(_expected_money(recommender, query, pair))
        active.update(rule.id for rule in after.rules_for(query))
        on_customer(done, len(queries))
    n = len(queries)
    return ShopPreview(
        customers=n,
        changed=_share([not np.array_equal(old, new) for old, new in lists]),
        shorter=_share([len(new) < len(old) for old, new in lists]),
        came_in=float(np.mean([len(np.setdiff1d(new, old)) for old, new in lists])),
        money=_money_change(np.array(money)),
        coverage=_coverage_change(lists, recommender.catalogue.n_items),
        active={rule.id: active[rule.id] / n for rule in rules.rules},
    )


def _items(recommender: Recommender, query: Query) -> Ints:
    return np.array([scored.item for scored in recommender.scored_items(query)], np.int32)


def _expected_money(recommender: Recommender, query: Query, pair: tuple[Ints, Ints]) -> tuple[float, float]:
    """What the customer is expected to pay for the items of both lists; an item of unknown price counts nothing."""
    engine, catalogue = recommender.engine, recommender.catalogue
    context = resolve(query, find_placement(recommender.placements, query.placement), engine, catalogue)
    items = np.union1d(*pair)
    items = items[items < engine.n_items]
    best_new = discover_candidates(context, BLEND_DEPTH)
    chance = purchase_probabilities(engine, context.history, best_new, items).probability
    worth = chance * np.nan_to_num(catalogue.price[items].astype(np.float64))
    old, new = (float(worth[np.isin(items, each)].sum()) for each in pair)
    return old, new


def _share(marks: Sequence[bool]) -> Share:
    share = sum(marks) / len(marks)
    return Share(share, *wilson_interval(share, len(marks)))


def _money_change(money: Doubles) -> Change:
    before, after = money.mean(axis=0).tolist()
    return Change(before, after, *mean_interval(money[:, 1] - money[:, 0], np.arange(len(money))))


def _coverage_change(lists: Sequence[tuple[Ints, Ints]], n_items: int) -> Change:
    """Different items of all lists, with the interval from the number without one customer each."""
    without, total = np.zeros(len(lists)), list[int]()
    for sign, side in ((-1, 0), (1, 1)):
        times = np.bincount(np.concatenate([pair[side] for pair in lists]), minlength=n_items)
        total.append(int(np.count_nonzero(times)))
        without += sign * np.array([total[-1] - np.count_nonzero(times[pair[side]] == 1) for pair in lists])
    difference = float(total[1] - total[0])
    return Change(float(total[0]), float(total[1]), difference, *jackknife_interval(difference, without))

"""Hold-out split: the events held back for validation, the last weeks of the shop or the last part of each user."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Doubles, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import OWNED_KINDS, PURCHASE

ENOUGH_USERS = 500  # who came back: then the weeks are used, which are most like the queries to come
ENOUGH_SHARE = 0.2  # of all users, where that is fewer
ENOUGH_VISITS = 30  # users with two visits or more
LAST_PART = 0.2  # of what each user chose
BY_CHANCE = "a random fifth of each customer"

SplitKind = Literal["weeks", "visit", "chance"]


@dataclass(frozen=True, slots=True)
class Holdout:
    """past: what may be learned from.  later: the same users with only what they chose afterwards.

    description: how the events were split, for reports.
    """

    past: Interactions
    later: Histories
    description: str

    @property
    def is_validation_user(self) -> Bools:
        """Who has a past and chose something later: (U,)."""
        both: Bools = (np.diff(self.past.histories.offsets) > 0) & (np.diff(self.later.offsets) > 0)
        return both


def hold_out(data: Interactions, days: float, rng: Generator, *, split: SplitKind = "weeks") -> Holdout:
    """The last `days`; or the last fifth of each user, where too few users came back and this gives more of them.

    The second case is for files without times, and for files in which every user comes once for an hour.
    """
    if split == "chance":
        return random_parts(data, rng)
    if split == "visit":
        visits = last_visits(data)
        if np.count_nonzero(visits.is_validation_user) >= ENOUGH_VISITS:
            return visits
    weeks = last_weeks(data, days)
    n_users = np.count_nonzero(weeks.is_validation_user)
    if n_users >= min(ENOUGH_USERS, ENOUGH_SHARE * data.n_users):
        return weeks
    parts = last_parts(data, rng)
    return parts if np.count_nonzero(parts.is_validation_user) > n_users else weeks


def last_weeks(data: Interactions, days: float) -> Holdout:
    """Everything from one moment on, for all users; what is left of an occasion that began before is in neither."""
    cut = data.histories.now - days
    kind, occasion, is_past = data.histories.kind, data.occasion, data.histories.at < cut
    later = np.flatnonzero(np.isin(kind, OWNED_KINDS) & ~is_past)
    has_begun = (kind[later] == PURCHASE) & np.isin(occasion[later], occasion[is_past & (kind == PURCHASE)])
    is_held = np.zeros(len(kind), bool)
    is_held[later[~has_begun]] = True
    return Holdout(data.before(cut), data.histories.where(is_held), f"the last {days:g} days")


def last_visits(data: Interactions) -> Holdout:
    """The last basket of each user who has more than one, or all baskets of its moment; to predict the next basket."""
    whole, user = data.histories, data.histories.user
    is_chosen = np.isin(whole.kind, OWNED_KINDS)
    last = np.full(len(whole), -np.inf)
    np.maximum.at(last, user[is_chosen], whole.at[is_chosen])
    is_last = is_chosen & (whole.at == last[user])
    # The lines of one basket may bear different times.
    held = is_chosen & np.isin(data.basket, data.basket[is_last])
    held &= np.bincount(user[is_chosen & ~held], minlength=len(whole))[user] > 0
    return _without(data, held, "the last visit of each customer")


def random_parts(data: Interactions, rng: Generator) -> Holdout:
    """A random fifth of each user's orders, or purchases without order ids: for files that were split at random."""
    return _parts(data, np.zeros(len(data.histories.at)), rng, BY_CHANCE)


def last_parts(data: Interactions, rng: Generator) -> Holdout:
    """The last fifth of what each user chose, at least one of two; chance decides between equal times.

    An order is on one side as a whole.  Purchases without order ids, and ratings, are cut one by one: a user who comes
    once for an hour has but one day, and no item twice on a day.
    """
    return _parts(data, data.histories.at, rng, "the last fifth of each customer")


def _parts(data: Interactions, at: Doubles, rng: Generator, description: str) -> Holdout:
    chosen = np.flatnonzero(np.isin(data.histories.kind, OWNED_KINDS))
    unit, first = _units(data, chosen)
    user, begins = data.histories.user[chosen[first]], np.full(len(first), np.inf)
    np.minimum.at(begins, unit, at[chosen])
    order = np.lexsort((rng.random(len(user)), begins, user))
    n = np.bincount(user, minlength=data.n_users)
    from_end = np.cumsum(n)[user[order]] - 1 - np.arange(len(order))
    is_held = np.zeros(len(order), bool)
    is_held[order] = (from_end < np.maximum(1, LAST_PART * n)[user[order]] // 1) & (n[user[order]] > 1)
    held = np.zeros(len(at), bool)
    held[chosen] = is_held[unit]
    return _without(data, held, description)


def _units(data: Interactions, chosen: Longs) -> tuple[Longs, Longs]:
    """What is held back as a whole, orders and single events: the number of each chosen event, the first of each."""
    basket, is_purchase = data.basket[chosen].astype(np.int64), data.histories.kind[chosen] == PURCHASE
    is_order = (basket >= 0) & is_purchase
    key = np.where(is_order, len(chosen) + basket, np.arange(len(chosen)))
    _, first, unit = np.unique(key, return_index=True, return_inverse=True)
    return unit, first


def _without(data: Interactions, held: Bools, description: str) -> Holdout:
    """Holds back those of the N events.

    Other events of the user since the first of them are in neither part: they would give the result away.
    """
    whole, user = data.histories, data.histories.user
    is_chosen = np.isin(whole.kind, OWNED_KINDS)
    first = np.full(len(whole), np.inf)
    np.minimum.at(first, user[held], whole.at[held])
    is_past = ~held & (is_chosen | (whole.at < first[user]))
    return Holdout(data.only(is_past, whole.now), data.only(held, whole.now).histories, description)

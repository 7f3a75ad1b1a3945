"""What is held back to choose by: the last weeks of the shop, or where too few come back in them, of each customer."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Doubles, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import HAD

ENOUGH = 500  # customers who came back: then the weeks judge, as they are nearest to what is asked later
ENOUGH_SHARE = 0.2  # of all customers, where that is fewer
ENOUGH_VISITS = 30  # customers with two visits or more
LAST_PART = 0.2  # of what each customer chose
BY_CHANCE = "a random fifth of each customer"

SplitKind = Literal["weeks", "visit", "chance"]


@dataclass(frozen=True, slots=True)
class Holdout:
    """past: what may be learnt from.  later: the same customers with only what they chose afterwards."""

    past: Interactions
    later: Histories
    how: str

    @property
    def judges(self) -> Bools:
        """Who has a past and chose something later: (U,)."""
        both: Bools = (np.diff(self.past.histories.offsets) > 0) & (np.diff(self.later.offsets) > 0)
        return both


def held_back(data: Interactions, days: float, rng: Generator, *, parting: SplitKind = "weeks") -> Holdout:
    """The last `days`; the last fifth of each customer instead where those judge by too few, and this by more.

    Files without times, and those in which everybody comes once for an hour, have no weeks to hold back.
    """
    if parting == "chance":
        return random_parts(data, rng)
    if parting == "visit":
        visits = last_visits(data)
        if np.count_nonzero(visits.judges) >= ENOUGH_VISITS:
            return visits
    weeks = last_weeks(data, days)
    judged = np.count_nonzero(weeks.judges)
    if judged >= min(ENOUGH, ENOUGH_SHARE * data.n_users):
        return weeks
    parts = last_parts(data, rng)
    return parts if np.count_nonzero(parts.judges) > judged else weeks


def last_weeks(data: Interactions, days: float) -> Holdout:
    """Everything from one moment on, for everybody."""
    cut = data.histories.now - days
    return Holdout(data.before(cut), data.histories.only(*HAD).since(cut), f"the last {days:g} days")


def last_visits(data: Interactions) -> Holdout:
    """The last basket of each customer who has more, or all that share its moment; for files that ask for the next."""
    whole = data.histories
    user = np.repeat(np.arange(len(whole)), np.diff(whole.offsets))
    is_chosen = np.isin(whole.kind, HAD)
    last = np.full(len(whole), -np.inf)
    np.maximum.at(last, user[is_chosen], whole.at[is_chosen])
    is_last = is_chosen & (whole.at == last[user])
    # A basket may be written down line by line.
    held = is_chosen & np.isin(data.basket, data.basket[is_last])
    held &= np.bincount(user[is_chosen & ~held], minlength=len(whole))[user] > 0
    return _without(data, held, "the last visit of each customer")


def random_parts(data: Interactions, rng: Generator) -> Holdout:
    """A fifth of what each customer chose, drawn by chance: for files that were themselves parted by chance."""
    return _parts(data, np.zeros(len(data.histories.at)), rng, BY_CHANCE)


def last_parts(data: Interactions, rng: Generator) -> Holdout:
    """The last fifth of what each customer chose, at least one of two; at one moment chance decides."""
    return _parts(data, data.histories.at, rng, "the last fifth of each customer")


def _parts(data: Interactions, at: Doubles, rng: Generator, how: str) -> Holdout:
    """The last fifth by those times."""
    whole = data.histories
    user = np.repeat(np.arange(len(whole)), np.diff(whole.offsets))
    is_chosen = np.isin(whole.kind, HAD)
    return _without(data, _last_of_each(at, is_chosen, user, rng), how)


def _without(data: Interactions, held: Bools, how: str) -> Holdout:
    """Those of the N events held back.  What else the customer did since the first of them is in neither: it tells."""
    whole = data.histories
    user = np.repeat(np.arange(len(whole)), np.diff(whole.offsets))
    is_chosen = np.isin(whole.kind, HAD)
    first = np.full(len(whole), np.inf)
    np.minimum.at(first, user[held], whole.at[held])
    is_past = ~held & (is_chosen | (whole.at < first[user]))
    return Holdout(data.only(is_past, whole.now), data.only(held, whole.now).histories, how)


def _last_of_each(at: Doubles, is_chosen: Bools, user: Longs, rng: Generator) -> Bools:
    """Which of the N events are the last fifth of what their customer chose."""
    chosen = np.flatnonzero(is_chosen)
    order = chosen[np.lexsort((rng.random(len(chosen)), at[chosen], user[chosen]))]
    n = np.bincount(user[chosen], minlength=int(user.max(initial=-1)) + 1)
    from_end = np.cumsum(n)[user[order]] - 1 - np.arange(len(order))
    held = np.zeros(len(user), bool)
    held[order] = (from_end < np.maximum(1, LAST_PART * n)[user[order]] // 1) & (n[user[order]] > 1)
    return held

"""New arrivals: items of the last weeks in the order a customer would like, then older items by date."""

from typing import NamedTuple

import numpy as np

from recsys.arrays import Doubles, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.engine.engine import Engine
from recsys.engine.new_items import NEW_DAYS
from recsys.models.candidates import NO_CANDIDATES, Candidates
from recsys.ranking.context.item_cold_start import MOST, Liked, cold_start_candidates
from recsys.ranking.filters.eligibility import Eligibility

OLDER = 500  # items of earlier weeks that follow


class NewArrivals(NamedTuple):
    """new: items of the last four weeks of the shop, liked ones first.  older: before that, the newest first."""

    new: Candidates = NO_CANDIDATES
    older: Candidates = NO_CANDIDATES


NO_NEW_ARRIVALS = NewArrivals()


def find_new_arrivals(
    engine: Engine, catalogue: Catalogue, eligible: Eligibility, now: float, liked: Liked
) -> NewArrivals:
    """The eligible items whose first day is known.  now: days since 1970.

    The last weeks end now, or when the newest of these items came: in a shop that stands still they stay new.
    """
    since = available_since(engine, catalogue)
    items = np.flatnonzero(eligible.mask & (since > -np.inf)).astype(np.int32)
    if not len(items):
        return NO_NEW_ARRIVALS
    items = items[np.lexsort((items, -since[items]))][: MOST + OLDER]
    start = min(now, float(since[items[0]])) - NEW_DAYS
    n_new = min(int(np.count_nonzero(since[items] > start)), MOST)
    new = items[:n_new]
    near = cold_start_candidates(liked, new, catalogue, by_name=False).items
    return NewArrivals(_in_order(np.concatenate((near, new[~np.isin(new, near)]))), _in_order(items[n_new:]))


def available_since(engine: Engine, catalogue: Catalogue) -> Doubles:
    """The first day of each item, days since 1970, -inf where it is unknown.  (I,)

    That is the day it became available; else, for an item added after a training, the day of that training, the last
    added last; else the first event of an item that was not there when the log began.
    """
    n = engine.n_items
    since = np.full(catalogue.n_items, -np.inf)
    if len(engine.repurchase.first_at):
        since[:n] = engine.repurchase.first_at
    since[engine.new_items.item] = engine.new_items.since
    known_until = max(engine.histories.now, float(since[:n].max(initial=-np.inf)))
    since[n:] = known_until + 1e-6 * np.arange(1, catalogue.n_items - n + 1)
    if catalogue.has_dates:
        is_dated = np.isfinite(catalogue.opens)
        since[is_dated] = catalogue.opens[is_dated]
    return since


def _in_order(items: Ints) -> Candidates:
    return Candidates(items, (1.0 / (1.0 + np.arange(len(items)))).astype(np.float32))

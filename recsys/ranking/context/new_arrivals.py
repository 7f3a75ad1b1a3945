"""The newest items on sale: those of the last weeks in the order a customer would like, then older ones by date."""

from typing import NamedTuple

import numpy as np

from recsys.arrays import Bools, Doubles, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.engine.engine import Engine
from recsys.engine.new_items import NEW_DAYS
from recsys.models.candidates import NOBODY, Candidates
from recsys.ranking.context.item_cold_start import MOST, Liked, new_item_scores

OLDER = 500  # items of earlier weeks that are lined up behind


class NewArrivals(NamedTuple):
    """new: of the last four weeks of the shop, liked ones first.  older: before that, the newest first."""

    new: Candidates = NOBODY
    older: Candidates = NOBODY


NONE_LATELY = NewArrivals()


def new_arrivals_of(engine: Engine, catalogue: Catalogue, allowed: Bools, now: float, liked: Liked) -> NewArrivals:
    """The allowed items of which anybody knows since when they are there.  now: days since 1970.

    The last weeks end now, or when the newest of these items came: in a shop that stands still they stay new.
    """
    since = since_of(engine, catalogue)
    dated = np.flatnonzero(allowed & (since > -np.inf)).astype(np.int32)
    if not len(dated):
        return NONE_LATELY
    dated = dated[np.lexsort((dated, -since[dated]))][: MOST + OLDER]
    start = min(now, float(since[dated[0]])) - NEW_DAYS
    n_new = min(int(np.count_nonzero(since[dated] > start)), MOST)
    return NewArrivals(_liked_first(dated[:n_new], catalogue, liked), _in_order(dated[n_new:]))


def since_of(engine: Engine, catalogue: Catalogue) -> Doubles:
    """Since when each item is there, days since 1970, -inf where nobody knows.  (I,)

    The day it became available; else, for one put after a training, the day of that training, the last put last;
    else the first event of one that was not there when the log began.
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


def _liked_first(items: Ints, catalogue: Catalogue, liked: Liked) -> Candidates:
    """Of a kind that is liked, nearest first, then the others in their order."""
    near = new_item_scores(liked, items, catalogue, by_name=False).items
    return _in_order(np.concatenate((near, items[~np.isin(items, near)])))


def _in_order(items: Ints) -> Candidates:
    return Candidates(items, (1.0 / (1.0 + np.arange(len(items)))).astype(np.float32))

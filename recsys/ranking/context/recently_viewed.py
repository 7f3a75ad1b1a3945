"""Recently viewed items: what a customer looked at last and has not bought since."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.histories import Histories
from recsys.data.events import PURCHASE, Event, Kind
from recsys.data.ids import MISSING
from recsys.models.candidates import Candidates
from recsys.ranking.filters.eligibility import Eligibility
from recsys.time_units import DAY_MS

LOOKS = (int(Kind.VIEW), int(Kind.CLICK))
MOST = 1_000  # events of a history that are looked through

ItemEvent = tuple[int, int, float]  # item, kind, when in days since 1970


def recently_viewed_items(
    history: Histories, events: Sequence[Event], catalogue: Catalogue, eligible: Eligibility
) -> Candidates:
    """The eligible items that were viewed, the last one first; the score is 1 / rank.

    history: of one customer, as the bundle knows it.  events: those since, oldest first; of equal times the later
    one counts as later.  An item bought at or after its last view is left out.
    """
    order_by_item: dict[int, int] = {}
    item_events = sorted((*_of_history(history), *_of_events(events, catalogue)), key=lambda event: event[2])
    for order, (item, kind, _) in enumerate(item_events):
        if kind == PURCHASE:
            order_by_item.pop(item, None)
        else:
            order_by_item[item] = order
    newest = sorted(order_by_item, key=order_by_item.__getitem__, reverse=True)
    items = np.array([item for item in newest if eligible.mask[item]], np.int32)
    return Candidates(items, (1.0 / (1.0 + np.arange(len(items)))).astype(np.float32))


def _of_history(history: Histories) -> Iterator[ItemEvent]:
    events = np.flatnonzero(np.isin(history.kind, (*LOOKS, PURCHASE)))
    events = events[np.argsort(history.at[events], kind="stable")[-MOST:]]
    return zip(history.item[events].tolist(), history.kind[events].tolist(), history.at[events].tolist(), strict=True)


def _of_events(events: Iterable[Event], catalogue: Catalogue) -> Iterator[ItemEvent]:
    for event in events:
        item = catalogue.position(event.item_id)
        if item != MISSING and (event.kind in LOOKS or event.kind == PURCHASE):
            yield item, event.kind, event.at_ms / DAY_MS

"""What a customer looked at last and has not bought since."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from recsys.arrays import Bools
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.histories import Histories
from recsys.data.events import PURCHASE, Event, Kind
from recsys.data.ids import MISSING
from recsys.models.candidates import Candidates
from recsys.time_units import DAY_MS

LOOKS = (int(Kind.VIEW), int(Kind.CLICK))
MOST = 1_000  # looks of a history that are gone through

Deed = tuple[int, int, float]  # item, kind, when in days since 1970


def recently_viewed_of(history: Histories, events: Sequence[Event], catalogue: Catalogue, allowed: Bools) -> Candidates:
    """The allowed items looked at, the last one first; the score is 1 / rank.

    history: of one customer, as the bundle knows it.  events: those since, oldest first; of equal times the later
    one counts as later.  An item bought at or after the last look is left out.
    """
    looked: dict[int, int] = {}
    deeds = sorted((*_of_history(history), *_of_events(events, catalogue)), key=lambda deed: deed[2])
    for order, (item, kind, _) in enumerate(deeds):
        if kind == PURCHASE:
            looked.pop(item, None)
        else:
            looked[item] = order
    newest = sorted(looked, key=looked.__getitem__, reverse=True)
    items = np.array([item for item in newest if allowed[item]], np.int32)
    return Candidates(items, (1.0 / (1.0 + np.arange(len(items)))).astype(np.float32))


def _of_history(history: Histories) -> Iterator[Deed]:
    telling = np.flatnonzero(np.isin(history.kind, (*LOOKS, PURCHASE)))
    latest = telling[np.argsort(history.at[telling], kind="stable")[-MOST:]]
    return zip(history.item[latest].tolist(), history.kind[latest].tolist(), history.at[latest].tolist(), strict=True)


def _of_events(events: Iterable[Event], catalogue: Catalogue) -> Iterator[Deed]:
    for event in events:
        item = catalogue.position(event.item_id)
        if item != MISSING and (event.kind in LOOKS or event.kind == PURCHASE):
            yield item, event.kind, event.at_ms / DAY_MS

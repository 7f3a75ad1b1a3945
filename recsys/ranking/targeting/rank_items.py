"""A list of the shop's own in the order in which one customer wants it: every item of it once, none left out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.config import nearest
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.ids import MISSING
from recsys.engine.engine import Engine
from recsys.errors import UnknownModel
from recsys.models.candidates import Candidates
from recsys.ranking.candidates.pipeline import ScoredItem, candidates_for, level_of
from recsys.ranking.candidates.sources import BLEND_DEPTH, best_new_of
from recsys.ranking.context.context import QueryContext, resolve
from recsys.ranking.context.new_arrivals import NewArrivals
from recsys.ranking.placements import Placement
from recsys.ranking.query import Fallback, Query
from recsys.ranking.targeting.purchase_probability import AGAIN, NEW, purchase_probabilities
from recsys.time_units import DAY_MS

Status = Literal["ok", "held_back", "unavailable"]
STATUSES: Final[tuple[Status, ...]] = ("ok", "held_back", "unavailable")


class RankedItem(NamedTuple):
    """One place; rank counts from 1.  Scores compare within one source.

    status: `held_back` is what this customer waved away, or had where only new things are shown; `unavailable` is
    sold out, deleted, hidden, or not for sale at this moment.
    """

    item_id: str
    name: str | None
    score: float
    rank: int
    source: str
    status: Status


@dataclass(frozen=True, slots=True)
class Ranking:
    """The shop's list in order, and the ids of it that nobody ever heard of."""

    items: tuple[RankedItem, ...]
    unknown: tuple[str, ...]
    placement: str
    model_version: str
    fallback: Fallback

    def as_data(self) -> dict[str, Any]:
        """The ranking as JSON types."""
        return {
            "items": [item._asdict() for item in self.items],
            "unknown": self.unknown,
            "placement": self.placement,
            "model_version": self.model_version,
            "fallback": self.fallback,
        }


def model_as_placement(name: str, engine: Engine) -> Placement:
    """Where one model alone decides.  Raises UnknownModel for one the release does not have."""
    if name not in engine.models:
        raise UnknownModel(f"the live release has no model {name!r:.80}; {nearest(name, engine.models)}")
    return Placement(sources=(name,))


def rank_items(
    ask: Query, item_ids: Sequence[str], placement: Placement, engine: Engine, catalogue: Catalogue, *, sinks: bool
) -> Ranking:
    """Every known item of the list once, best first; twice named stands once.

    Where the placement mixes what is bought again with what is new, by the chance of a purchase, as its lists are;
    else by its sources; after them by the ladder.  sinks: what is held back stands after the rest, what is unavailable
    after that.
    """
    at_by_id = {item_id: catalogue.position(item_id) for item_id in item_ids}
    items = np.array(sorted({at for at in at_by_id.values() if at != MISSING}), np.int32)
    question = resolve(ask, placement.model_copy(update={"fills": True}), engine, catalogue)
    status = _statuses(items, question, catalogue.on_sale(ask.now_ms / DAY_MS))
    picks = _ordered(items, question, engine)
    if sinks:
        picks.sort(key=lambda pick: STATUSES.index(status[pick.item]))
    return Ranking(
        items=tuple(_told(picks, status, catalogue)),
        unknown=tuple(item_id for item_id, at in at_by_id.items() if at == MISSING),
        placement=ask.placement,
        model_version=engine.version,
        fallback=level_of(picks),
    )


def _statuses(items: Ints, question: QueryContext, on_sale: Bools) -> dict[int, Status]:
    return {
        item: "ok" if question.allowed[item] else "held_back" if on_sale[item] else "unavailable"
        for item in items.tolist()
    }


def _ordered(items: Ints, question: QueryContext, engine: Engine) -> list[ScoredItem]:
    """Only these items are asked for, and all of them come: each list is as long as what it is drawn from."""
    only = np.zeros(len(question.allowed), bool)
    only[items] = True
    placement = question.placement
    goes_by_chance = (
        placement.mix == "probability" and {AGAIN, NEW} == set(placement.sources) <= engine.calibrations.keys()
    )
    first = _by_chance(items, question, engine) if goes_by_chance else []
    only[[pick.item for pick in first]] = False
    n = len(items) - len(first)
    if not n:
        return first
    rest = replace(
        question,
        allowed=only,
        taste=None,
        is_plain=False,
        arrivals=_left(question.arrivals, only),
        viewed=_left(question.viewed, only),
        latest=NewArrivals(*(_left(part, only) for part in question.latest)),
    )
    return first + candidates_for(engine, placement, rest, n)


def _left(part: Candidates, only: Bools) -> Candidates:
    kept = only[part.items]
    return Candidates(part.items[kept], part.scores[kept])


def _by_chance(items: Ints, question: QueryContext, engine: Engine) -> list[ScoredItem]:
    """Those of the items for which a chance speaks, the likely ones first, ties by position."""
    known = items[items < engine.n_items]
    wants = purchase_probabilities(engine, question.history, best_new_of(engine, question, BLEND_DEPTH), known)
    order = wants.order()
    return [
        ScoredItem(item, chance, AGAIN if is_again else NEW, question.level)
        for item, chance, is_again in zip(
            known[order].tolist(), wants.chance[order].tolist(), wants.is_again[order].tolist(), strict=True
        )
    ]


def _told(picks: Iterable[ScoredItem], status: Mapping[int, Status], catalogue: Catalogue) -> Iterator[RankedItem]:
    for rank, pick in enumerate(picks, start=1):
        item_id, name = catalogue.label(pick.item)
        yield RankedItem(item_id, name, pick.score, rank, pick.source, status[pick.item])

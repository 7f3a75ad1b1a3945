"""Item ranking: orders all items of a list sent by the shop for one customer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.config import spelling_hint
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.catalogue.mask_cache import to_mask
from recsys.data.ids import MISSING
from recsys.engine.engine import Engine
from recsys.errors import UnknownModel
from recsys.ranking.candidates.pipeline import ScoredItem, candidates_for, fallback_of
from recsys.ranking.candidates.pool import narrowed
from recsys.ranking.candidates.sources import BLEND_DEPTH, discover_candidates
from recsys.ranking.context.context import QueryContext, resolve
from recsys.ranking.filters.eligibility import Eligibility
from recsys.ranking.placements import Placement
from recsys.ranking.query import Fallback, Query
from recsys.ranking.targeting.purchase_probability import AGAIN, NEW, purchase_probabilities
from recsys.time_units import DAY_MS

Status = Literal["ok", "held_back", "unavailable"]
STATUSES: Final[tuple[Status, ...]] = ("ok", "held_back", "unavailable")


class RankedItem(NamedTuple):
    """One item of the ranking; rank counts from 1.  Scores are comparable within one source only.

    status: `held_back` is an item that this customer dismissed, or owned where only new items are shown; `unavailable`
    is sold out, deleted, hidden, or not for sale at this moment.
    """

    item_id: str
    name: str | None
    score: float
    rank: int
    source: str
    status: Status


@dataclass(frozen=True, slots=True)
class Ranking:
    """The shop's list in order.  unknown: ids that neither events nor catalogue know."""

    items: tuple[RankedItem, ...]
    unknown: tuple[str, ...]
    placement: str
    model_version: str
    fallback: Fallback

    def to_json(self) -> dict[str, Any]:
        """The ranking as JSON types."""
        return {
            "items": [item._asdict() for item in self.items],
            "unknown": self.unknown,
            "placement": self.placement,
            "model_version": self.model_version,
            "fallback": self.fallback,
        }


def model_as_placement(name: str, engine: Engine) -> Placement:
    """A placement whose only source is that model.  Raises UnknownModel for one the release does not have."""
    if name not in engine.models:
        raise UnknownModel(f"the live release has no model {name!r:.80}; {spelling_hint(name, engine.models)}")
    return Placement(sources=(name,))


def rank_items(
    query: Query, item_ids: Sequence[str], placement: Placement, engine: Engine, catalogue: Catalogue, *, sinks: bool
) -> Ranking:
    """Every known item of the list once, best first; an item named twice counts once.

    A placement that mixes buy-again with new items orders them by purchase probability, as its lists do; any other by
    its sources; the remaining items follow by the fallback levels.  sinks: items held back come after the rest, and
    unavailable items after those.
    """
    item_by_id = {item_id: catalogue.position(item_id) for item_id in item_ids}
    items = np.array(sorted({item for item in item_by_id.values() if item != MISSING}), np.int32)
    context = resolve(query, placement.model_copy(update={"fills": True}), engine, catalogue)
    status = _statuses(items, context, catalogue.on_sale(query.now_ms / DAY_MS))
    scored = _ordered(items, context)
    if sinks:
        scored.sort(key=lambda candidate: STATUSES.index(status[candidate.item]))
    return Ranking(
        items=tuple(
            RankedItem(*catalogue.label(item), score, rank, source, status[item])
            for rank, (item, score, source, _, _) in enumerate(scored, start=1)
        ),
        unknown=tuple(item_id for item_id, item in item_by_id.items() if item == MISSING),
        placement=query.placement,
        model_version=engine.version,
        fallback=fallback_of(scored),
    )


def _statuses(items: Ints, context: QueryContext, is_on_sale: Bools) -> dict[int, Status]:
    return {
        item: "ok" if context.eligible.mask[item] else "held_back" if is_on_sale[item] else "unavailable"
        for item in items.tolist()
    }


def _ordered(items: Ints, context: QueryContext) -> list[ScoredItem]:
    """All of these items and no others: each list is as long as what it is drawn from."""
    mask = to_mask(items, len(context.eligible.mask))
    placement, calibrations = context.placement, context.engine.calibrations
    is_mixed = placement.mix == "probability" and {AGAIN, NEW} == set(placement.sources) <= calibrations.keys()
    scored = _by_probability(items, context) if is_mixed else []
    mask[[candidate.item for candidate in scored]] = False
    n = len(items) - len(scored)
    if not n:
        return scored
    rest = replace(narrowed(context, mask), eligible=Eligibility(mask), candidate_key=None)
    return scored + candidates_for(rest, n)


def _by_probability(items: Ints, context: QueryContext) -> list[ScoredItem]:
    """Those of the items with a purchase probability above 0, the likely ones first, ties by position."""
    items = items[items < context.engine.n_items]
    best_new = discover_candidates(context, BLEND_DEPTH)
    probabilities = purchase_probabilities(context.engine, context.history, best_new, items)
    order = probabilities.order()
    return [
        ScoredItem(item, probability, AGAIN if is_again else NEW, context.level)
        for item, probability, is_again in zip(
            items[order].tolist(),
            probabilities.probability[order].tolist(),
            probabilities.is_again[order].tolist(),
            strict=True,
        )
    ]

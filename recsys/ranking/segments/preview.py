"""Segment preview: size, revenue, reach by consent and overlap; groups that are too small are not told."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recsys.arrays import Bools
from recsys.customers.population import MIN_GROUP
from recsys.data.entities import PURPOSES, User
from recsys.errors import BadInput
from recsys.ranking.segments.document import SavedSegments
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.expression import CustomerWhere
from recsys.ranking.segments.population import SegmentPopulation

TOO_SMALL = f"fewer than {MIN_GROUP} customers: such a group is not told"


@dataclass(frozen=True, slots=True)
class Reach:
    """How many members may be contacted for a purpose over a channel, None for any channel.

    open: did not refuse.  agreed: said yes.  None where fewer than MIN_GROUP.
    """

    purpose: str
    channel: str | None
    open: int | None
    agreed: int | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """Members that are in another saved segment, too; share: of this segment.  None where too few."""

    segment: str
    customers: int | None
    share: float | None


@dataclass(frozen=True, slots=True)
class SegmentPreview:
    """A segment as of `as_of` (Unix ms).  share: of the customers; revenue: all that members paid, and its share.

    seconds: to work it out.  reason: why figures are None.
    """

    customers: int | None
    share: float | None
    revenue: float | None
    revenue_share: float | None
    as_of: int
    reach: tuple[Reach, ...]
    overlap: tuple[Overlap, ...]
    seconds: float
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def preview_segment(where: CustomerWhere, saved: SavedSegments, population: SegmentPopulation) -> SegmentPreview:
    """The figures of a condition.  Raises BadInput for a name that there is not."""
    started, conditions = time.perf_counter(), saved.conditions()
    mask = members(where, population, conditions)
    seconds = time.perf_counter() - started
    n, n_all = int(mask.sum()), int(population.is_named.sum())
    if n < MIN_GROUP:
        return SegmentPreview(None, None, None, None, population.as_of_ms, (), (), round(seconds, 4), TOO_SMALL)
    money = population.table.money
    revenue, total = float(money[mask].sum()), float(money[population.is_named].sum())
    others = {name: other for name, other in conditions.items() if other.text != where.text}
    return SegmentPreview(
        customers=n,
        share=round(n / n_all, 4),
        revenue=round(revenue, 2),
        revenue_share=round(revenue / total, 4) if total > 0 else None,
        as_of=population.as_of_ms,
        reach=tuple(_reach(population, mask)),
        overlap=tuple(_overlaps(others, mask, population, conditions)),
        seconds=round(seconds, 4),
    )


def segment_sizes(saved: SavedSegments, population: SegmentPopulation) -> dict[str, int | None]:
    """Members of each saved segment, None where too few or where it cannot be worked out."""
    conditions = saved.conditions()
    counted: dict[str, int | None] = {}
    for name, where in conditions.items():
        try:
            counted[name] = _large(int(members(where, population, conditions).sum()))
        except BadInput:
            counted[name] = None
    return counted


def _reach(population: SegmentPopulation, mask: Bools) -> Iterable[Reach]:
    chosen = [population.users[row] for row in np.flatnonzero(mask).tolist()]
    for purpose in PURPOSES:
        channels = sorted({channel for user in chosen for channel in _channels(user, purpose)})
        for channel in (None, *channels):
            answers = [None if user is None else user.answer(purpose, channel) for user in chosen]
            n_open = sum(answer is not False for answer in answers)
            yield Reach(purpose, channel, _large(n_open), _large(sum(answer is True for answer in answers)))


def _channels(user: User | None, purpose: str) -> Iterable[str]:
    if user is None or not user.consent:
        return ()
    return user.consent_by_channel().get(purpose, ())


def _overlaps(
    others: Mapping[str, CustomerWhere], mask: Bools, population: SegmentPopulation, saved: Mapping[str, CustomerWhere]
) -> Iterable[Overlap]:
    for name, where in others.items():
        try:
            both = _large(int((members(where, population, saved) & mask).sum()))
        except BadInput:
            both = None
        yield Overlap(name, both, None if both is None else round(both / int(mask.sum()), 4))


def _large(n: int) -> int | None:
    return n if n >= MIN_GROUP else None

"""The picks of a question, as many as are wanted and of whatever kind, each from the same pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recsys.arrays import Bools
from recsys.engine.engine import Engine
from recsys.models.candidates import NOBODY, Candidates
from recsys.ranking.candidates.pipeline import ScoredItem, candidates_for
from recsys.ranking.context.context import QueryContext
from recsys.ranking.context.new_arrivals import NewArrivals
from recsys.ranking.placements import Placement


@dataclass(frozen=True, slots=True)
class CandidatePool:
    """Where the picks of one ask come from.  min_score: see Shape; None lets the ladder fill."""

    engine: Engine
    placement: Placement
    question: QueryContext
    min_score: float | None = None

    def first(self, k: int, depth: int) -> list[ScoredItem]:
        """The plain list of k, and below it what a list of `depth` has besides; no item twice."""
        head = candidates_for(self.engine, self.placement, self.question, k)
        if depth > k:
            head = [*head, *self._below(head, depth)]
        return self._good(head)

    def best(self, n: int, among: Bools) -> list[ScoredItem]:
        """The n best of those items, of which none may be one that the question does not allow.  (I,)"""
        narrow = replace(narrowed(self.question, among), arrivals=NOBODY)
        return self._good(candidates_for(self.engine, self.placement, narrow, n))

    def _below(self, head: Sequence[ScoredItem], depth: int) -> list[ScoredItem]:
        # What a longer list thinks of the first k is left out: they stand as they stand without any wishes.
        known = {pick.item for pick in head}
        deep = candidates_for(self.engine, self.placement, self.question, depth)
        return [pick for pick in deep if pick.item not in known]

    def _good(self, picks: list[ScoredItem]) -> list[ScoredItem]:
        if self.min_score is None:
            return picks
        names = self.placement.sources
        return [pick for pick in picks if pick.source in names and pick.score >= self.min_score]


def narrowed(question: QueryContext, allowed: Bools) -> QueryContext:
    """The same question with less that may be shown.  (I,): none of it may be what the question does not allow."""
    return replace(
        question,
        allowed=allowed,
        is_plain=False,
        arrivals=_among(question.arrivals, allowed),
        viewed=_among(question.viewed, allowed),
        latest=NewArrivals(_among(question.latest.new, allowed), _among(question.latest.older, allowed)),
    )


def _among(part: Candidates, allowed: Bools) -> Candidates:
    if not len(part):
        return part
    kept = allowed[part.items]
    return Candidates(part.items[kept], part.scores[kept])

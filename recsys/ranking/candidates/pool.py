"""Candidate pool: candidates of one query, as many and of whatever kind are needed, all from the same pipeline."""

from dataclasses import dataclass, replace

from recsys.arrays import Bools
from recsys.models.candidates import NO_CANDIDATES, Candidates
from recsys.ranking.candidates.pipeline import ScoredItem, candidates_for
from recsys.ranking.context.context import QueryContext
from recsys.ranking.context.new_arrivals import NewArrivals


@dataclass(frozen=True, slots=True)
class CandidatePool:
    """The candidates of one query.  min_score: see ListOptions; None lets the fallback levels fill the list."""

    context: QueryContext
    min_score: float | None = None

    def first(self, k: int, depth: int) -> list[ScoredItem]:
        """The plain list of k, and below it what a list of `depth` holds besides; no item twice."""
        scored = candidates_for(self.context, k)
        if depth > k:
            # The order of a longer list does not count for the first k: they keep the places they have without options.
            items = {candidate.item for candidate in scored}
            scored += [candidate for candidate in candidates_for(self.context, depth) if candidate.item not in items]
        return self._good_enough(scored)

    def best(self, k: int, mask: Bools) -> list[ScoredItem]:
        """The k best of those items, all of which must be eligible.  mask (I,)"""
        context = replace(narrowed(self.context, mask), cold_start=NO_CANDIDATES)
        return self._good_enough(candidates_for(context, k))

    def _good_enough(self, scored: list[ScoredItem]) -> list[ScoredItem]:
        if self.min_score is None:
            return scored
        sources = self.context.placement.sources
        return [candidate for candidate in scored if candidate.source in sources and candidate.score >= self.min_score]


def narrowed(context: QueryContext, mask: Bools) -> QueryContext:
    """The same context with fewer eligible items.  mask (I,): all of them must be eligible before."""
    return replace(
        context,
        eligible=context.eligible._replace(mask=mask),
        is_unrestricted=False,
        cold_start=_within(context.cold_start, mask),
        recently_viewed=_within(context.recently_viewed, mask),
        new_arrivals=NewArrivals(*(_within(candidates, mask) for candidates in context.new_arrivals)),
    )


def _within(candidates: Candidates, mask: Bools) -> Candidates:
    if not len(candidates):
        return candidates
    mask = mask[candidates.items]
    return Candidates(candidates.items[mask], candidates.scores[mask])

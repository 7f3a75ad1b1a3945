"""Several titled lists in one answer, in which no item stands twice."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from recsys.ranking.candidates.pipeline import LEVELS
from recsys.ranking.context.context import resolve
from recsys.ranking.placements import find
from recsys.ranking.query import Query, RecommendationList, Row, Rows
from recsys.ranking.recommender import Recommender
from recsys.ranking.rows.seed_items import seed_items

FEWEST = 3  # a shorter row is left out, unless fewer were asked for


def rows_of(recommender: Recommender, ask: Query, names: Sequence[str] = ()) -> Rows:
    """The rows of those placements, in that order, up to `ask.k` items each; without names those of `ask.placement`.

    A row holds what its title promises and nothing to fill it up; one with fewer than three items is left out.  Where
    that leaves none, one row of the placement itself stands, filled: it is empty only when nothing may be shown.
    Raises UnknownPlacement.
    """
    placement = find(recommender.placements, ask.placement)
    rows: list[Row] = []
    taken: list[str] = []
    for name in names or placement.rows:
        for one, title, because in _asks(recommender, ask, name):
            answer = recommender.recommend(replace(one, exclude=(*one.exclude, *taken), fills=False))
            if len(answer.items) >= min(FEWEST, ask.k):
                rows.append(_row(title, because, answer))
                taken += [item.item_id for item in answer.items]
    if not rows:
        answer = recommender.recommend(ask)
        rows = [_row(placement.title, (), answer)] if answer.items else []
    best = min((LEVELS.index(row.fallback) for row in rows), default=-1)
    return Rows(tuple(rows), ask.placement, recommender.engine.version, LEVELS[best])


def _asks(recommender: Recommender, ask: Query, name: str) -> Iterator[tuple[Query, str, tuple[str, ...]]]:
    """The questions behind one placement, each with its title and what it follows from."""
    placement = find(recommender.placements, name)
    ask = replace(ask, placement=name)
    if placement.each == "none":
        yield ask, placement.title, ()
        return
    catalogue = recommender.catalogue
    question = resolve(ask, placement, recommender.engine, catalogue)
    for item in seed_items(question.history, placement.each, recommender.engine, question.nameable):
        label = catalogue.label(item)
        title = placement.title.replace("{item}", label.name or label.item_id)
        # What is looked at is not shown back, although another item is the context now.
        beside = replace(ask, context=(label.item_id,), exclude=(*ask.exclude, *ask.context))
        yield beside, title, (label.item_id,)


def _row(title: str, because: tuple[str, ...], answer: RecommendationList) -> Row:
    return Row(title or answer.placement, answer.placement, because, answer.items, answer.fallback)

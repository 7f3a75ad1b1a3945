"""Rows (carousels): several titled lists for one query, in which no item is shown twice."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from recsys.ranking.candidates.pipeline import LEVELS
from recsys.ranking.context.context import resolve
from recsys.ranking.placements import find_placement
from recsys.ranking.query import Query, RecommendationList, Row, Rows
from recsys.ranking.recommender import Recommender
from recsys.ranking.rows.seed_items import seed_items

FEWEST = 3  # a shorter row is left out, unless the query wants fewer items


def build_rows(recommender: Recommender, query: Query, names: Sequence[str] = ()) -> Rows:
    """The rows of those placements, in that order, up to `query.k` items each; without names those of its placement.

    A row holds what its title promises and nothing to fill it up; one with fewer than three items is left out.  Where
    that leaves none, the only row is the placement itself, filled: it is empty only when no item is eligible.
    Raises UnknownPlacement.
    """
    placement = find_placement(recommender.placements, query.placement)
    rows: list[Row] = []
    taken: list[str] = []
    for name in names or placement.rows:
        for row_query, title, because in _row_queries(recommender, query, name):
            row_query = replace(row_query, exclude=(*row_query.exclude, *taken), fills=False)
            recommendations = recommender.recommend(row_query)
            if len(recommendations.items) >= min(FEWEST, query.k):
                rows.append(_row(title, because, recommendations))
                taken += [item.item_id for item in recommendations.items]
    if not rows:
        recommendations = recommender.recommend(query)
        rows = [_row(placement.title, (), recommendations)] if recommendations.items else []
    best = min((LEVELS.index(row.fallback) for row in rows), default=-1)
    return Rows(tuple(rows), query.placement, recommender.engine.version, LEVELS[best])


def _row_queries(recommender: Recommender, query: Query, name: str) -> Iterator[tuple[Query, str, tuple[str, ...]]]:
    """The queries of one placement, each with its title and the items that it follows from."""
    placement = find_placement(recommender.placements, name)
    query = replace(query, placement=name)
    if placement.each == "none":
        yield query, placement.title, ()
        return
    catalogue = recommender.catalogue
    context = resolve(query, placement, recommender.engine, catalogue)
    for item in seed_items(context):
        label = catalogue.label(item)
        title = placement.title.replace("{item}", label.name or label.item_id)
        # The items on the page are not shown back, although another item takes their place in the query.
        exclude = (*query.exclude, *query.context_item_ids)
        yield replace(query, context_item_ids=(label.item_id,), exclude=exclude), title, (label.item_id,)


def _row(title: str, because: tuple[str, ...], recommendations: RecommendationList) -> Row:
    placement = recommendations.placement
    return Row(title or placement, placement, because, recommendations.items, recommendations.fallback)

"""What rules would change: the same question with them and without, and the difference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from recsys.ranking.query import Query, RecommendationList
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import Rules


class RankChange(NamedTuple):
    """Where an item stood and where it would stand, from 1; None is not in the list.  rules: ids of those about it."""

    item_id: str
    name: str | None
    before: int | None
    after: int | None
    rules: tuple[str, ...]


class RuleEffect(NamedTuple):
    """Of one rule: whether it holds here, now and for this customer, and how many items it speaks of."""

    rule: str
    holds: bool
    items: int


@dataclass(frozen=True, slots=True)
class RulePreview:
    """Both lists and what differs: moves in order of the list with the rules, then what went out."""

    without: RecommendationList
    answer: RecommendationList
    moves: tuple[RankChange, ...]
    uses: tuple[RuleEffect, ...]


def preview(recommender: Recommender, ask: Query, rules: Rules, against: Rules) -> RulePreview:
    """The answer under `rules` beside the one under `against`.  Nothing is stored.  Raises what the ask raises."""
    before, after = recommender.with_rules(against), recommender.with_rules(rules)
    without, answer = before.recommend(ask), after.recommend(ask)
    in_force = after.rules_for(ask)
    about = {rule.id: set(after.ruling.items(rule).tolist()) for rule in rules.rules} if after.ruling else {}
    held = {rule.id for rule in in_force}
    return RulePreview(
        without=without,
        answer=answer,
        moves=tuple(_moves(without, answer, recommender, {name: about[name] for name in about if name in held})),
        uses=tuple(RuleEffect(rule.id, rule.id in held, len(about[rule.id])) for rule in rules.rules),
    )


def _moves(
    without: RecommendationList, answer: RecommendationList, recommender: Recommender, about: Mapping[str, set[int]]
) -> list[RankChange]:
    before = {item.item_id: item.rank for item in without.items}
    after = {item.item_id: item.rank for item in answer.items}
    names = {item.item_id: item.name for item in (*without.items, *answer.items)}
    moves = []
    for item_id in dict.fromkeys((*after, *before)):
        if before.get(item_id) != after.get(item_id):
            position = recommender.catalogue.position(item_id)
            rules = tuple(name for name, items in about.items() if position in items)
            moves.append(RankChange(item_id, names[item_id], before.get(item_id), after.get(item_id), rules))
    return moves

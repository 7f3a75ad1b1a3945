"""Rule preview: the list of one query with rules and without, and the difference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from recsys.ranking.diagnostics.list_length import ListLengths, list_lengths
from recsys.ranking.query import Query, RecommendationList
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import Rules


class RankChange(NamedTuple):
    """Rank of an item before and after, from 1; None is not in the list.  rules: ids of the rules that target it."""

    item_id: str
    name: str | None
    before: int | None
    after: int | None
    rules: tuple[str, ...]


class RuleEffect(NamedTuple):
    """Whether a rule is active here, now and for this customer, and the number of items that it targets.

    leaves: the length of the list under this rule alone, None where it does not shorten the list.
    """

    rule: str
    holds: bool
    items: int
    leaves: int | None


@dataclass(frozen=True, slots=True)
class RulePreview:
    """Both lists and their difference: changes in order of the new list, then the items that left it.

    lengths: of the list without rules and under each rule alone, None where the list is as long as was asked.
    """

    before: RecommendationList
    after: RecommendationList
    changes: tuple[RankChange, ...]
    effects: tuple[RuleEffect, ...]
    lengths: ListLengths | None


def preview(recommender: Recommender, query: Query, rules: Rules, against: Rules) -> RulePreview:
    """The list under `rules` beside the one under `against`.  Nothing is stored.  Raises what `recommend` raises."""
    changed = recommender.with_rules(rules)
    before, after = recommender.with_rules(against).recommend(query), changed.recommend(query)
    active_rules = changed.rules_for(query)
    active = {rule.id for rule in active_rules}
    items_by_rule = {rule.id: set(changed.applied_rules.items(rule).tolist()) for rule in rules.rules}
    active_items = {rule_id: items for rule_id, items in items_by_rule.items() if rule_id in active}
    lengths = list_lengths(recommender, query, active_rules) if len(after.items) < query.k else None
    leaves = {} if lengths is None else lengths.by_rule
    return RulePreview(
        before=before,
        after=after,
        changes=tuple(_changes(before, after, recommender, active_items)),
        effects=tuple(
            RuleEffect(rule.id, rule.id in active, len(items_by_rule[rule.id]), leaves.get(rule.id))
            for rule in rules.rules
        ),
        lengths=lengths,
    )


def _changes(
    before: RecommendationList,
    after: RecommendationList,
    recommender: Recommender,
    items_by_rule: Mapping[str, set[int]],
) -> list[RankChange]:
    rank_before = {item.item_id: item.rank for item in before.items}
    rank_after = {item.item_id: item.rank for item in after.items}
    names = {item.item_id: item.name for item in (*before.items, *after.items)}
    changes = []
    for item_id in dict.fromkeys((*rank_after, *rank_before)):
        ranks = rank_before.get(item_id), rank_after.get(item_id)
        if ranks[0] != ranks[1]:
            position = recommender.catalogue.position(item_id)
            rules = tuple(rule_id for rule_id, items in items_by_rule.items() if position in items)
            changes.append(RankChange(item_id, names[item_id], *ranks, rules))
    return changes

"""List length under merchandising rules: which block or cap leaves fewer items than the list had, and how many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import NO_RULES, Rule, build_rules

SHORTENING = ("block", "cap")
MOST_RULES = 20


@dataclass(frozen=True, slots=True)
class ListLengths:
    """without_rules: length of the list; by_rule: its length under one rule alone, for each that shortens it."""

    without_rules: int
    by_rule: Mapping[str, int]

    def sentence(self, rule_id: str) -> str:
        """This rule leaves 7 of 10 items; empty where it does not shorten the list."""
        leaves = self.by_rule.get(rule_id)
        return "" if leaves is None else f"This rule alone leaves {leaves} of {self.without_rules} items."


def list_lengths(recommender: Recommender, query: Query, rules: Sequence[Rule]) -> ListLengths:
    """The lengths under each of the rules alone, of the first MOST_RULES blocks and caps: each takes a list."""
    without_rules = _length(recommender, query, ())
    able = [rule for rule in rules if rule.kind in SHORTENING][:MOST_RULES]
    lengths = {rule.id: _length(recommender, query, [rule]) for rule in able}
    return ListLengths(without_rules, {name: n for name, n in lengths.items() if n < without_rules})


def _length(recommender: Recommender, query: Query, rules: Sequence[Rule]) -> int:
    alone = build_rules(rules, "alone") if rules else NO_RULES
    return len(recommender.with_rules(alone).scored_items(query))

"""Rules meet a question: what they block is gone before anything is ranked, the rest shapes the list."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.errors import UnknownAttribute
from recsys.ranking.candidates.pool import narrowed
from recsys.ranking.context.context import QueryContext
from recsys.ranking.rerank.constraints import Boost, Cap, Constraints, Pin, Quota, codes_by
from recsys.ranking.rules.model import Rule, Rules


@dataclass(frozen=True, slots=True)
class AppliedRules:
    """The rules of a shop and the catalogue they speak of; the items of each rule are looked up once."""

    rules: Rules
    catalogue: Catalogue
    _items: dict[str, Ints] = field(default_factory=dict, init=False, compare=False, repr=False)

    def items(self, rule: Rule) -> Ints:
        """What a rule speaks of: see Target.  (N,)"""
        found = self._items.get(rule.id)
        if found is None:
            found = self._items[rule.id] = rule.target.positions(self.catalogue)
        return found

    def permitted(self, question: QueryContext, rules: Sequence[Rule]) -> QueryContext:
        """The question without what the rules block."""
        blocked = [self.items(rule) for rule in rules if rule.kind == "block"]
        if not blocked:
            return question
        allowed = question.allowed.copy()
        for items in blocked:
            allowed[items] = False
        return narrowed(question, allowed)

    def shaping(self, rules: Sequence[Rule], wished: Constraints) -> Constraints:
        """What the storefront wishes and what the rules say, together."""
        buried = [self.items(rule) for rule in rules if rule.kind == "bury"]
        return replace(
            wished,
            raises=[Boost(self.items(rule), rule.factor) for rule in rules if rule.kind == "boost"],
            buried=np.concatenate(buried) if buried else wished.buried,
            quotas=[Quota(self._mask(rule), rule.least) for rule in rules if rule.kind == "at-least"],
            caps=[*wished.caps, *(self._cap(rule) for rule in rules if rule.kind == "cap")],
            pins=[self._pin(rule) for rule in rules if rule.kind == "pin"],
        )

    def _cap(self, rule: Rule) -> Cap:
        among = None if rule.target.is_everything else self._mask(rule)
        return Cap(self._codes(rule.per), rule.most, among)

    def _codes(self, attribute: str) -> Ints:
        """No answer may fail for a rule: an attribute that no item has now counts nothing."""
        try:
            return codes_by(attribute, self.catalogue)
        except UnknownAttribute:
            return np.zeros(self.catalogue.n_items, np.int32)

    def _pin(self, rule: Rule) -> Pin:
        return Pin(self.items(rule), rule.slot, rule.most, is_listed=bool(rule.target.items))

    def _mask(self, rule: Rule) -> Bools:
        mask = np.zeros(self.catalogue.n_items, bool)
        mask[self.items(rule)] = True
        return mask

"""Rules applied to a query: blocked items are removed before ranking, the other rules become constraints."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.catalogue.mask_cache import to_mask
from recsys.errors import UnknownAttribute
from recsys.ranking.candidates.pool import narrowed
from recsys.ranking.context.context import QueryContext
from recsys.ranking.filters.columns import value_codes
from recsys.ranking.rerank.constraints import Boost, Cap, Constraints, Pin, Quota
from recsys.ranking.rules.model import Rule, Rules


@dataclass(frozen=True, slots=True)
class AppliedRules:
    """The rules of a shop and its catalogue; the items of each rule are looked up once."""

    rules: Rules
    catalogue: Catalogue
    _items: dict[str, Ints] = field(default_factory=dict, init=False, compare=False, repr=False)

    def items(self, rule: Rule) -> Ints:
        """The items that a rule targets: see Target.  (N,)"""
        items = self._items.get(rule.id)
        if items is None:
            items = self._items[rule.id] = rule.target.positions(self.catalogue)
        return items

    def without_blocked(self, context: QueryContext, rules: Sequence[Rule]) -> QueryContext:
        """The context without the items that the rules block."""
        items = [self.items(rule) for rule in rules if rule.kind == "block"]
        return narrowed(context, context.eligible.without(np.concatenate(items)).mask) if items else context

    def constraints(self, rules: Sequence[Rule], constraints: Constraints) -> Constraints:
        """The constraints of the storefront's options and those of the rules, together."""
        items = [self.items(rule) for rule in rules if rule.kind == "bury"]
        return replace(
            constraints,
            boosts=[Boost(self.items(rule), rule.factor) for rule in rules if rule.kind == "boost"],
            buried=np.concatenate(items) if items else constraints.buried,
            quotas=[Quota(self._mask(rule), rule.least) for rule in rules if rule.kind == "at-least"],
            caps=[
                *constraints.caps,
                *(
                    Cap(self._codes(rule.per), rule.most, None if rule.target.is_everything else self._mask(rule))
                    for rule in rules
                    if rule.kind == "cap"
                ),
            ],
            pins=[
                Pin(self.items(rule), rule.slot, rule.most, is_ordered=bool(rule.target.items))
                for rule in rules
                if rule.kind == "pin"
            ],
        )

    def _codes(self, name: str) -> Ints:
        """The codes of the attribute, zeros if no item has it now: a rule must not make a list fail."""
        try:
            return value_codes(name, self.catalogue)
        except UnknownAttribute:
            return np.zeros(self.catalogue.n_items, np.int32)

    def _mask(self, rule: Rule) -> Bools:
        return to_mask(self.items(rule), self.catalogue.n_items)

"""Rule model: what a merchandising rule does, when, where and for whom, and which items it targets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.entities import Attribute
from recsys.data.events import PURCHASE
from recsys.errors import UnknownAttribute
from recsys.ranking.context.context import QueryContext
from recsys.ranking.filters.eligibility import passing
from recsys.ranking.filters.expression import Where
from recsys.ranking.rules.schedule import ALWAYS, RuleTimes
from recsys.ranking.segments.members import NOBODY, SegmentMembers

RuleKind = Literal["block", "boost", "bury", "at-least", "cap", "pin"]
CustomerKind = Literal["new", "returning"]
RuleValue = str | float | bool


@dataclass(frozen=True, slots=True)
class Target:
    """The items that a rule targets: those that pass all its fields.  Without fields: all items.

    where: a filter that does not depend on the age of items, because targets are found once for each catalogue.
    """

    items: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    where: Where | None = None

    @property
    def is_everything(self) -> bool:
        return self == Target()

    def positions(self, catalogue: Catalogue) -> Ints:
        """In the order of `items` where some are listed, else ascending.  (N,), no item twice; unknown ids left out."""
        mask = self._mask(catalogue)
        if not self.items:
            return np.flatnonzero(mask).astype(np.int32)
        items = catalogue.positions(dict.fromkeys(self.items))
        return items[mask[items]]

    def _mask(self, catalogue: Catalogue) -> Bools:
        mask = np.ones(catalogue.n_items, bool)
        for column, words in ((catalogue.category, self.categories), (catalogue.brand, self.brands)):
            if words:
                mask &= column.isin(words)
        if self.where is not None:
            try:
                mask &= passing(self.where, catalogue, 0.0).mask
            except UnknownAttribute:
                mask[:] = False  # no list may fail because of a rule: with an attribute that no item has now
        return mask


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.  slot, factor, least, most, per: as its kind needs them.

    placements: empty is everywhere.  customers: `new` have bought nothing yet, `returning` have; None is all.
    segment: values by attribute of the customer, all must fit.  saved_segment: only its members.
    """

    id: str
    kind: RuleKind
    reason: str
    target: Target
    placements: tuple[str, ...] = ()
    customers: CustomerKind | None = None
    saved_segment: str | None = None
    segment: Mapping[str, tuple[RuleValue, ...]] = field(default_factory=dict)
    times: RuleTimes = ALWAYS
    factor: float = 1.0
    slot: int = 1
    least: int = 0
    most: int = 0
    per: str = ""

    @property
    def is_for_all(self) -> bool:
        """Whether it is meant for every customer."""
        return self.customers is None and self.saved_segment is None and not self.segment

    def applies_to(self, context: QueryContext, members: SegmentMembers = NOBODY) -> bool:
        """Whether the rule is meant for this customer."""
        if self.saved_segment is not None and not members.holds(self.saved_segment, context.query.user_id):
            return False
        if self.customers is not None:
            has_bought = bool((context.history.kind == PURCHASE).any())
            if has_bought != (self.customers == "returning"):
                return False
        return all(_fits(context.query.attributes.get(name), values) for name, values in self.segment.items())


@dataclass(frozen=True, slots=True)
class ActiveRules:
    """The rules that are active at one moment; `key` identifies the set."""

    key: str
    rules: tuple[Rule, ...]
    _by_placement: dict[str, tuple[Rule, ...]] = field(default_factory=dict, compare=False)

    def at(self, placement: str) -> tuple[Rule, ...]:
        """The rules of one placement, in the order of the file."""
        rules = self._by_placement.get(placement)
        if rules is None:
            rules = tuple(rule for rule in self.rules if not rule.placements or placement in rule.placements)
            self._by_placement[placement] = rules
        return rules


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of the shop, immutable.  digest: of the text they were read from.

    is_timed: some rule is active only at times.  uses_segments: some rule is meant for customers with attributes only.
    saved_segments: those that rules name.  members: who is in them, renewed while the rules are in service.
    """

    rules: tuple[Rule, ...]
    digest: str
    is_timed: bool = False
    uses_segments: bool = False
    saved_segments: frozenset[str] = frozenset()
    members: SegmentMembers = field(default=NOBODY, compare=False, repr=False)
    _active: dict[int, ActiveRules] = field(default_factory=dict, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def active_at(self, now_ms: int) -> ActiveRules:
        """The rules that are active at that moment; worked out once a second."""
        second = now_ms // 1_000 if self.is_timed else 0
        rules = self._active.get(second)
        if rules is None:
            active = tuple(rule for rule in self.rules if rule.times.hold_at(now_ms))
            rules = ActiveRules(",".join(rule.id for rule in active), active)
            if len(self._active) >= 8:
                self._active.clear()
            self._active[second] = rules
        return rules

    def with_members(self, members: SegmentMembers) -> "Rules":
        """The same rules with other members of the segments that they name."""
        return replace(self, members=members, _active={})

    def membership(self, user_id: str | None) -> str:
        """Part of a cache key: the segments of the customer that the rules name."""
        if user_id is None or not self.saved_segments:
            return ""
        return ",".join(self.members.names_of(user_id))

    def state_at(self, now_ms: int) -> str:
        """Part of a cache key: identifies the rules that a list depends on at that moment."""
        return f"{self.digest}/{self.active_at(now_ms).key}" if self.is_timed else self.digest


NO_RULES: Final = Rules((), "none")


def build_rules(rules: Iterable[Rule], digest: str) -> Rules:
    rules = tuple(rules)
    is_timed = any(rule.times != ALWAYS for rule in rules)
    saved = frozenset(rule.saved_segment for rule in rules if rule.saved_segment is not None)
    return Rules(rules, digest, is_timed, any(rule.segment for rule in rules), saved)


def active_rules(rules: Rules, context: QueryContext) -> Sequence[Rule]:
    """The rules that are active at the placement, now and for this customer, in the order of the file."""
    if not rules:
        return ()
    active = rules.active_at(context.query.now_ms).at(context.query.placement)
    return [rule for rule in active if rule.applies_to(context, rules.members)]


def _fits(value: Attribute, values: Sequence[RuleValue]) -> bool:
    """Whether the value equals one of the values, or for a list one of its words does; a boolean is no number."""
    if isinstance(value, list):
        return not set(values).isdisjoint(value)
    return any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in values)

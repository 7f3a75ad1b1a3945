"""Rules of marketers: what each says, when it holds and for whom; which of its items it speaks of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.entities import Attribute
from recsys.data.events import PURCHASE
from recsys.errors import UnknownAttribute
from recsys.ranking.context.context import QueryContext
from recsys.ranking.filters.eligibility import positions_of
from recsys.ranking.filters.evaluate import passing
from recsys.ranking.filters.expression import Where
from recsys.ranking.rerank.constraints import column
from recsys.ranking.rules.schedule import ALWAYS, RuleTimes

RuleKind = Literal["block", "boost", "bury", "at-least", "cap", "pin"]
CustomerKind = Literal["new", "returning"]
RuleValue = str | float | bool


@dataclass(frozen=True, slots=True)
class Target:
    """Which items a rule speaks of: those that pass all that is given.  Nothing given: all items.

    where: conditions that do not tell the age of items, for what a rule speaks of is found once for each catalogue.
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
        kept = self._kept(catalogue)
        if not self.items:
            return np.flatnonzero(kept).astype(np.int32)
        listed = positions_of(catalogue, dict.fromkeys(self.items))
        return listed[kept[listed]]

    def _kept(self, catalogue: Catalogue) -> Bools:
        kept = np.ones(catalogue.n_items, bool)
        for name, words in (("category", self.categories), ("brand", self.brands)):
            if words:
                kept &= column(catalogue, name).isin(words)
        return kept & self._passing(catalogue) if self.where is not None else kept

    def _passing(self, catalogue: Catalogue) -> Bools:
        """No answer may fail for a rule: of an attribute that no item has now, it speaks of nothing."""
        assert self.where is not None
        try:
            return passing(self.where, catalogue, 0.0).mask
        except UnknownAttribute:
            return np.zeros(catalogue.n_items, bool)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.  slot, factor, least, most, per: as its kind needs them.  segment: values by attribute, all must fit.

    placements: empty is everywhere.  customers: `new` have bought nothing yet, `returning` have; None is all.
    """

    id: str
    kind: RuleKind
    reason: str
    target: Target
    placements: tuple[str, ...] = ()
    customers: CustomerKind | None = None
    segment: Mapping[str, tuple[RuleValue, ...]] = field(default_factory=dict)
    times: RuleTimes = ALWAYS
    factor: float = 1.0
    slot: int = 1
    least: int = 0
    most: int = 0
    per: str = ""

    def speaks_to(self, attributes: Mapping[str, Attribute], question: QueryContext) -> bool:
        """Whether the customer is one it is meant for."""
        if self.customers is not None and (self.customers == "returning") != _has_bought(question):
            return False
        return all(_fits(attributes.get(name), values) for name, values in self.segment.items())


@dataclass(frozen=True, slots=True)
class ActiveRules:
    """The rules that hold at one moment, by placement; `mark` tells one such set from another."""

    mark: str
    rules: tuple[Rule, ...]
    _by_placement: dict[str, tuple[Rule, ...]] = field(default_factory=dict, compare=False)

    def at(self, placement: str) -> tuple[Rule, ...]:
        """Those of one placement, in the order of the file."""
        found = self._by_placement.get(placement)
        if found is None:
            found = tuple(rule for rule in self.rules if not rule.placements or placement in rule.placements)
            self._by_placement[placement] = found
        return found


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of the shop, as one immutable thing.  digest: of the text they were read from."""

    rules: tuple[Rule, ...]
    digest: str
    is_timed: bool = False
    asks_segment: bool = False
    _open: dict[int, ActiveRules] = field(default_factory=dict, compare=False, repr=False)
    _sets: dict[str, ActiveRules] = field(default_factory=dict, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def open_at(self, now_ms: int) -> ActiveRules:
        """The rules that hold at that moment; worked out once a second."""
        second = now_ms // 1_000 if self.is_timed else 0
        found = self._open.get(second)
        if found is None:
            found = self._opened(now_ms)
            if len(self._open) >= 8:
                self._open.clear()
            self._open[second] = found
        return found

    def _opened(self, now_ms: int) -> ActiveRules:
        rules = tuple(rule for rule in self.rules if rule.times.hold_at(now_ms))
        mark = ",".join(rule.id for rule in rules)
        if len(self._sets) >= 64:
            self._sets.clear()
        return self._sets.setdefault(mark, ActiveRules(mark, rules))

    def state_at(self, now_ms: int) -> str:
        """Names all of the rules that an answer depends on at that moment."""
        return f"{self.digest}/{self.open_at(now_ms).mark}" if self.is_timed else self.digest


NO_RULES: Final = Rules((), "none")


def rules_of(rules: Iterable[Rule], digest: str) -> Rules:
    rules = tuple(rules)
    is_timed = any(rule.times != ALWAYS for rule in rules)
    return Rules(rules, digest, is_timed, asks_segment=any(rule.segment for rule in rules))


def active_rules(
    rules: Rules, placement: str, now_ms: int, attributes: Mapping[str, Attribute], question: QueryContext
) -> Sequence[Rule]:
    """The rules that hold here, now and for this customer, in the order of the file."""
    return [rule for rule in rules.open_at(now_ms).at(placement) if rule.speaks_to(attributes, question)]


def _has_bought(question: QueryContext) -> bool:
    return bool((question.history.kind == PURCHASE).any())


def _fits(value: Attribute, wanted: Sequence[RuleValue]) -> bool:
    """Equal to one of them, or for a list one of its words; a truth is no number."""
    if isinstance(value, list):
        return any(one in wanted for one in value)
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in wanted)

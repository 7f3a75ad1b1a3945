"""Diagnosis of a missing item: the first cause that keeps it out of a list, or its place, as a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from recsys.data.catalogue.catalogue import NeverShow, field_value, hiding_field
from recsys.data.entities import Item
from recsys.data.events import DISMISS, PURCHASE, RATING
from recsys.data.ids import MISSING
from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.candidates.pool import CandidatePool
from recsys.ranking.context.context import QueryContext, resolve
from recsys.ranking.diagnostics.list_length import list_lengths
from recsys.ranking.explain.trace import rule_notes, source_scores, source_sentence
from recsys.ranking.filters.columns import value_codes
from recsys.ranking.filters.eligibility import eligible_items
from recsys.ranking.filters.spec import Filters
from recsys.ranking.placements import find_placement
from recsys.ranking.query import Query, RuleNote, SourceScore
from recsys.ranking.recommender import Recommender
from recsys.ranking.rerank.constraints import build_constraints
from recsys.ranking.rules.model import Rule, RuleKind
from recsys.time_units import DAY_MS

MOST_LOOKED_THROUGH = 20_000


@dataclass(frozen=True, slots=True)
class Cause:
    """code: stable.  text: a sentence.  facts: the values of the sentence, for a program."""

    code: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)


DELETED = Cause("deleted", "It was deleted from the catalogue.")


@dataclass(frozen=True, slots=True)
class WhyNot:
    """place: in the list, from 1, None when the item is not in it.  eligible: the number of eligible items.

    rank: among them, without rules and options; None for an item that is not eligible or below the first 20,000.
    """

    item_id: str
    name: str | None
    place: int | None
    cause: Cause
    rank: int | None = None
    eligible: int = 0
    sources: tuple[SourceScore, ...] = ()
    rules: tuple[RuleNote, ...] = ()


def why_not(recommender: Recommender, query: Query, item_id: str, stored: Item | None) -> WhyNot:
    """Why the item is not in the list, or its place.  stored: the item as stored.  Raises UnknownPlacement."""
    find_placement(recommender.placements, query.placement)
    item = recommender.catalogue.position(item_id)
    if item == MISSING:
        cause = _unnumbered(item_id, stored, recommender.catalogue.never_show)
        return WhyNot(item_id, stored.name if stored is not None else None, None, cause)
    return _Investigation(recommender, query, item, stored).result()


class _Investigation:
    """One item and one query.  Every check returns the cause, or None."""

    def __init__(self, recommender: Recommender, query: Query, item: int, stored: Item | None) -> None:
        self._recommender = recommender
        self._catalogue = recommender.catalogue
        self._query = replace(query, explain=False)
        self._item = item
        self._stored = stored
        placement = find_placement(recommender.placements, query.placement)
        self._context = resolve(query, placement, recommender.engine, self._catalogue)
        self._rules = recommender.rules_for(query)

    def result(self) -> WhyNot:
        label = self._catalogue.label(self._item)
        notes = rule_notes(self._item, self._recommender.applied_rules, self._rules)
        bare = WhyNot(label.item_id, label.name, None, Cause("", ""), rules=notes)
        cause = next(filter(None, self._exclusions()), None)
        if cause is not None:
            return replace(bare, cause=cause)
        context = self._recommender.applied_rules.without_blocked(self._context, self._rules)
        scored = self._recommender.scored_items(self._query)
        place = _place(scored, self._item)
        rank, source = self._rank(context)
        scores = tuple(source_scores(context).get(self._item, ()))
        n_eligible = int(np.count_nonzero(context.eligible.mask))
        known = replace(bare, rank=rank, eligible=n_eligible, sources=scores, place=place)
        if place is not None:
            text = f"It stands at place {place} of {len(scored)}. {source_sentence(scores, source)}"
            return replace(known, cause=Cause("shown", text, {"place": place}))
        causes = (self._over_cap(scored), self._below_min_score(), *self._demotions(known))
        return replace(known, cause=next(filter(None, causes), None) or self._lower(known, source))

    def _exclusions(self) -> Iterator[Cause | None]:
        """The causes that keep it out of this list altogether."""
        yield self._not_listed()
        yield self._not_on_sale()
        yield self._excluded()
        yield self._filtered()
        yield self._dismissed()
        yield self._owned()
        if not self._context.eligible.mask[self._item]:
            text = f"The placement {self._query.placement} does not show such items beside those on the page."
            yield Cause("not_of_this_placement", text)
        rule = next(self._rules_of_kind("block"), None)
        if rule is not None:
            yield self._shortening(_by(rule, "blocked_by_rule", "takes it out of this list"), rule)

    def _not_listed(self) -> Cause | None:
        if self._catalogue.is_listed[self._item]:
            return None
        if self._stored is not None and self._stored.deleted:
            return DELETED
        for key, values in self._catalogue.never_show.items():
            value = self._value(key)
            if isinstance(value, str) and value in values:
                return _never_shown(key, value)
        return Cause("not_listed", "It was deleted, or is of a kind that is never shown.")

    def _value(self, key: str) -> object:
        if key == "category":
            return self._catalogue.category.words[self._catalogue.category.codes[self._item]]
        if key == "brand":
            return self._catalogue.brand.words[self._catalogue.brand.codes[self._item]]
        return None if self._stored is None else field_value(self._stored, key)

    def _not_on_sale(self) -> Cause | None:
        catalogue, now = self._catalogue, self._query.now_ms / DAY_MS
        if catalogue.stock[self._item] <= 0:
            return Cause("sold_out", "It is sold out: its stock is 0.")
        opens, closes = float(catalogue.opens[self._item]), float(catalogue.closes[self._item])
        if opens > now:
            return Cause("not_yet_available", f"It is available from {_date(opens)} on.", {"at": _date(opens)})
        if closes <= now:
            return Cause("no_longer_available", f"It was available until {_date(closes)}.", {"at": _date(closes)})
        return None

    def _excluded(self) -> Cause | None:
        if self._item in self._catalogue.positions(self._query.context_item_ids):
            return Cause("in_context", "It is on the page, or in the basket: such items are not recommended.")
        if self._item in self._catalogue.positions(self._query.exclude):
            return Cause("excluded", "The query excludes it by id.")
        return None

    def _filtered(self) -> Cause | None:
        filters, now = self._query.filters, self._query.now_ms / DAY_MS
        if eligible_items(filters, self._catalogue, now).mask[self._item]:
            return None
        alone = {row.name: Filters(**{row.name: getattr(filters, row.name)}) for row in fields(filters) if row.init}
        failed = [
            name for name, part in alone.items() if not eligible_items(part, self._catalogue, now).mask[self._item]
        ]
        return Cause(
            "filtered", f"It does not pass the filter of the question: {', '.join(failed)}.", {"filters": failed}
        )

    def _dismissed(self) -> Cause | None:
        if self._item not in self._context.dismissed and self._last_of_cold_item(DISMISS) == -np.inf:
            return None
        at = self._last(DISMISS)
        return Cause("dismissed", f"The customer dismissed it {self._ago(at)}.", {"days_ago": self._days(at)})

    def _owned(self) -> Cause | None:
        if self._context.placement.shows == "all":
            return None
        for kind, verb in ((PURCHASE, "bought"), (RATING, "rated")):
            at = self._last(kind)
            if np.isfinite(at):
                text = f"The customer {verb} it {self._ago(at)}, and {self._query.placement} shows new things only."
                return Cause(f"{verb}_before", text, {"days_ago": self._days(at)})
        return None

    def _last(self, kind: int) -> float:
        """When the customer last did that with the item, days since 1970; -inf for never."""
        history = self._context.history
        is_it = (history.item == self._item) & (history.kind == kind)
        return max(float(history.at[is_it].max(initial=-np.inf)), self._last_of_cold_item(kind))

    def _last_of_cold_item(self, kind: int) -> float:
        """The same for an item that no model knows, whose events are not in the history."""
        if self._item < self._recommender.engine.n_items:
            return -np.inf
        item_id = self._catalogue.item_id(self._item)
        events = (*self._query.recent, *self._query.session)
        times = (event.at_ms / DAY_MS for event in events if event.item_id == item_id and event.kind == kind)
        return max(times, default=-np.inf)

    def _days(self, at: float) -> int:
        return max(0, int(self._query.now_ms / DAY_MS - at))

    def _ago(self, at: float) -> str:
        days = self._days(at)
        return "today" if days == 0 else "a day ago" if days == 1 else f"{days} days ago"

    def _rules_of_kind(self, *kinds: RuleKind) -> Iterator[Rule]:
        """The active rules of these kinds that target the item."""
        yield from (rule for rule in self._rules if rule.kind in kinds and self._is_target(rule, self._item))

    def _rank(self, context: QueryContext) -> tuple[int | None, str]:
        """Its place by itself, in a list as long as it takes to find it, and the source that found it."""
        pool = CandidatePool(context)
        most = min(MOST_LOOKED_THROUGH, int(np.count_nonzero(context.eligible.mask)))
        depth = min(4 * self._query.k, most)
        while True:
            scored = pool.first(self._query.k, depth)
            place = _place(scored, self._item)
            if place is not None:
                return place, scored[place - 1].source
            if depth >= most:
                return None, ""
            depth = min(8 * depth, most)

    def _over_cap(self, scored: Sequence[ScoredItem]) -> Cause | None:
        """A cap that is full, if the item would be in the list without caps."""
        query = self._query
        uncapped = replace(query, options=replace(query.options, max_per={})) if query.options is not None else query
        caps = [rule for rule in self._rules if rule.kind == "cap"]
        rules = self._recommender.rules
        rest = tuple(rule for rule in rules.rules if rule.kind != "cap")
        free = self._recommender.with_rules(replace(rules, rules=rest, _active={}))
        if not caps and (query.options is None or not query.options.max_per):
            return None
        if _place(free.scored_items(uncapped), self._item) is None:
            return None
        for name, most, rule in self._caps(caps):
            value, codes = self._value(name), value_codes(name, self._catalogue)
            code = codes[self._item]
            n = sum(codes[candidate.item] == code and self._is_target(rule, candidate.item) for candidate in scored)
            if code and n >= most:
                by = "the question" if rule is None else f"rule {rule.id} ({rule.reason})"
                text = f"There are {n} of {name} {value!r} in the list already: {by} allows {most}."
                facts = {"attribute": name, "value": value, "most": most, "rule": rule and rule.id}
                return self._shortening(Cause("capped", text, facts), rule)
        return Cause("capped", "The caps of the list leave no room for it.")

    def _shortening(self, cause: Cause, rule: Rule | None) -> Cause:
        """The cause, with the length that the rule leaves the list where it shortens it."""
        lengths = list_lengths(self._recommender, self._query, [rule] if rule is not None else [])
        if rule is None or rule.id not in lengths.by_rule:
            return cause
        facts = {**cause.facts, "leaves": lengths.by_rule[rule.id], "without_rules": lengths.without_rules}
        return Cause(cause.code, f"{cause.text} {lengths.sentence(rule.id)}", facts)

    def _caps(self, caps: Sequence[Rule]) -> Iterator[tuple[str, int, Rule | None]]:
        for name, most in (self._query.options.max_per if self._query.options is not None else {}).items():
            yield name, most, None
        for rule in caps:
            if self._is_target(rule, self._item):
                yield rule.per, rule.most, rule

    def _is_target(self, rule: Rule | None, item: int) -> bool:
        return rule is None or item in self._recommender.applied_rules.items(rule)

    def _below_min_score(self) -> Cause | None:
        least = self._query.options.min_score if self._query.options is not None else None
        if least is None:
            return None
        return Cause("below_min_score", f"No source of the placement gives it {least:g} or more.", {"min_score": least})

    def _demotions(self, known: WhyNot) -> Iterator[Cause | None]:
        """What moved it down or others up, where it would be in the list by itself."""
        rule = next(self._rules_of_kind("bury"), None)
        if rule is not None:
            yield _by(rule, "buried_by_rule", "puts it below everything else")
        if known.rank is None or known.rank > self._query.k:
            return
        lowered = next((rule for rule in self._rules_of_kind("boost") if rule.factor < 1), None)
        if lowered is not None:
            yield _by(lowered, "lowered_by_rule", f"moves it down from place {known.rank}")
        if self._item in build_constraints(self._query, self._catalogue).recently_shown:
            yield Cause("shown_lately", f"It was shown lately, and rotation moves it down from place {known.rank}.")
        raising = [rule for rule in self._rules if rule.kind in ("boost", "pin", "at-least")]
        if raising:
            names = [rule.id for rule in raising]
            text = f"By itself it has place {known.rank}; rules put others above it: {', '.join(names)}."
            yield Cause("outdone_by_rules", text, {"rules": names})
        yield Cause("made_room", f"By itself it has place {known.rank}; the order asked for puts others above it.")

    def _lower(self, known: WhyNot, source: str) -> Cause:
        if known.rank is None:
            if not self._context.placement.fills:
                return Cause(
                    "not_found", f"No source of the placement {self._query.placement} finds it for this customer."
                )
            text = f"It stands below the first {MOST_LOOKED_THROUGH:,} of {known.eligible:,} that may be shown."
            return Cause("ranked_lower", text)
        text = f"It has rank {known.rank:,} of {known.eligible:,} that may be shown, and the list has {self._query.k}."
        return Cause("ranked_lower", f"{text} {source_sentence(known.sources, source)}", {"rank": known.rank})


def _unnumbered(item_id: str, stored: Item | None, never_show: NeverShow) -> Cause:
    """The cause for an item that the release does not hold: training leaves out what is never shown."""
    if stored is None:
        return Cause("unknown_item", f"There is no item {item_id!r}: neither catalogue nor events hold it.")
    if stored.deleted:
        return DELETED
    key = hiding_field(stored, never_show)
    if key is None:
        return Cause(
            "not_listed", "It is in the catalogue, but the release in service was made without it; train anew."
        )
    return _never_shown(key, str(field_value(stored, key)))


def _never_shown(key: str, value: str) -> Cause:
    text = f"Items whose {key} is {value!r} are never shown: [catalogue.never_show] says so."
    return Cause("never_shown", text, {"field": key, "value": value})


def _by(rule: Rule, code: str, does: str) -> Cause:
    return Cause(code, f"Rule {rule.id} {does}: {rule.reason}", {"rule": rule.id})


def _place(scored: Sequence[ScoredItem], item: int) -> int | None:
    return next((place for place, candidate in enumerate(scored, start=1) if candidate.item == item), None)


def _date(days: float) -> str:
    return datetime.fromtimestamp(days * DAY_MS / 1_000, UTC).isoformat(timespec="seconds")

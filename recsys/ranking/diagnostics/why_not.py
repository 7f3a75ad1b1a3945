"""Why an item is not in a list, or at which place it stands: the first cause that holds, as a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from recsys.arrays import Ints
from recsys.data.catalogue.catalogue import FIELDS
from recsys.data.entities import Item
from recsys.data.events import DISMISS, PURCHASE, RATING
from recsys.data.ids import MISSING
from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.candidates.pool import CandidatePool
from recsys.ranking.context.context import QueryContext, dismissed, resolve
from recsys.ranking.explain.trace import notes_of, sentence, source_opinions
from recsys.ranking.filters.eligibility import eligible_items, positions_of
from recsys.ranking.filters.spec import NO_FILTERS, Filters
from recsys.ranking.placements import find
from recsys.ranking.query import Query, RuleNote, SourceScore
from recsys.ranking.recommender import Recommender
from recsys.ranking.rerank.constraints import codes_by, constraints_of
from recsys.ranking.rules.model import Rule, RuleKind
from recsys.time_units import DAY_MS

MOST_LOOKED_THROUGH = 20_000


@dataclass(frozen=True, slots=True)
class Cause:
    """code: stable.  text: a sentence.  facts: what the sentence holds, to be read by a program."""

    code: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WhyNot:
    """place: in the list, from 1, None when it is not in it.  eligible: how many items may be shown.

    rank: among them, without rules and wishes; None where the item may not be shown, or is below the first 20,000.
    """

    item_id: str
    name: str | None
    place: int | None
    cause: Cause
    rank: int | None = None
    eligible: int = 0
    sources: tuple[SourceScore, ...] = ()
    rules: tuple[RuleNote, ...] = ()


def why_not(recommender: Recommender, ask: Query, item_id: str, item: Item | None) -> WhyNot:
    """Why the item is not among the `ask.k`, or where it is.  item: as it is stored.  Raises UnknownPlacement."""
    find(recommender.placements, ask.placement)
    at = recommender.catalogue.position(item_id)
    if at == MISSING:
        cause = Cause(
            "unknown_item", f"Nobody ever heard of an item {item_id!r}: neither catalogue nor events hold it."
        )
        return WhyNot(item_id, None, None, cause)
    return _Investigation(recommender, ask, at, item).decided()


class _Investigation:
    """One item and one question.  Every check is the cause, or None."""

    def __init__(self, recommender: Recommender, ask: Query, at: int, item: Item | None) -> None:
        self._recommender = recommender
        self._catalogue = recommender.catalogue
        self._ask = replace(ask, explain=False)
        self._at = at
        self._item = item
        self._placement = find(recommender.placements, ask.placement)
        self._question = resolve(ask, self._placement, recommender.engine, self._catalogue)
        self._rules = recommender.rules_for(ask)
        self._counted: dict[str, Ints] = {}

    def decided(self) -> WhyNot:
        label = self._catalogue.label(self._at)
        notes = notes_of(self._at, self._recommender.ruling, self._rules)
        bare = WhyNot(label.item_id, label.name, None, Cause("", ""), rules=notes)
        cause = next(filter(None, self._barred()), None)
        if cause is not None:
            return replace(bare, cause=cause)
        question = self._permitted()
        picks = self._recommender.picks(self._ask)
        place = _place(picks, self._at)
        rank, source = self._rank(question)
        voices = tuple(source_opinions(self._recommender.engine, question).get(self._at, ()))
        known = replace(bare, rank=rank, eligible=int(np.count_nonzero(question.allowed)), sources=voices, place=place)
        if place is not None:
            text = f"It stands at place {place} of {len(picks)}. {sentence(voices, source)}"
            return replace(known, cause=Cause("shown", text, {"place": place}))
        return replace(known, cause=self._outdone(picks, known, source))

    def _barred(self) -> Iterator[Cause | None]:
        """What keeps it from standing anywhere in this list."""
        yield self._off_the_shelf()
        yield self._not_on_sale()
        yield self._named()
        yield self._filtered()
        yield self._waved_away()
        yield self._had()
        if not self._question.allowed[self._at]:
            text = f"The placement {self._ask.placement} does not show items such as this one beside what is looked at."
            yield Cause("not_of_this_placement", text)
        yield self._blocked()

    def _off_the_shelf(self) -> Cause | None:
        if self._catalogue.is_listed[self._at]:
            return None
        if self._item is not None and self._item.deleted:
            return Cause("deleted", "It was deleted from the catalogue.")
        for key, values in self._catalogue.never_show.items():
            value = self._value(key)
            if isinstance(value, str) and value in values:
                text = f"Items whose {key} is {value!r} are never shown: [catalogue.never_show] says so."
                return Cause("never_shown", text, {"field": key, "value": value})
        return Cause("not_listed", "It was deleted, or is of a kind that is never shown.")

    def _value(self, key: str) -> object:
        if key == "category":
            return self._catalogue.category.words[self._catalogue.category.codes[self._at]]
        if key == "brand":
            return self._catalogue.brand.words[self._catalogue.brand.codes[self._at]]
        if self._item is None:
            return None
        return getattr(self._item, key) if key in FIELDS else self._item.attributes.get(key)

    def _not_on_sale(self) -> Cause | None:
        catalogue, now = self._catalogue, self._ask.now_ms / DAY_MS
        if catalogue.stock[self._at] <= 0:
            return Cause("sold_out", "It is sold out: its stock is 0.")
        opens, closes = float(catalogue.opens[self._at]), float(catalogue.closes[self._at])
        if opens > now:
            return Cause("not_yet_available", f"It is available from {_date(opens)} on.", {"at": _date(opens)})
        if closes <= now:
            return Cause("no_longer_available", f"It was available until {_date(closes)}.", {"at": _date(closes)})
        return None

    def _named(self) -> Cause | None:
        if self._at in positions_of(self._catalogue, self._ask.context):
            return Cause("in_context", "It is what is looked at, or in the basket: that is not shown back.")
        if self._at in positions_of(self._catalogue, self._ask.exclude):
            return Cause("excluded", "The question excludes it by name.")
        return None

    def _filtered(self) -> Cause | None:
        filters, now = self._ask.filters, self._ask.now_ms / DAY_MS
        if filters is NO_FILTERS or eligible_items(filters, self._catalogue, now).mask[self._at]:
            return None
        given = {name: getattr(filters, name) for name in Filters.__slots__}
        failed = [
            name
            for name, value in given.items()
            if not eligible_items(Filters(**{name: value}), self._catalogue, now).mask[self._at]
        ]
        return Cause(
            "filtered", f"It does not pass the filter of the question: {', '.join(failed)}.", {"filters": failed}
        )

    def _waved_away(self) -> Cause | None:
        late = self._last_late(DISMISS)
        if self._at not in dismissed(self._question.history) and late is None:
            return None
        at = max(self._last(DISMISS), late if late is not None else -np.inf)
        return Cause("dismissed", f"The customer dismissed it {self._ago(at)}.", {"days_ago": self._days(at)})

    def _had(self) -> Cause | None:
        if self._placement.shows == "all":
            return None
        for kind, verb in ((PURCHASE, "bought"), (RATING, "rated")):
            late = self._last_late(kind)
            at = max(self._last(kind), late if late is not None else -np.inf)
            if np.isfinite(at):
                text = f"The customer {verb} it {self._ago(at)}, and {self._ask.placement} shows new things only."
                return Cause(f"{verb}_before", text, {"days_ago": self._days(at)})
        return None

    def _last(self, kind: int) -> float:
        """When the customer last did that with it, days since 1970; -inf for never."""
        history = self._question.history
        mine = (history.item == self._at) & (history.kind == kind)
        return float(history.at[mine].max(initial=-np.inf))

    def _last_late(self, kind: int) -> float | None:
        """The same for an item that no model knows."""
        item_id = self._catalogue.item_id(self._at)
        if self._at < self._recommender.engine.n_items:
            return None
        events = (*self._ask.recent, *self._ask.session)
        times = [event.at_ms / DAY_MS for event in events if event.item_id == item_id and event.kind == kind]
        return max(times, default=None)

    def _days(self, at: float) -> int:
        return max(0, int(self._ask.now_ms / DAY_MS - at))

    def _ago(self, at: float) -> str:
        days = self._days(at)
        return "today" if days == 0 else "a day ago" if days == 1 else f"{days} days ago"

    def _blocked(self) -> Cause | None:
        rule = next(self._about("block"), None)
        return None if rule is None else _by(rule, "blocked_by_rule", "takes it out of this list")

    def _about(self, *kinds: RuleKind) -> Iterator[Rule]:
        """The rules of these kinds that hold here and speak of it."""
        ruling = self._recommender.ruling
        if ruling is not None:
            yield from (rule for rule in self._rules if rule.kind in kinds and self._at in ruling.items(rule))

    def _permitted(self) -> QueryContext:
        ruling = self._recommender.ruling
        return self._question if ruling is None else ruling.permitted(self._question, self._rules)

    def _rank(self, question: QueryContext) -> tuple[int | None, str]:
        """Its place by itself, in a list as long as it takes to find it; and what found it."""
        supply = CandidatePool(self._recommender.engine, self._placement, question)
        most = min(MOST_LOOKED_THROUGH, int(np.count_nonzero(question.allowed)))
        depth = min(4 * self._ask.k, most)
        while True:
            picks = supply.first(self._ask.k, depth)
            place = _place(picks, self._at)
            if place is not None:
                return place, picks[place - 1].source
            if depth >= most:
                return None, ""
            depth = min(8 * depth, most)

    def _outdone(self, picks: Sequence[ScoredItem], known: WhyNot, source: str) -> Cause:
        """Why it is not in the list though it might be."""
        causes = (self._capped(picks), self._below_min_score(), *self._moved(known))
        return next(filter(None, causes), None) or self._lower(known, source)

    def _capped(self, picks: Sequence[ScoredItem]) -> Cause | None:
        """A cap that is full, if it would stand in the list without any."""
        ask = self._ask
        uncapped = replace(ask, shape=replace(ask.shape, max_per={})) if ask.shape is not None else ask
        ruling = self._recommender.ruling
        caps = [rule for rule in self._rules if rule.kind == "cap"]
        free = self._recommender
        if ruling is not None:
            rest = tuple(rule for rule in ruling.rules.rules if rule.kind != "cap")
            free = free.with_rules(replace(ruling.rules, rules=rest, _open={}, _sets={}))
        if not caps and (ask.shape is None or not ask.shape.max_per):
            return None
        if _place(free.picks(uncapped), self._at) is None:
            return None
        for name, most, rule in self._caps(caps):
            value = self._value(name)
            often = sum(
                self._worth(name, pick.item) == self._worth(name, self._at) and self._is_about(rule, pick.item)
                for pick in picks
            )
            if self._worth(name, self._at) and often >= most:
                by = "the question" if rule is None else f"rule {rule.id} ({rule.reason})"
                text = f"There are {often} of {name} {value!r} in the list already: {by} allows {most}."
                return Cause(
                    "capped", text, {"attribute": name, "value": value, "most": most, "rule": rule and rule.id}
                )
        return Cause("capped", "The caps of the list leave no room for it.")

    def _caps(self, caps: Sequence[Rule]) -> Iterator[tuple[str, int, Rule | None]]:
        for name, most in (self._ask.shape.max_per if self._ask.shape is not None else {}).items():
            yield name, most, None
        ruling = self._recommender.ruling
        for rule in caps:
            if ruling is not None and self._at in ruling.items(rule):
                yield rule.per, rule.most, rule

    def _is_about(self, rule: Rule | None, item: int) -> bool:
        ruling = self._recommender.ruling
        return rule is None or ruling is None or item in ruling.items(rule)

    def _codes(self, name: str) -> Ints:
        found = self._counted.get(name)
        if found is None:
            found = self._counted[name] = codes_by(name, self._catalogue)
        return found

    def _worth(self, name: str, item: int) -> int:
        return int(self._codes(name)[item])

    def _below_min_score(self) -> Cause | None:
        least = self._ask.shape.min_score if self._ask.shape is not None else None
        if least is None:
            return None
        return Cause("below_min_score", f"No source of the placement gives it {least:g} or more.", {"min_score": least})

    def _moved(self, known: WhyNot) -> Iterator[Cause | None]:
        """What moved it down or others up, where it would stand in the list by itself."""
        rule = next(self._about("bury"), None)
        if rule is not None:
            yield _by(rule, "buried_by_rule", "puts it below everything else")
        if known.rank is None or known.rank > self._ask.k:
            return
        lowered = next((rule for rule in self._about("boost") if rule.factor < 1), None)
        if lowered is not None:
            yield _by(lowered, "lowered_by_rule", f"moves it down from place {known.rank}")
        if self._at in constraints_of(self._ask, self._catalogue).tired:
            yield Cause("shown_lately", f"It was shown lately, and rotation moves it down from place {known.rank}.")
        raising = [rule for rule in self._rules if rule.kind in ("boost", "pin", "at-least")]
        if raising:
            names = [rule.id for rule in raising]
            text = f"By itself it has place {known.rank}; rules put others above it: {', '.join(names)}."
            yield Cause("outdone_by_rules", text, {"rules": names})
        yield Cause("made_room", f"By itself it has place {known.rank}; the order asked for puts others above it.")

    def _lower(self, known: WhyNot, source: str) -> Cause:
        if known.rank is None:
            if not self._placement.fills:
                return Cause(
                    "not_found", f"No source of the placement {self._ask.placement} finds it for this customer."
                )
            text = f"It stands below the first {MOST_LOOKED_THROUGH} of {known.eligible} that may be shown."
            return Cause("ranked_lower", text)
        text = f"It has rank {known.rank} of {known.eligible} that may be shown, and the list has {self._ask.k}."
        return Cause("ranked_lower", f"{text} {sentence(known.sources, source)}", {"rank": known.rank})


def _by(rule: Rule, code: str, does: str) -> Cause:
    return Cause(code, f"Rule {rule.id} {does}: {rule.reason}", {"rule": rule.id})


def _place(picks: Sequence[ScoredItem], at: int) -> int | None:
    return next((place for place, pick in enumerate(picks, start=1) if pick.item == at), None)


def _date(days: float) -> str:
    return datetime.fromtimestamp(days * DAY_MS / 1_000, UTC).isoformat(timespec="seconds")

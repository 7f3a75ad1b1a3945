"""Segment parser: JSON types in, a checked condition on customers out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from recsys.config import spelling_hint
from recsys.customers.groups import RFM_GROUPS
from recsys.customers.prediction.needs import NEED_HORIZONS
from recsys.data.events import Kind
from recsys.data.store.campaigns.records import Arm
from recsys.errors import BadFilter, UnknownSegment
from recsys.ranking.filters.expression import (
    ATTRIBUTE,
    AllOf,
    AnyOf,
    Condition,
    FilterExpression,
    Not,
    Where,
    build_where,
)
from recsys.ranking.filters.parser import MAX_DEPTH, FilterBudget, parse_conditions, parse_filter
from recsys.ranking.filters.values import shown
from recsys.ranking.segments.columns import ALIASES, COLUMNS
from recsys.ranking.segments.expression import (
    ActivityCondition,
    AttributeCondition,
    CampaignCondition,
    ChanceCondition,
    ColumnCondition,
    Complement,
    CustomerWhere,
    EveryPart,
    LoyaltyCondition,
    SegmentCondition,
    SegmentExpression,
    SomePart,
)

SEGMENT_PREFIX = "segment:"
LEAST_DAYS, MAX_DAYS = 0.01, 3_650
ACTIVITIES: Final[Mapping[str, Kind]] = {
    "bought": Kind.PURCHASE,
    "viewed": Kind.VIEW,
    "clicked": Kind.CLICK,
    "carted": Kind.CART,
    "wished": Kind.WISHLIST,
    "rated": Kind.RATING,
    "returned": Kind.RETURN,
    "dismissed": Kind.DISMISS,
}
ARMS: Final = {arm.name.lower(): arm for arm in Arm}
JOINTS: Final = ("all", "any", "and", "or", "not")
SPECIAL: Final = (*ACTIVITIES, "chance", "segment", "in_campaign", "in_loyalty")
KEYS: Final = (*COLUMNS, *ALIASES, *SPECIAL, *JOINTS)
_EXAMPLE: Final = '{"stage": "at_risk"}'


@dataclass(frozen=True, slots=True)
class SegmentVocabulary:
    """The names that conditions may use.  groups: RFM groups of the shop.  segments: saved ones; None is any."""

    groups: tuple[str, ...] = tuple(dict.fromkeys(group.name for group in RFM_GROUPS))
    segments: frozenset[str] | None = field(default_factory=frozenset)


def parse_customers(written: object, vocabulary: SegmentVocabulary) -> CustomerWhere:
    """The condition of JSON types.  Raises BadFilter, which names the place and what may stand there."""
    expression = _Parser(vocabulary, FilterBudget()).parse(written, "")
    try:
        return CustomerWhere(expression, orjson.dumps(written, option=orjson.OPT_SORT_KEYS).decode())
    except TypeError:  # an integer that no JSON of ours holds
        raise BadFilter("a number of the condition has more than 64 bits; give a smaller one") from None


def parse_customers_text(text: str, vocabulary: SegmentVocabulary) -> CustomerWhere:
    """The condition of a JSON text, or of `segment:NAME`.  Raises BadFilter."""
    if text.startswith(SEGMENT_PREFIX):
        return parse_customers({"segment": text.removeprefix(SEGMENT_PREFIX)}, vocabulary)
    try:
        return parse_customers(orjson.loads(text), vocabulary)
    except orjson.JSONDecodeError as error:
        raise BadFilter(f"no JSON: {error}; write it like {_EXAMPLE} or {SEGMENT_PREFIX}NAME") from None


def check_segment(name: str, segments: frozenset[str]) -> None:
    """Raises UnknownSegment with the nearest name."""
    if name not in segments:
        hint = spelling_hint(name, segments) if segments else "none is saved yet; `recsys segments put` saves some"
        raise UnknownSegment(f"no segment {name!r:.70}; {hint}")


@dataclass(frozen=True, slots=True)
class _Parser:
    vocabulary: SegmentVocabulary
    budget: FilterBudget

    def parse(self, written: object, place: str) -> SegmentExpression:
        if not isinstance(written, Mapping):
            raise BadFilter(f"{place or 'where'}: must be an object such as {_EXAMPLE}, not {shown(written)}")
        if self.budget.depth >= MAX_DEPTH:
            raise BadFilter(f"{place}: more than {MAX_DEPTH} levels; save inner conditions as a segment of their own")
        self.budget.depth += 1
        parts = [self._part(str(key), value, f"{place}.{key}".strip(".")) for key, value in written.items()]
        self.budget.depth -= 1
        return parts[0] if len(parts) == 1 else EveryPart(tuple(parts))

    def _part(self, key: str, written: object, place: str) -> SegmentExpression:
        self.budget.take_condition(place)
        if key == "not":
            return Complement(self.parse(written, place))
        if key in JOINTS:
            parts = tuple(self.parse(part, f"{place}[{at}]") for at, part in enumerate(_list(written, place)))
            return EveryPart(parts) if key in ("all", "and") else SomePart(parts)
        if key in ACTIVITIES:
            return self._activity(ACTIVITIES[key], written, place)
        if key == "chance":
            return self._chance(written, place)
        if key == "segment":
            return self._segments(written, place)
        if key == "in_campaign":
            return self._campaign(written, place)
        if key == "in_loyalty":
            return self._loyalty(written, place)
        return self._column(ALIASES.get(key, key), written, place)

    def _column(self, key: str, written: object, place: str) -> SegmentExpression:
        column = COLUMNS.get(key)
        if column is None:
            name = ATTRIBUTE + key.removeprefix(ATTRIBUTE)
            return AttributeCondition(build_where(parse_conditions(name, "any", written, place, self.budget)))
        test = parse_conditions(key, column.kind, written, place, self.budget)
        words = self.vocabulary.groups if key == "rfm_group" else column.words
        return ColumnCondition(key, test if words is None else _spelled(test, words, place))

    def _activity(self, kind: Kind, written: object, place: str) -> ActivityCondition:
        fields = _fields(written, ("where", "days", "times"), place)
        where = fields.get("where")
        days = fields.get("days")
        return ActivityCondition(
            kind,
            None if where is None else _item_filter(where, f"{place}.where"),
            None if days is None else _days(days, LEAST_DAYS, MAX_DAYS, f"{place}.days"),
            parse_conditions("times", "number", fields.get("times", {"gte": 1}), f"{place}.times", self.budget),
        )

    def _chance(self, written: object, place: str) -> ChanceCondition:
        bounds = ("gte", "gt", "lte", "lt")
        fields = _fields(written, ("item", "category", "days", *bounds), place)
        item_id, category = (_text(fields.get(name), f"{place}.{name}") for name in ("item", "category"))
        if item_id is not None and category is not None:
            raise BadFilter(f"{place}: says both item and category; use one of them, or neither for any purchase")
        test = {name: fields[name] for name in bounds if name in fields}
        if not test:
            raise BadFilter(f'{place}: says no bound; add one such as "gte": 0.3')
        days = _days(fields.get("days"), NEED_HORIZONS[0], NEED_HORIZONS[-1], f"{place}.days")
        return ChanceCondition(item_id, category, days, parse_conditions("chance", "number", test, place, self.budget))

    def _segments(self, written: object, place: str) -> SegmentCondition:
        values = written if isinstance(written, list) else [written]
        names = tuple(name for name in values if isinstance(name, str))
        if not names or len(names) < len(values):
            raise BadFilter(f"{place}: must be the name of a saved segment, or a list of names, not {shown(written)}")
        self.budget.take_values(len(names), place)
        if self.vocabulary.segments is not None:
            for name in names:
                try:
                    check_segment(name, self.vocabulary.segments)
                except UnknownSegment as error:
                    raise BadFilter(f"{place}: {error}") from None
        return SegmentCondition(names)

    def _campaign(self, written: object, place: str) -> SegmentExpression:
        if isinstance(written, Mapping) and [*written] == ["not"]:
            return Complement(self._campaign(written["not"], f"{place}.not"))
        fields = _fields(written, ("id", "arm"), place) if isinstance(written, Mapping) else {"id": written}
        ids, arm = fields.get("id"), fields.get("arm")
        values = ids if isinstance(ids, list) else [ids]
        names = tuple(name for name in values if isinstance(name, str))
        if not names or len(names) < len(values):
            raise BadFilter(f"{place}: must be the id of a campaign, or a list of ids, not {shown(ids)}")
        if arm is not None and arm not in ARMS:
            raise BadFilter(f"{place}.arm: {shown(arm)} is none; use {' or '.join(ARMS)}")
        self.budget.take_values(len(names), place)
        return CampaignCondition(names, None if arm is None else ARMS[str(arm)])

    def _loyalty(self, written: object, place: str) -> LoyaltyCondition:
        bare = {"tier": written} if isinstance(written, str | list) else written
        fields = _fields(bare, ("tier", "balance", "programme"), place)
        tiers = fields.get("tier", [])
        values = tiers if isinstance(tiers, list) else [tiers]
        names = tuple(name for name in values if isinstance(name, str))
        if len(names) < len(values):
            raise BadFilter(f"{place}.tier: must be the name of a tier, or a list of names, not {shown(tiers)}")
        self.budget.take_values(len(names), place)
        balance = fields.get("balance")
        test = None if balance is None else parse_conditions("balance", "number", balance, place, self.budget)
        return LoyaltyCondition(_text(fields.get("programme"), f"{place}.programme"), names, test)


def _item_filter(written: object, place: str) -> Where:
    try:
        return parse_filter(written)
    except BadFilter as error:
        raise BadFilter(f"{place}: {error}") from None


def _fields(written: object, names: Sequence[str], place: str) -> Mapping[str, object]:
    if not isinstance(written, Mapping):
        raise BadFilter(f"{place}: must be an object with {', '.join(names)}, not {shown(written)}")
    for name in written:
        if name not in names:
            raise BadFilter(f"{place}: {shown(name)} is no field of it; {spelling_hint(str(name), names)}")
    return {str(name): value for name, value in written.items()}


def _list(written: object, place: str) -> list[object]:
    if not isinstance(written, list):
        raise BadFilter(f"{place}: must be a list of conditions, such as [{_EXAMPLE}]")
    return written


def _text(value: object, place: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise BadFilter(f"{place}: must be text, not {shown(value)}")
    return value


def _days(value: object, least: float, most: float, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadFilter(f"{place}: must be a number of days from {least:g} to {most:,g}, not {shown(value)}")
    return float(value)


def _spelled(test: FilterExpression, words: Sequence[str], place: str) -> FilterExpression:
    """The same test with each word as the table writes it: case, spaces and underscores do not count."""
    match test:
        case AllOf(parts):
            return AllOf(tuple(_spelled(part, words, place) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_spelled(part, words, place) for part in parts))
        case Not(part):
            return Not(_spelled(part, words, place))
        case Condition(column, "in", tuple() as values):
            return Condition(column, "in", tuple(_word(str(value), words, place) for value in values))
        case _:
            return test


def _word(value: str, words: Sequence[str], place: str) -> str:
    by_key = {_key(word): word for word in words} | {"": ""}
    word = by_key.get(_key(value))
    if word is None:
        raise BadFilter(f"{place}: {value!r:.60} is none of its values; {spelling_hint(value, words)}")
    return word


def _key(word: str) -> str:
    return word.strip().casefold().replace(" ", "_")

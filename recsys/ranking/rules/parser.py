"""Rule parser: TOML or JSON in, rules out, or each fault with its line."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import chain, islice
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, ValidationError

from recsys.config import spelling_hint
from recsys.errors import BadRules, DocumentFault, UnknownSegment
from recsys.ranking.filters.columns import LABEL_FIELDS
from recsys.ranking.filters.expression import ATTRIBUTE
from recsys.ranking.filters.schema import WhereIn
from recsys.ranking.rerank.constraints import MAX_FACTOR
from recsys.ranking.rules.model import CustomerKind, Rule, RuleKind, Rules, RuleValue, Target, build_rules
from recsys.ranking.rules.schedule import ALWAYS, DAYS, Moment, RuleTimes, parse_hours, to_unix_ms
from recsys.ranking.segments.parser import SEGMENT_PREFIX, check_segment
from recsys.time_units import time_zone
from recsys.versioned_toml.document import (
    MOST_FAULTS,
    entry_line,
    faults_text,
    read_toml,
    schema_faults,
    text_digest,
    toml_text,
    top_line,
)

MOST_RULES = 1_000
MOST_PLACES = 100
# The fields that a kind of rule needs; POSSIBLE adds those that it may have.
NEEDED: Mapping[str, frozenset[str]] = {
    "block": frozenset(),
    "boost": frozenset({"factor"}),
    "bury": frozenset(),
    "at-least": frozenset({"least"}),
    "cap": frozenset({"per", "most"}),
    "pin": frozenset({"slot"}),
}
POSSIBLE: Mapping[str, frozenset[str]] = {**NEEDED, "pin": frozenset({"slot", "most"})}
_CUSTOMER_KINDS: Mapping[str, CustomerKind] = {"new": "new", "returning": "returning"}
KIND_FIELDS = frozenset().union(*POSSIBLE.values())

Word = Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\x00]*$")]
Words = Annotated[tuple[Word, ...], Field(max_length=1_000)]
PlaceNumber = Annotated[int, Field(ge=1, le=MOST_PLACES)]
DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleIn(_In):
    """One rule as it is written.  Its target, placements, customers and times may be left out."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="a name of your own, once in the file")
    kind: RuleKind
    reason: str = Field(min_length=1, max_length=500, description="a sentence that says why; explanations show it")
    is_on: bool = Field(default=True, alias="on", description="false keeps the rule without using it")
    items: Words = Field(default=(), description="ids of the items it speaks of")
    categories: Words = Field(default=(), description="only items of these categories")
    brands: Words = Field(default=(), description="only items of these brands")
    where: WhereIn | None = Field(default=None, description="only items that pass these conditions")
    placements: Words = Field(default=(), description="only there; everywhere when left out")
    customers: Word | None = Field(
        default=None, description="`new` have bought nothing yet, `returning` have; or a saved segment, `segment:NAME`"
    )
    segment: dict[Word, RuleValue | Annotated[tuple[RuleValue, ...], Field(max_length=1_000)]] = Field(
        default={}, max_length=20, description="only customers with these attributes; a list: one of these values"
    )
    from_: Moment | None = Field(default=None, alias="from", description="first day, or moment")
    until: Moment | None = Field(default=None, description="last day, or the moment it ends")
    days: tuple[DayName, ...] = Field(default=(), description="only on these days of the week")
    hours: str | tuple[str, ...] = Field(default=(), description="only at these hours, such as 17:00-20:00")
    timezone: str | None = Field(default=None, description="whose clock; that of the whole file when left out")
    factor: FiniteFloat | None = Field(
        default=None, ge=1 / MAX_FACTOR, le=MAX_FACTOR, description="boost: the place is divided by it"
    )
    slot: PlaceNumber | None = Field(default=None, description="pin: the place of the first of the items, from 1")
    least: PlaceNumber | None = Field(default=None, description="at-least: so many of them")
    most: PlaceNumber | None = Field(default=None, description="cap: of one value; pin: how many items")
    per: Word | None = Field(default=None, description="cap: the attribute whose values are counted")


class RulesIn(_In):
    """The rules of a shop.  If two rules conflict, the order of the file decides."""

    timezone: str = Field(default="UTC", description="whose clock days, hours and dates without an offset go by")
    rules: Annotated[tuple[RuleIn, ...], Field(max_length=MOST_RULES)] = ()

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "timezone": "Europe/Berlin",
                    "rules": [
                        {
                            "id": "milk-week",
                            "kind": "boost",
                            "factor": 3,
                            "categories": ["FLUID MILK PRODUCTS"],
                            "placements": ["home"],
                            "from": "2026-05-01",
                            "until": "2026-05-03",
                            "reason": "Milk week: the dairy pays for it",
                        }
                    ],
                }
            ]
        }
    )


def parse_rules(text: str, placements: Collection[str], segments: Collection[str] = ()) -> Rules:
    """The rules of a TOML text, with its digest.  placements, segments: names that rules may use.

    Raises BadRules that names each fault with its line.
    """
    content = read_toml(text)
    if isinstance(content, DocumentFault):
        raise _bad_rules([content])
    try:
        document = RulesIn.model_validate(content)
    except ValidationError as error:
        faults = schema_faults(error, RulesIn, text, content, table="rules", name="id")
        raise _bad_rules(faults) from None
    return validate_rules(document, placements, segments, text=text)


def validate_rules(
    document: RulesIn, placements: Collection[str], segments: Collection[str] = (), *, text: str
) -> Rules:
    """The rules of a document; text: its TOML, for the line numbers.  Raises BadRules."""
    faults = [*_zone_faults(document, text), *islice(_duplicate_faults(document, text), MOST_FAULTS)]
    rules: list[Rule] = []
    for at, rule in enumerate(document.rules):
        named = chain(_rule_problems(rule, document, placements), _customer_problems(rule, segments))
        problems = list(islice(named, MOST_FAULTS))
        faults += [DocumentFault(_line(text, at, field), rule.id, field, problem) for field, problem in problems]
        if len(faults) >= MOST_FAULTS:
            break
        if not problems and not faults and rule.is_on:
            rules.append(_build_rule(rule, document))
    if faults:
        raise _bad_rules(faults)
    return build_rules(rules, text_digest(text))


def to_toml(document: RulesIn) -> str:
    """The rules as TOML, written for people."""
    return toml_text(document, BadRules)


def _build_rule(rule: RuleIn, document: RulesIn) -> Rule:
    return Rule(
        id=rule.id,
        kind=rule.kind,
        reason=rule.reason,
        target=Target(rule.items, rule.categories, rule.brands, rule.where),
        placements=rule.placements,
        customers=_CUSTOMER_KINDS.get(rule.customers or ""),
        saved_segment=_saved_segment(rule),
        segment={name: value if isinstance(value, tuple) else (value,) for name, value in rule.segment.items()},
        times=_times(rule, time_zone(rule.timezone or document.timezone)),
        factor=rule.factor or 1.0,
        slot=rule.slot or 1,
        least=rule.least or 0,
        most=rule.most or len(rule.items) or 1,
        per=rule.per or "",
    )


def _saved_segment(rule: RuleIn) -> str | None:
    is_saved = rule.customers is not None and rule.customers.startswith(SEGMENT_PREFIX)
    return rule.customers.removeprefix(SEGMENT_PREFIX) if rule.customers is not None and is_saved else None


def _customer_problems(rule: RuleIn, segments: Collection[str]) -> Iterator[tuple[str, str]]:
    name = _saved_segment(rule)
    if name is not None:
        try:
            check_segment(name, frozenset(segments))
        except UnknownSegment as error:
            yield "customers", str(error)
    elif rule.customers is not None and rule.customers not in _CUSTOMER_KINDS:
        hint = spelling_hint(rule.customers, [*_CUSTOMER_KINDS, *(SEGMENT_PREFIX + each for each in segments)])
        yield "customers", f"no customers {rule.customers!r:.70}; {hint}"


def _times(rule: RuleIn, zone: tzinfo) -> RuleTimes:
    if rule.from_ is None and rule.until is None and not rule.days and not rule.hours:
        return ALWAYS
    return RuleTimes(
        from_ms=None if rule.from_ is None else to_unix_ms(rule.from_, zone, is_end=False),
        until_ms=None if rule.until is None else to_unix_ms(rule.until, zone, is_end=True),
        days=frozenset(map(DAYS.index, rule.days)),
        hours=parse_hours([rule.hours] if isinstance(rule.hours, str) else rule.hours),
        zone=zone,
    )


def _rule_problems(rule: RuleIn, document: RulesIn, placements: Collection[str]) -> Iterator[tuple[str, str]]:
    """Field and text of each problem that a schema cannot express."""
    present = {name for name in KIND_FIELDS if getattr(rule, name) is not None}
    for name in sorted(NEEDED[rule.kind] - present):
        yield name, f"a rule of kind {rule.kind} needs it"
    for name in sorted(present - POSSIBLE[rule.kind]):
        yield name, f"says nothing in a rule of kind {rule.kind}; leave it out"
    if rule.kind != "cap" and not (rule.items or rule.categories or rule.brands or rule.where):
        yield "kind", f"a rule of kind {rule.kind} needs items, categories, brands or where"
    if rule.kind == "cap" and rule.per not in (None, *LABEL_FIELDS) and not str(rule.per).startswith(ATTRIBUTE):
        yield "per", f"no attribute {rule.per!r} to count by; write brand, category or {ATTRIBUTE}NAME"
    if rule.where is not None and rule.where.depends_on_age:
        yield "where", "age_days has no place in rules; say available_from, or let the rule end with `until`"
    for name in rule.placements:
        if name not in placements:
            yield "placements", f"no placement {name!r}; {spelling_hint(name, placements)}"
    yield from _time_problems(rule, rule.timezone or document.timezone)


def _time_problems(rule: RuleIn, zone: str) -> Iterator[tuple[str, str]]:
    try:
        clock = time_zone(zone)
    except ValueError as error:
        if rule.timezone is not None:
            yield "timezone", str(error)
        return
    ends: dict[str, int] = {}
    for name, moment in (("from", rule.from_), ("until", rule.until)):
        try:
            if moment is not None:
                ends[name] = to_unix_ms(moment, clock, is_end=name == "until")
        except (ValueError, OverflowError) as error:
            yield name, str(error)
    if len(ends) == 2 and ends["from"] >= ends["until"]:
        yield "until", f"{rule.until} is not after `from`, {rule.from_}"
    try:
        parse_hours([rule.hours] if isinstance(rule.hours, str) else rule.hours)
    except ValueError as error:
        yield "hours", str(error)


def _zone_faults(document: RulesIn, text: str) -> Iterator[DocumentFault]:
    try:
        time_zone(document.timezone)
    except ValueError as error:
        yield DocumentFault(top_line(text, "timezone"), "", "timezone", str(error))


def _duplicate_faults(document: RulesIn, text: str) -> Iterator[DocumentFault]:
    often = Counter(rule.id for rule in document.rules)
    for at, rule in enumerate(document.rules):
        if often[rule.id] > 1:
            yield DocumentFault(_line(text, at, "id"), rule.id, "id", "stands twice; each rule has an id of its own")


def _line(text: str, number: int, field: str) -> int | None:
    return entry_line(text, "rules", number, field)


def _bad_rules(faults: Sequence[DocumentFault]) -> BadRules:
    return BadRules(faults_text(faults), faults)

"""Rule parser: TOML or JSON in, rules out, or each fault with its line."""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, ValidationError

from recsys.config import spelling_hint
from recsys.errors import BadRules, RuleFault
from recsys.ranking.filters.columns import LABEL_FIELDS
from recsys.ranking.filters.expression import ATTRIBUTE
from recsys.ranking.filters.schema import WhereIn
from recsys.ranking.rerank.constraints import MAX_FACTOR
from recsys.ranking.rules.model import CustomerKind, Rule, RuleKind, Rules, RuleValue, Target, build_rules
from recsys.ranking.rules.schedule import ALWAYS, DAYS, RuleTimes, parse_hours, to_unix_ms
from recsys.time_units import time_zone

MOST_RULES = 1_000
MOST_PLACES = 100
MOST_BYTES = 1_000_000
MOST_FAULTS = 50  # faults that are named; finding the line of each takes time
# A dotted key of more than 32 parts.  `tomllib` takes the square of their number: 32 KB of one such key took 3 s.
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{32}}")
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
    customers: CustomerKind | None = Field(default=None, description="those who bought nothing yet, or the others")
    segment: dict[Word, RuleValue | Annotated[tuple[RuleValue, ...], Field(max_length=1_000)]] = Field(
        default={}, max_length=20, description="only customers with these attributes; a list: one of these values"
    )
    from_: date | datetime | str | None = Field(default=None, alias="from", description="first day, or moment")
    until: date | datetime | str | None = Field(default=None, description="last day, or the moment it ends")
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


def parse_rules(text: str, placements: Collection[str]) -> Rules:
    """The rules of a TOML text, with its digest.  placements: names that rules may use.

    Raises BadRules that names each fault with its line.
    """
    if len(text) > MOST_BYTES:
        raise _bad_rules(
            [RuleFault(None, "", "", f"{len(text)} characters, at most {MOST_BYTES}; name categories or brands")]
        )
    if (long_key := _LONG_KEY.search(text)) is not None:
        at = text.count("\n", 0, long_key.start()) + 1
        raise _bad_rules([RuleFault(at, "", "", "a key of more than 32 parts; rules need three at most")])
    try:
        content = tomllib.loads(text)
    except ValueError as error:  # of tomllib, or of Python for a number of thousands of digits
        match = re.search(r"at line (\d+)", str(error))
        line = int(match[1]) if match else len(text.splitlines()) or None  # without a match "at end of document"
        raise _bad_rules([RuleFault(line, "", "", f"not valid TOML: {error}")]) from None
    except RecursionError:
        raise _bad_rules([RuleFault(None, "", "", "not valid TOML: nested too deeply")]) from None
    try:
        document = RulesIn.model_validate(content)
    except ValidationError as error:
        rows = error.errors(include_url=False)[:MOST_FAULTS]
        raise _bad_rules([_schema_fault(row["loc"], row["msg"], content, text) for row in rows]) from None
    return validate_rules(document, placements, text=text)


def validate_rules(document: RulesIn, placements: Collection[str], *, text: str) -> Rules:
    """The rules of a document; text: its TOML, for the line numbers.  Raises BadRules."""
    faults = [*_zone_faults(document, text), *islice(_duplicate_faults(document, text), MOST_FAULTS)]
    rules: list[Rule] = []
    for at, rule in enumerate(document.rules):
        problems = list(islice(_rule_problems(rule, document, placements), MOST_FAULTS))
        faults += [RuleFault(_line(text, at, field), rule.id, field, problem) for field, problem in problems]
        if len(faults) >= MOST_FAULTS:
            break
        if not problems and not faults and rule.is_on:
            rules.append(_build_rule(rule, document))
    if faults:
        raise _bad_rules(faults)
    return build_rules(rules, rules_digest(text))


def rules_digest(text: str) -> str:
    """Identifies a text: equal texts have equal digests."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def to_toml(document: RulesIn) -> str:
    """The rules as TOML, written for people."""
    import tomli_w  # only when rules come in as JSON

    return tomli_w.dumps(
        document.model_dump(by_alias=True, exclude_unset=True, exclude_none=True), multiline_strings=False
    )


def _build_rule(rule: RuleIn, document: RulesIn) -> Rule:
    return Rule(
        id=rule.id,
        kind=rule.kind,
        reason=rule.reason,
        target=Target(rule.items, rule.categories, rule.brands, rule.where),
        placements=rule.placements,
        customers=rule.customers,
        segment={name: value if isinstance(value, tuple) else (value,) for name, value in rule.segment.items()},
        times=_times(rule, time_zone(rule.timezone or document.timezone)),
        factor=rule.factor or 1.0,
        slot=rule.slot or 1,
        least=rule.least or 0,
        most=rule.most or len(rule.items) or 1,
        per=rule.per or "",
    )


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
        yield "until", "is not after `from`"
    try:
        parse_hours([rule.hours] if isinstance(rule.hours, str) else rule.hours)
    except ValueError as error:
        yield "hours", str(error)


def _zone_faults(document: RulesIn, text: str) -> Iterator[RuleFault]:
    try:
        time_zone(document.timezone)
    except ValueError as error:
        yield RuleFault(_top_line(text, "timezone"), "", "timezone", str(error))


def _duplicate_faults(document: RulesIn, text: str) -> Iterator[RuleFault]:
    often = Counter(rule.id for rule in document.rules)
    for at, rule in enumerate(document.rules):
        if often[rule.id] > 1:
            yield RuleFault(_line(text, at, "id"), rule.id, "id", "stands twice; each rule has an id of its own")


def _schema_fault(loc: Sequence[int | str], problem: str, content: Mapping[str, Any], text: str) -> RuleFault:
    if len(loc) > 1 and loc[0] == "rules" and isinstance(loc[1], int):
        field = str(loc[2]) if len(loc) > 2 else ""
        rule = content["rules"][loc[1]]
        name = str(rule.get("id", "")) if isinstance(rule, Mapping) else ""
        return RuleFault(_line(text, loc[1], field), name or f"rule {loc[1] + 1}", field, problem)
    field = ".".join(map(str, loc))
    return RuleFault(_top_line(text, field), "", field, problem)


def _line(text: str, number: int, field: str) -> int | None:
    """The line of a field of a rule, else of the rule; of all rules where they are no tables of their own."""
    lines = text.splitlines()
    heads = [at for at, line in enumerate(lines) if re.match(r"\s*\[\[\s*rules\s*\]\]", line)]
    if number >= len(heads):
        return _top_line(text, "rules")
    end = heads[number + 1] if number + 1 < len(heads) else len(lines)
    key = re.compile(rf"""\s*\[?(rules\.)?["']?{re.escape(field)}["']?\s*[.=\]]""")
    matches = (at for at in range(heads[number] + 1, end) if field and key.match(lines[at]))
    return next(matches, heads[number]) + 1


def _top_line(text: str, field: str) -> int | None:
    key = re.compile(rf"""\s*\[?\[?["']?{re.escape(field)}["']?\s*[=\]]""")
    return next((at for at, line in enumerate(text.splitlines(), start=1) if field and key.match(line)), None)


def _bad_rules(faults: Sequence[RuleFault]) -> BadRules:
    shown = "; ".join(map(str, faults[:5])) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
    return BadRules(shown, faults)

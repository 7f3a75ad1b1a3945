"""Rules as they are written: TOML or JSON in, rules out, or what is wrong and in which line."""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, ValidationError

from recsys.config import spelling_hint
from recsys.errors import BadRules, RuleFault
from recsys.ranking.filters.expression import ATTRIBUTE
from recsys.ranking.filters.schema import WhereIn
from recsys.ranking.rerank.constraints import COUNTED, MOST_FACTOR
from recsys.ranking.rules.model import CustomerKind, Rule, RuleKind, Rules, RuleValue, Target, build_rules
from recsys.ranking.rules.schedule import ALWAYS, DAYS, RuleTimes, hours_of, moment_ms, zone_of

MOST_RULES = 1_000
MOST_PLACES = 100
MOST_BYTES = 1_000_000
# Fields that only some kinds have; those in the first set must be there.
NEEDED: Mapping[str, frozenset[str]] = {
    "block": frozenset(),
    "boost": frozenset({"factor"}),
    "bury": frozenset(),
    "at-least": frozenset({"least"}),
    "cap": frozenset({"per", "most"}),
    "pin": frozenset({"slot"}),
}
POSSIBLE: Mapping[str, frozenset[str]] = {**NEEDED, "pin": frozenset({"slot", "most"})}
OF_KINDS = frozenset().union(*POSSIBLE.values())

Word = Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\x00]*$")]
Words = Annotated[tuple[Word, ...], Field(max_length=1_000)]
PlacementName = Annotated[int, Field(ge=1, le=MOST_PLACES)]
DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleIn(_In):
    """One rule as it is written.  What it speaks of, where, for whom and when may be left out."""

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
        default=None, ge=1 / MOST_FACTOR, le=MOST_FACTOR, description="boost: the place is divided by it"
    )
    slot: PlacementName | None = Field(default=None, description="pin: the place of the first of the items, from 1")
    least: PlacementName | None = Field(default=None, description="at-least: so many of them")
    most: PlacementName | None = Field(default=None, description="cap: of one value; pin: how many items")
    per: Word | None = Field(default=None, description="cap: the attribute whose values are counted")


class RulesIn(_In):
    """The rules of a shop.  The order of the file counts where two want the same."""

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
    """The rules of a TOML text, written down under its digest.  placements: names that rules may use.

    Raises BadRules that names each fault with its line.
    """
    if len(text) > MOST_BYTES:
        raise _refused(
            [RuleFault(None, "", "", f"{len(text)} characters, at most {MOST_BYTES}; name categories or brands")]
        )
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found_at = re.search(r"at line (\d+)", str(error))
        line = int(found_at[1]) if found_at else len(text.splitlines()) or None  # else "at end of document"
        raise _refused([RuleFault(line, "", "", f"not valid TOML: {error}")]) from None
    except RecursionError:
        raise _refused([RuleFault(None, "", "", "not valid TOML: nested too deeply")]) from None
    try:
        sent = RulesIn.model_validate(found)
    except ValidationError as error:
        raise _refused(_of_schema(error, found, text)) from None
    return checked(sent, placements, text=text)


def checked(sent: RulesIn, placements: Collection[str], *, text: str) -> Rules:
    """The rules of a document that was read already; `text` is where lines are looked up.  Raises BadRules."""
    faults = [*_of_zone(sent, text), *_twice(sent, text)]
    made: list[Rule] = []
    for at, rule in enumerate(sent.rules):
        wrong = list(_of_rule(rule, sent, placements))
        faults += [RuleFault(_line(text, at, field), rule.id, field, problem) for field, problem in wrong]
        if not wrong and not faults and rule.is_on:
            made.append(_made(rule, sent))
    if faults:
        raise _refused(faults)
    return build_rules(made, digest_of(text))


def digest_of(text: str) -> str:
    """Names a text: equal texts have equal names."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def written(sent: RulesIn) -> str:
    """The rules as TOML, as a person would like to find them."""
    import tomli_w  # only when rules come in as JSON

    return tomli_w.dumps(sent.model_dump(by_alias=True, exclude_unset=True, exclude_none=True), multiline_strings=False)


def _made(rule: RuleIn, sent: RulesIn) -> Rule:
    target = Target(rule.items, rule.categories, rule.brands, rule.where)
    default = len(rule.items) or 1
    return Rule(
        id=rule.id,
        kind=rule.kind,
        reason=rule.reason,
        target=target,
        placements=rule.placements,
        customers=rule.customers,
        segment={name: value if isinstance(value, tuple) else (value,) for name, value in rule.segment.items()},
        times=_times(rule, zone_of(rule.timezone or sent.timezone)),
        factor=rule.factor or 1.0,
        slot=rule.slot or 1,
        least=rule.least or 0,
        most=rule.most or default,
        per=rule.per or "",
    )


def _times(rule: RuleIn, zone: tzinfo) -> RuleTimes:
    if rule.from_ is None and rule.until is None and not rule.days and not rule.hours:
        return ALWAYS
    return RuleTimes(
        from_ms=None if rule.from_ is None else moment_ms(rule.from_, zone, is_end=False),
        until_ms=None if rule.until is None else moment_ms(rule.until, zone, is_end=True),
        days=frozenset(map(DAYS.index, rule.days)),
        hours=hours_of([rule.hours] if isinstance(rule.hours, str) else rule.hours),
        zone=zone,
    )


def _of_rule(rule: RuleIn, sent: RulesIn, placements: Collection[str]) -> Iterator[tuple[str, str]]:
    """Field and problem of whatever a schema cannot say."""
    given = {name for name in OF_KINDS if getattr(rule, name) is not None}
    for name in sorted(NEEDED[rule.kind] - given):
        yield name, f"a rule of kind {rule.kind} needs it"
    for name in sorted(given - POSSIBLE[rule.kind]):
        yield name, f"says nothing in a rule of kind {rule.kind}; leave it out"
    if rule.kind != "cap" and not (rule.items or rule.categories or rule.brands or rule.where):
        yield "kind", f"a rule of kind {rule.kind} needs items, categories, brands or where"
    if rule.kind == "cap" and rule.per not in (None, *COUNTED) and not str(rule.per).startswith(ATTRIBUTE):
        yield "per", f"no attribute {rule.per!r} to count by; write brand, category or {ATTRIBUTE}NAME"
    if rule.where is not None and rule.where.depends_on_age:
        yield "where", "age_days has no place in rules; say available_from, or let the rule end with `until`"
    for name in rule.placements:
        if name not in placements:
            yield "placements", f"no placement {name!r}; {spelling_hint(name, placements)}"
    yield from _of_times(rule, rule.timezone or sent.timezone)


def _of_times(rule: RuleIn, zone: str) -> Iterator[tuple[str, str]]:
    try:
        clock = zone_of(zone)
    except ValueError as error:
        if rule.timezone is not None:
            yield "timezone", str(error)
        return
    ends: dict[str, int] = {}
    for name, given in (("from", rule.from_), ("until", rule.until)):
        try:
            if given is not None:
                ends[name] = moment_ms(given, clock, is_end=name == "until")
        except (ValueError, OverflowError) as error:
            yield name, str(error)
    if len(ends) == 2 and ends["from"] >= ends["until"]:
        yield "until", "is not after `from`"
    try:
        hours_of([rule.hours] if isinstance(rule.hours, str) else rule.hours)
    except ValueError as error:
        yield "hours", str(error)


def _of_zone(sent: RulesIn, text: str) -> Iterator[RuleFault]:
    try:
        zone_of(sent.timezone)
    except ValueError as error:
        yield RuleFault(_top_line(text, "timezone"), "", "timezone", str(error))


def _twice(sent: RulesIn, text: str) -> Iterator[RuleFault]:
    often = Counter(rule.id for rule in sent.rules)
    for at, rule in enumerate(sent.rules):
        if often[rule.id] > 1:
            yield RuleFault(_line(text, at, "id"), rule.id, "id", "stands twice; each rule has an id of its own")


def _of_schema(error: ValidationError, found: Mapping[str, Any], text: str) -> list[RuleFault]:
    return [_fault(one["loc"], one["msg"], found, text) for one in error.errors(include_url=False)]


def _fault(loc: Sequence[int | str], problem: str, found: Mapping[str, Any], text: str) -> RuleFault:
    if len(loc) > 1 and loc[0] == "rules" and isinstance(loc[1], int):
        field = str(loc[2]) if len(loc) > 2 else ""
        rule = found["rules"][loc[1]]
        name = str(rule.get("id", "")) if isinstance(rule, Mapping) else ""
        return RuleFault(_line(text, loc[1], field), name or f"rule {loc[1] + 1}", field, problem)
    field = ".".join(map(str, loc))
    return RuleFault(_top_line(text, field), "", field, problem)


def _line(text: str, number: int, field: str) -> int | None:
    """Where a field of the so-many-th rule stands, else its rule; where they are no tables of their own, all rules."""
    lines = text.splitlines()
    heads = [at for at, line in enumerate(lines) if re.match(r"\s*\[\[\s*rules\s*\]\]", line)]
    if number >= len(heads):
        return _top_line(text, "rules")
    end = heads[number + 1] if number + 1 < len(heads) else len(lines)
    key = re.compile(rf"""\s*\[?(rules\.)?["']?{re.escape(field)}["']?\s*[.=\]]""")
    found = (at for at in range(heads[number] + 1, end) if field and key.match(lines[at]))
    return next(found, heads[number]) + 1


def _top_line(text: str, field: str) -> int | None:
    key = re.compile(rf"""\s*\[?\[?["']?{re.escape(field)}["']?\s*[=\]]""")
    return next((at for at, line in enumerate(text.splitlines(), start=1) if field and key.match(line)), None)


def _refused(faults: Sequence[RuleFault]) -> BadRules:
    shown = "; ".join(map(str, faults[:5])) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
    return BadRules(shown, faults)

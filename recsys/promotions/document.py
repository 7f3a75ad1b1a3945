"""Promotion document: `promotions.toml` in, promotions out, or each fault with its line."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, ValidationError

from recsys.errors import BadFilter, BadPromotions, DocumentFault, UnknownSegment
from recsys.promotions.model import OF_BASKETS, Promotion, PromotionKind, Promotions, Reduction, Step
from recsys.ranking.filters.schema import WhereIn
from recsys.ranking.rules.model import Target
from recsys.ranking.rules.schedule import ALWAYS, Moment, RuleTimes, to_unix_ms
from recsys.ranking.segments.parser import SegmentVocabulary, check_segment, parse_customers
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

TABLE = "promotions"
MOST_PROMOTIONS = 1_000
MOST_CODES = 10_000
REDUCTIONS = ("percent", "amount", "price")
# The reductions that a kind may have; () has none of its own.
REDUCTIONS_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "discount": ("percent", "amount"),
    "threshold": ("percent", "amount"),
    "ladder": (),
    "bundle": REDUCTIONS,
    "gift": (),
    "member_price": REDUCTIONS,
}
# The kinds that each field has a meaning for; others may stand everywhere.
KINDS_BY_FIELD: Mapping[str, tuple[str, ...]] = {
    "spend": ("threshold",),
    "steps": ("ladder",),
    "gift": ("gift",),
    "tiers": ("member_price",),
}

Word = Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00]*$")]
Words = Annotated[tuple[Word, ...], Field(max_length=1_000)]
PromotionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Percent = Annotated[FiniteFloat, Field(gt=0, le=100)]
Money = Annotated[FiniteFloat, Field(gt=0, le=1e12)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StepIn(_Closed):
    """One step of a ladder: from that money on, a percentage or an amount is taken off."""

    spend: Money
    percent: Percent | None = None
    amount: Money | None = None


class PromotionIn(_Closed):
    """One promotion as it is written."""

    id: PromotionId = Field(description="a name of your own, once in the file; a coupon code, too")
    title: str = Field(min_length=1, max_length=500, description="what the customer reads")
    kind: PromotionKind
    is_on: bool = Field(default=True, alias="on", description="false keeps the promotion without using it")
    items: Words = Field(default=(), description="ids of its items; of a bundle, those that are bought together")
    categories: Words = Field(default=(), description="only items of these categories")
    brands: Words = Field(default=(), description="only items of these brands")
    where: WhereIn | None = Field(default=None, description="only items that pass these conditions")
    percent: Percent | None = Field(default=None, description="share of the price that is taken off")
    amount: Money | None = Field(default=None, description="money that is taken off")
    price: Money | None = Field(default=None, description="bundle, member_price: what it costs instead")
    spend: Money | None = Field(default=None, description="threshold: money of a basket, from which on it holds")
    steps: Annotated[tuple[StepIn, ...], Field(max_length=20)] = Field(
        default=(), description="ladder: spend and percent or amount of each step, rising"
    )
    gift: Word | None = Field(default=None, description="gift: id of the item that is given")
    tiers: Words = Field(default=(), description="member_price: only these tiers of the loyalty programme")
    segment: Word | None = Field(default=None, description="only members of this saved segment")
    customers: dict[str, Any] | None = Field(default=None, description="only customers who pass; as in segments")
    from_: Moment | None = Field(default=None, alias="from", description="first day, or moment")
    until: Moment | None = Field(default=None, description="last day, or the moment it ends")
    timezone: str | None = Field(default=None, description="whose clock; that of the whole file when left out")
    budget: FiniteFloat | None = Field(default=None, ge=0, le=1e15, description="money for discounts and costs in all")
    cost: FiniteFloat = Field(default=0.0, ge=0, le=1e12, description="cost of giving it to one customer")
    codes: Annotated[tuple[Word, ...], Field(max_length=MOST_CODES)] = Field(
        default=(), description="coupon codes, by which redemptions are recognised"
    )


class PromotionsIn(_Closed):
    """The promotions of a shop."""

    timezone: str = Field(default="UTC", description="whose clock dates without an offset go by")
    promotions: Annotated[tuple[PromotionIn, ...], Field(max_length=MOST_PROMOTIONS)] = ()

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "timezone": "Europe/Berlin",
                    "promotions": [
                        {
                            "id": "coffee-10",
                            "title": "10 % off coffee",
                            "kind": "discount",
                            "categories": ["COFFEE"],
                            "percent": 10,
                            "customers": {"stage": ["at_risk", "dormant"]},
                            "from": "2026-12-01",
                            "until": "2026-12-24",
                            "budget": 500,
                            "cost": 0.05,
                        }
                    ],
                }
            ]
        }
    )


def parse_promotions(text: str, vocabulary: SegmentVocabulary) -> Promotions:
    """The promotions of a TOML text.  vocabulary: names that conditions on customers may use.

    Raises BadPromotions that names each fault with its line.
    """
    content = read_toml(text)
    if isinstance(content, DocumentFault):
        raise _bad_promotions([content])
    try:
        document = PromotionsIn.model_validate(content)
    except ValidationError as error:
        faults = schema_faults(error, PromotionsIn, text, content, table=TABLE, name="id")
        raise _bad_promotions(faults) from None
    return _validated(document, vocabulary, text, content.get(TABLE, []))


def to_toml(document: PromotionsIn) -> str:
    """The promotions as TOML, written for people."""
    return toml_text(document, BadPromotions)


def faults_of_targets(promotions: Promotions, text: str, problems: Mapping[str, tuple[str, str]]) -> BadPromotions:
    """The error for promotions that speak of what there is not.  problems: field and text by id."""
    ids = list(promotions.ids())
    return _bad_promotions(
        [
            DocumentFault(entry_line(text, TABLE, ids.index(promotion_id), field), promotion_id, field, problem)
            for promotion_id, (field, problem) in problems.items()
        ]
    )


def _validated(
    document: PromotionsIn, vocabulary: SegmentVocabulary, text: str, written: Sequence[Mapping[str, Any]]
) -> Promotions:
    faults = [*_zone_faults(document, text), *islice(_duplicates(document, text), MOST_FAULTS)]
    promotions: list[Promotion] = []
    for at, promotion in enumerate(document.promotions):
        problems = list(islice(_problems(promotion, document, vocabulary), MOST_FAULTS))
        faults += [
            DocumentFault(entry_line(text, TABLE, at, field), promotion.id, field, problem)
            for field, problem in problems
        ]
        if len(faults) >= MOST_FAULTS:
            break
        if not faults:
            promotions.append(_built(promotion, document, vocabulary, written[at]))
    if faults:
        raise _bad_promotions(faults)
    return Promotions(tuple(promotions), text_digest(text))


def _built(
    promotion: PromotionIn, document: PromotionsIn, vocabulary: SegmentVocabulary, written: Mapping[str, Any]
) -> Promotion:
    where = promotion.customers
    return Promotion(
        id=promotion.id,
        title=promotion.title,
        kind=promotion.kind,
        is_on=promotion.is_on,
        target=Target(promotion.items, promotion.categories, promotion.brands, promotion.where),
        reduction=Reduction(promotion.percent, promotion.amount, promotion.price),
        steps=_steps(promotion),
        gift=promotion.gift,
        tiers=promotion.tiers,
        segment=promotion.segment,
        customers=None if where is None else parse_customers(where, vocabulary),
        times=_times(promotion, promotion.timezone or document.timezone),
        budget=promotion.budget,
        cost=promotion.cost,
        codes=promotion.codes,
        written=written,
    )


def _steps(promotion: PromotionIn) -> tuple[Step, ...]:
    if promotion.spend is not None:
        return (Step(promotion.spend, Reduction(promotion.percent, promotion.amount)),)
    return tuple(Step(step.spend, Reduction(step.percent, step.amount)) for step in promotion.steps)


def _times(promotion: PromotionIn, zone_name: str) -> RuleTimes:
    if promotion.from_ is None and promotion.until is None:
        return ALWAYS
    zone = time_zone(zone_name)
    start, end = promotion.from_, promotion.until
    return RuleTimes(
        from_ms=None if start is None else to_unix_ms(start, zone, is_end=False),
        until_ms=None if end is None else to_unix_ms(end, zone, is_end=True),
        zone=zone,
    )


def _problems(
    promotion: PromotionIn, document: PromotionsIn, vocabulary: SegmentVocabulary
) -> Iterator[tuple[str, str]]:
    """Field and text of each problem that a schema cannot express."""
    yield from _reduction_problems(promotion)
    yield from _item_problems(promotion)
    if promotion.segment is not None and promotion.customers is not None:
        yield "customers", "stands beside segment; use one of both, a condition may name a segment"
    try:
        if promotion.segment is not None and vocabulary.segments is not None:
            check_segment(promotion.segment, vocabulary.segments)
        if promotion.customers is not None:
            parse_customers(promotion.customers, vocabulary)
    except UnknownSegment as error:
        yield "segment", str(error)
    except BadFilter as error:
        yield "customers", str(error)
    yield from _time_problems(promotion, promotion.timezone or document.timezone)


def _reduction_problems(promotion: PromotionIn) -> Iterator[tuple[str, str]]:
    kind, possible = promotion.kind, REDUCTIONS_BY_KIND[promotion.kind]
    present = [name for name in REDUCTIONS if getattr(promotion, name) is not None]
    for name in present:
        if name not in possible:
            yield name, f"says nothing in a promotion of kind {kind}; leave it out"
    if possible and len(present) != 1:
        extra = f", and has {' and '.join(present)}" if present else ""
        yield "kind", f"a promotion of kind {kind} needs one of {', '.join(possible)}{extra}"
    for name, kinds in KINDS_BY_FIELD.items():
        if getattr(promotion, name) and kind not in kinds:
            yield name, f"says nothing in a promotion of kind {kind}; leave it out"
    for name in ("spend", "steps", "gift"):
        if kind in KINDS_BY_FIELD[name] and not getattr(promotion, name):
            yield name, f"a promotion of kind {kind} needs it"
    yield from _step_problems(promotion)


def _step_problems(promotion: PromotionIn) -> Iterator[tuple[str, str]]:
    unclear = [step.spend for step in promotion.steps if (step.percent is None) == (step.amount is None)]
    for spend in unclear:
        yield "steps", f"the step of {spend:g} needs one of percent, amount"
    steps = [] if unclear else _steps(promotion)
    for step in steps:
        if (step.reduction.amount or 0.0) > step.spend:
            yield (
                "steps" if promotion.steps else "amount",
                f"{step.reduction.amount:g} off a basket of {step.spend:g} is more than it costs",
            )
    for low, high in pairwise(steps):
        money = np.array([high.spend])
        if low.spend >= high.spend:
            yield "steps", f"the money of the steps must rise; {high.spend:g} stands after {low.spend:g}"
        elif high.reduction.discount(money)[0] < low.reduction.discount(money)[0]:
            yield "steps", f"the step of {high.spend:g} takes off less than that of {low.spend:g}"


def _item_problems(promotion: PromotionIn) -> Iterator[tuple[str, str]]:
    has_target = bool(promotion.items or promotion.categories or promotion.brands or promotion.where)
    if promotion.kind == "bundle" and (
        len(set(promotion.items)) < 2 or promotion.categories or promotion.brands or promotion.where
    ):
        yield "items", "a bundle names two items or more, and nothing else"
    elif promotion.kind in OF_BASKETS and has_target:
        yield "kind", f"a promotion of kind {promotion.kind} is for whole baskets; leave its items out"
    elif promotion.kind not in OF_BASKETS and not has_target:
        yield "kind", f"a promotion of kind {promotion.kind} needs items, categories, brands or where"
    if promotion.where is not None and promotion.where.depends_on_age:
        yield "where", "age_days has no place in promotions; say available_from"


def _time_problems(promotion: PromotionIn, zone_name: str) -> Iterator[tuple[str, str]]:
    try:
        zone = time_zone(zone_name)
    except ValueError as error:
        if promotion.timezone is not None:
            yield "timezone", str(error)
        return
    ends: dict[str, int] = {}
    for name, moment in (("from", promotion.from_), ("until", promotion.until)):
        try:
            if moment is not None:
                ends[name] = to_unix_ms(moment, zone, is_end=name == "until")
        except (ValueError, OverflowError) as error:
            yield name, str(error)
    if len(ends) == 2 and ends["from"] >= ends["until"]:
        yield "until", f"{promotion.until} is not after `from`, {promotion.from_}"


def _zone_faults(document: PromotionsIn, text: str) -> Iterator[DocumentFault]:
    try:
        time_zone(document.timezone)
    except ValueError as error:
        yield DocumentFault(top_line(text, "timezone"), "", "timezone", str(error))


def _duplicates(document: PromotionsIn, text: str) -> Iterator[DocumentFault]:
    """Ids and codes that stand in two promotions: a redemption belongs to one."""
    often = Counter(code for each in document.promotions for code in {each.id, *each.codes})
    for at, each in enumerate(document.promotions):
        for field, codes in (("id", (each.id,)), ("codes", each.codes)):
            for code in codes:
                if often[code] > 1:
                    problem = f"{code!r:.60} stands in two promotions; ids and codes must be different"
                    yield DocumentFault(entry_line(text, TABLE, at, field), each.id, field, problem)


def _bad_promotions(faults: Sequence[DocumentFault]) -> BadPromotions:
    return BadPromotions(faults_text(faults), faults)

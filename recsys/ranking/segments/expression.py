"""Segment expression: a tree of conditions on customers."""

from collections.abc import Iterator
from dataclasses import dataclass

from recsys.data.events import Kind
from recsys.data.store.campaigns.records import Arm
from recsys.ranking.filters.expression import FilterExpression, Where


@dataclass(frozen=True, slots=True)
class EveryPart:
    """Customers who pass every part; without parts, all."""

    parts: tuple["SegmentExpression", ...]


@dataclass(frozen=True, slots=True)
class SomePart:
    """Customers who pass one part or more; without parts, none."""

    parts: tuple["SegmentExpression", ...]


@dataclass(frozen=True, slots=True)
class Complement:
    """Customers who do not pass the part."""

    part: "SegmentExpression"


@dataclass(frozen=True, slots=True)
class ColumnCondition:
    """Customers whose figure passes.  column: of COLUMNS."""

    column: str
    test: FilterExpression


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """Customers whose attribute passes, as attributes of items do."""

    where: Where


@dataclass(frozen=True, slots=True)
class ActivityCondition:
    """Customers with so many days (UTC) with an event of that kind.

    where: only events with items that pass; days: only within so many days; None is no limit.
    """

    kind: Kind
    where: Where | None
    days: float | None
    test: FilterExpression


@dataclass(frozen=True, slots=True)
class ChanceCondition:
    """Customers with such a chance to buy that item, anything of that category, or anything at all, within `days`."""

    item_id: str | None
    category: str | None
    days: float
    test: FilterExpression


@dataclass(frozen=True, slots=True)
class SegmentCondition:
    """Customers in one of those saved segments."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CampaignCondition:
    """Customers who were drawn in one of those campaigns.  arm: into that one, None for any."""

    names: tuple[str, ...]
    arm: Arm | None


@dataclass(frozen=True, slots=True)
class LoyaltyCondition:
    """Members of a loyalty programme.  tiers: in one of them, empty is any; balance: in points; None is any."""

    programme: str | None
    tiers: tuple[str, ...]
    balance: FilterExpression | None


SegmentExpression = (
    EveryPart
    | SomePart
    | Complement
    | ColumnCondition
    | AttributeCondition
    | ActivityCondition
    | ChanceCondition
    | SegmentCondition
    | CampaignCondition
    | LoyaltyCondition
)


@dataclass(frozen=True, slots=True)
class CustomerWhere:
    """A parsed condition on customers.  text: canonical, the same for conditions that differ in order only."""

    expression: SegmentExpression
    text: str


def leaves(expression: SegmentExpression) -> Iterator[SegmentExpression]:
    """The conditions of the tree without its joints."""
    match expression:
        case EveryPart(parts) | SomePart(parts):
            for part in parts:
                yield from leaves(part)
        case Complement(part):
            yield from leaves(part)
        case _:
            yield expression


def segment_names(expression: SegmentExpression) -> tuple[str, ...]:
    """The saved segments that the expression names."""
    return tuple(name for leaf in leaves(expression) if isinstance(leaf, SegmentCondition) for name in leaf.names)

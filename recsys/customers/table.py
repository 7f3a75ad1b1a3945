"""Customer table: rhythm, scores, groups and stages of all customers of a release, with its moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from recsys.arrays import AnyArray, Bools, Bytes, Doubles, Floats, Ints, Kinds, Longs
from recsys.bundle.array_spec import ArraySpec, offsets
from recsys.bundle.bundle import MAX_MS
from recsys.customers.advocacy import advocates
from recsys.customers.breadth import breadth_of, price_ranks
from recsys.customers.groups import RFM_GROUPS, Grouping, RfmGroup, build_grouping, short_groups
from recsys.customers.orders import Orders, PaidLines, build_orders, paid_lines
from recsys.customers.rhythm import Rhythm, rhythm_at
from recsys.customers.scores import QUINTILES, abc_classes, rfm_scores
from recsys.customers.stages import NEVER, Stage, StageRule, stages_at
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.facts import Fact
from recsys.data.guests import PREFIX
from recsys.data.ids import MISSING, IdMap, Texts
from recsys.models.serialization import StoredFields
from recsys.time_units import DAY_MS

if TYPE_CHECKING:
    import polars as pl

MONTH_DAYS = 28  # between the two stages of the month's flow
NO_CLASS = 3  # in place of an ABC class


_Factory = Callable[[], Any]
_no_bools: _Factory = partial(np.empty, 0, np.bool_)
_no_codes: _Factory = partial(np.empty, 0, np.int8)
_no_bytes: _Factory = partial(np.empty, 0, np.uint8)
_no_ints: _Factory = partial(np.empty, 0, np.int32)
_no_longs: _Factory = partial(np.empty, 0, np.int64)
_no_floats: _Factory = partial(np.empty, 0, np.float32)
_no_doubles: _Factory = partial(np.empty, 0, np.float64)

_Count = Annotated[Ints, ArraySpec("U", low=0, high=2**31)]
_Amount = Annotated[Doubles, ArraySpec("U")]
_AmountIfKnown = Annotated[Doubles, ArraySpec("U", nan=True)]
_Moment = Annotated[Longs, ArraySpec("U", low=-MAX_MS, high=MAX_MS)]
_Score = Annotated[Kinds, ArraySpec("U", low=0, high=QUINTILES + 1)]
_Stage = Annotated[Kinds, ArraySpec("U", low=NEVER, high=max(Stage) + 1)]


@dataclass(frozen=True, slots=True)
class CustomerTable(StoredFields):
    """U customers as of `as_of_ms`; all is empty in a release made before this part existed.

    is_counted: not so for guests, whom no score is compared with.  first_seen_ms: first event of any kind.
    n_orders … gap_days: see `Rhythm`; n_items … top_category: see `Breadth`.  recency, frequency, money_score: see
    `RfmScores`.  group: see `Grouping`, NEVER without scores; short_group: of SHORT_GROUPS.  abc: see `abc_classes`,
    NO_CLASS without an order.  stage, previous_stage, since_day: see `Stages`; month_stage: MONTH_DAYS before.
    price_rank (I,): of each item in its category.  item_cost (I,): NaN where unknown; empty where no cost is known.
    group_names (G): by rank; group_by_cell: see `Grouping`.
    """

    NESTED: ClassVar[Mapping[str, tuple[str, type[Any]]]] = {"rule": ("rule_", StageRule)}

    as_of_ms: Annotated[int, ArraySpec(low=-MAX_MS, high=MAX_MS)] = 0
    is_counted: Annotated[Bools, ArraySpec("U")] = field(default_factory=_no_bools)
    first_seen_ms: _Moment = field(default_factory=_no_longs)
    n_orders: _Count = field(default_factory=_no_ints)
    n_days: _Count = field(default_factory=_no_ints)
    money: _Amount = field(default_factory=_no_doubles)
    discount: _Amount = field(default_factory=_no_doubles)
    margin: _AmountIfKnown = field(default_factory=_no_doubles)
    first_at_ms: _Moment = field(default_factory=_no_longs)
    last_at_ms: _Moment = field(default_factory=_no_longs)
    gap_days: _AmountIfKnown = field(default_factory=_no_doubles)
    n_items: _Count = field(default_factory=_no_ints)
    n_categories: _Count = field(default_factory=_no_ints)
    price_level: _AmountIfKnown = field(default_factory=_no_doubles)
    top_category: _Count = field(default_factory=_no_ints)
    recency_score: _Score = field(default_factory=_no_codes)
    frequency_score: _Score = field(default_factory=_no_codes)
    money_score: _Score = field(default_factory=_no_codes)
    group: Annotated[Kinds, ArraySpec("U", low=-1, high="G")] = field(default_factory=_no_codes)
    short_group: Annotated[Kinds, ArraySpec("U", low=-1, high=4)] = field(default_factory=_no_codes)
    abc: Annotated[Bytes, ArraySpec("U", low=0, high=NO_CLASS + 1)] = field(default_factory=_no_bytes)
    stage: _Stage = field(default_factory=_no_codes)
    previous_stage: _Stage = field(default_factory=_no_codes)
    since_day: _Moment = field(default_factory=_no_longs)
    month_stage: _Stage = field(default_factory=_no_codes)
    price_rank: Annotated[Floats, ArraySpec("I", low=0, high=1, nan=True)] = field(default_factory=_no_floats)
    item_cost: Annotated[Doubles, ArraySpec("I", low=0, nan=True, may_be_empty=True)] = field(
        default_factory=_no_doubles
    )
    group_offsets: Annotated[Longs, offsets("G", "B")] = field(default_factory=_no_longs)
    group_blob: Annotated[Bytes, ArraySpec("B", rows="group_offsets", text=True)] = field(default_factory=_no_bytes)
    group_by_cell: Annotated[Kinds, ArraySpec("6 6 6", low=-1, high="G")] = field(default_factory=_no_codes)
    rule: StageRule = field(default_factory=StageRule)

    def __len__(self) -> int:
        return len(self.is_counted)

    def arrays(self) -> Mapping[str, AnyArray]:
        """The whole state; nothing without customers."""
        return StoredFields.arrays(self) if len(self) else {}

    @property
    def grouping(self) -> Grouping:
        """The RFM groups of this release."""
        return Grouping(tuple(Texts(self.group_blob, self.group_offsets).all()), self.group_by_cell)

    def row(self, user: int) -> dict[str, Any] | None:
        """All that the table holds of a customer, by the names of the fields; None without a table."""
        if not len(self):
            return None
        specs = self.specs()
        columns = {name: array for name, array in self.arrays().items() if specs[name].shape == "U"}
        values = {name: array[user].item() for name, array in columns.items()}
        return {name: None if value != value else value for name, value in values.items()}

    def has_bought(self) -> Bools:
        """Which customers have an order that was kept in part.  (U,)"""
        return self.n_orders > 0

    def recency_days(self) -> Doubles:
        """Whole days since the day of the last order; NaN without one.  (U,)"""
        days = self.as_of_ms // DAY_MS - self.last_at_ms // DAY_MS
        return np.where(self.has_bought(), days, np.nan)


@dataclass(frozen=True, slots=True)
class CustomerPlan:
    """rule: limits of stages.  groups: by RFM scores, the first that fits counts.  time_zone: of hours and weekdays."""

    rule: StageRule = field(default_factory=StageRule)
    groups: tuple[RfmGroup, ...] = RFM_GROUPS
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class CustomerLog:
    """The log of U customers before a moment.  first_seen_ms (U,).

    cost_by_item: what `paid` took as costs.  recommendations: see `FactStore.recommendation_facts`.
    """

    as_of_ms: int
    paid: PaidLines
    orders: Orders
    first_seen_ms: Longs
    cost_by_item: Mapping[str, float]
    recommendations: Sequence[Fact] = ()


def read_customer_log(
    events: "pl.DataFrame",
    users: IdMap,
    cost_by_item: Mapping[str, float],
    as_of_ms: int,
    recommendations: Sequence[Fact] = (),
) -> CustomerLog:
    """What the numbered customers did before that moment.  events: in order of `seq`."""
    import polars as pl

    past = events.filter(pl.col("at_ms") < as_of_ms)
    paid = paid_lines(past, users, cost_by_item)
    first = past.group_by("user_id").agg(pl.col("at_ms").min())
    first_seen = np.full(len(users), NEVER)
    user = users.positions(first["user_id"].to_list())
    first_seen[user[user != MISSING]] = first["at_ms"].to_numpy()[user != MISSING]
    return CustomerLog(as_of_ms, paid, build_orders(paid, len(users)), first_seen, cost_by_item, recommendations)


def build_customer_table(log: CustomerLog, users: IdMap, catalogue: Catalogue, plan: CustomerPlan) -> CustomerTable:
    """The table of all customers.  catalogue: that of the release, without later items."""
    rhythm = rhythm_at(log.orders, log.as_of_ms)
    stages, earlier = (
        stages_at(log.orders, at_ms, plan.rule, advocates(log.recommendations, users, at_ms))
        for at_ms in (log.as_of_ms, log.as_of_ms - MONTH_DAYS * DAY_MS)
    )
    ranks = price_ranks(catalogue.price, catalogue.category.codes)
    category, rank = item_columns(log.paid, catalogue, ranks)
    breadth = breadth_of(log.paid, category, rank, len(users))
    is_counted = np.array([not user_id.startswith(PREFIX) for user_id in users.texts.all()], bool)
    names = tuple(dict.fromkeys(group.name for group in plan.groups))
    texts = Texts.from_strings(names)
    return CustomerTable(
        as_of_ms=log.as_of_ms,
        is_counted=is_counted,
        first_seen_ms=log.first_seen_ms,
        **rhythm_columns(rhythm),
        n_items=breadth.n_items,
        n_categories=breadth.n_categories,
        price_level=breadth.price_level,
        top_category=breadth.top_category,
        **_score_columns(rhythm, is_counted, build_grouping(plan.groups)),
        stage=stages.stage,
        previous_stage=stages.previous,
        since_day=stages.since_day,
        month_stage=earlier.stage,
        price_rank=ranks,
        item_cost=_costs(log.cost_by_item, catalogue),
        group_offsets=texts.offsets,
        group_blob=texts.blob,
        group_by_cell=build_grouping(plan.groups).group_by_cell,
        rule=plan.rule,
    )


def _costs(cost_by_item: Mapping[str, float], catalogue: Catalogue) -> Doubles:
    """The cost of each item, NaN where unknown; nothing where none is known.  (I,) or (0,)"""
    if not cost_by_item:
        return np.empty(0)
    ids = (catalogue.item_id(item) for item in range(catalogue.n_items))
    return np.array([cost_by_item.get(item_id, np.nan) for item_id in ids], np.float64)


def item_columns(paid: PaidLines, catalogue: Catalogue, ranks: Floats) -> tuple[Ints, Floats]:
    """Category code and price rank of the items of those lines, 0 and NaN where unknown.  (J,), (J,)

    ranks (I,): of the items of the release; later items of the catalogue have none.
    """
    position = np.fromiter(map(catalogue.position, paid.item_ids), np.int64, len(paid.item_ids))
    known, ranked = position != MISSING, (position != MISSING) & (position < len(ranks))
    category, rank = np.zeros(len(position), np.int32), np.full(len(position), np.nan, np.float32)
    category[known] = catalogue.category.codes[position[known]]
    rank[ranked] = ranks[position[ranked]]
    return category, rank


def rhythm_columns(rhythm: Rhythm) -> dict[str, Any]:
    """The columns of the table that hold the rhythm."""
    names = ("n_orders", "n_days", "money", "discount", "margin", "first_at_ms", "last_at_ms", "gap_days")
    return {name: getattr(rhythm, name) for name in names}


def _score_columns(rhythm: Rhythm, is_counted: Bools, grouping: Grouping) -> dict[str, Any]:
    scores, kept = rfm_scores(rhythm, is_counted), rhythm.has_bought & is_counted
    abc = np.full(len(kept), NO_CLASS, np.uint8)
    abc[kept] = abc_classes(rhythm.money[kept])
    return {
        "recency_score": scores.recency,
        "frequency_score": scores.frequency,
        "money_score": scores.money,
        "group": grouping.of_scores(scores),
        "short_group": short_groups(scores),
        "abc": abc,
    }

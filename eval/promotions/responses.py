"""Response model of coupons: learnt on one campaign, judged on a later one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from recsys.arrays import Bools, Doubles
from recsys.data.events import PURCHASE
from recsys.data.facts import Fact, FactKind
from recsys.errors import BadInput, NotEnoughData
from recsys.learning.customers.logistic import fit_logistic, has_enough
from recsys.learning.customers.paired_auc import auc
from recsys.time_units import DAY_MS

WINDOWS: Final = (28, 91, 3_650)  # days before the campaign; the last is ever
NEVER_DAYS: Final = 400.0  # since the last redemption, of who never redeemed
TOP: Final = 0.1


def _named(name: str, days: int) -> str:
    return f"{name} ever" if days == WINDOWS[-1] else f"{name} of {days} days"


FEATURES: Final = (
    *(_named(name, days) for days in WINDOWS for name in ("money", "orders", "items", "discount")),
    *(_named(name, days) for days in WINDOWS for name in ("coupons", "coupon money")),
    "days since the last order",
    "days since the last coupon",
    "earlier campaigns",
)


@dataclass(frozen=True, slots=True)
class CampaignAnswers:
    """Customers N who got the campaign: features (N, F) before it, and who redeemed (N,)."""

    customers: Sequence[str]
    features: Doubles
    responded: Bools


@dataclass(frozen=True, slots=True)
class ResponseReport:
    """How well the model of one campaign finds those who respond to another.

    lift: share of responders among the TOP of the chances, over that of all.  drivers: features by what a standard
    deviation more adds to the log-odds, the strongest first.
    """

    learnt_on: str
    judged_on: str
    customers: int
    responders: int
    auc: float
    lift: float
    top_share: float
    drivers: tuple[tuple[str, float], ...]


def judge_responses(
    events: pl.DataFrame, facts: Sequence[Fact], learn: str, judge: str, codes: Mapping[str, Collection[str]]
) -> ResponseReport:
    """Learns on one campaign, judges on another.  codes: of the coupons of each campaign, beside its own name.

    Raises BadInput for a campaign that wrote to nobody, NotEnoughData.
    """
    past, later = (campaign_answers(events, facts, name, codes.get(name, ())) for name in (learn, judge))
    for name, answers in ((learn, past), (judge, later)):
        if not has_enough(answers.responded):
            n = int(answers.responded.sum())
            raise NotEnoughData(
                f"{name}: {len(answers.customers):,} customers and {n:,} responders; 200 and 30 are needed"
            )
    model = fit_logistic(past.features, past.responded)
    chance = model.probability(later.features)
    order = np.argsort(-chance, kind="stable")[: int(len(chance) * TOP)]
    share = float(later.responded.mean())
    top = float(later.responded[order].mean())
    drivers = sorted(zip(FEATURES, model.coefficient.tolist(), strict=True), key=lambda row: -abs(row[1]))
    return ResponseReport(
        learn,
        judge,
        len(chance),
        int(later.responded.sum()),
        round(auc(later.responded, chance), 4),
        round(top / share, 2),
        round(top, 4),
        tuple((name, round(weight, 3)) for name, weight in drivers[:5]),
    )


def campaign_answers(
    events: pl.DataFrame, facts: Sequence[Fact], campaign: str, codes: Collection[str]
) -> CampaignAnswers:
    """Who got the campaign (message facts), what they did before its first message, and who redeemed after it."""
    sent = [fact for fact in facts if fact.kind == FactKind.MESSAGE and fact.ref == campaign]
    if not sent:
        raise BadInput(f"no message fact has the ref {campaign!r:.60}; import them with `recsys import facts`")
    start_ms = min(fact.at_ms for fact in sent)
    customers = sorted({fact.user_id for fact in sent})
    own = {campaign, *codes}
    redeemed = {fact.user_id for fact in facts if is_redeemed(fact) and fact.ref in own and fact.at_ms >= start_ms}
    features = np.column_stack(
        [
            _orders(events, customers, start_ms),
            *_coupons(facts, customers, start_ms),
            _contacts(facts, customers, start_ms),
        ]
    )
    named = dict(zip(_column_names(), features.T, strict=True))
    matrix = np.column_stack([named[name] for name in FEATURES])
    return CampaignAnswers(
        customers, np.log1p(np.maximum(matrix, 0.0)), np.array([each in redeemed for each in customers])
    )


def is_redeemed(fact: Fact) -> bool:
    """Whether the fact is a coupon that was redeemed."""
    return fact.kind == FactKind.COUPON and fact.text == "redeemed"


def _column_names() -> list[str]:
    orders = [_named(name, days) for days in WINDOWS for name in ("money", "orders", "items", "discount")]
    coupons = [_named(name, days) for days in WINDOWS for name in ("coupons", "coupon money")]
    return [*orders, "days since the last order", *coupons, "days since the last coupon", "earlier campaigns"]


def _orders(events: pl.DataFrame, customers: Sequence[str], start_ms: int) -> Doubles:
    """Money, orders, items and discount of each window, and days since the last order.  (N, 3 x 4 + 1)"""
    before = events.filter((pl.col("kind") == PURCHASE) & (pl.col("at_ms") < start_ms)).with_columns(
        age=(start_ms - pl.col("at_ms")) / DAY_MS, user_id=pl.col("user_id").cast(pl.String)
    )
    order = pl.coalesce(pl.col("order_id").cast(pl.String), (pl.col("at_ms") // DAY_MS).cast(pl.String))
    money, discount = pl.col("price") * pl.col("quantity"), pl.col("discount")
    frame = pl.DataFrame({"user_id": list(customers)})
    for days in WINDOWS:
        sums = (
            before.filter(pl.col("age") <= days)
            .group_by("user_id")
            .agg(
                money.sum().alias(f"m{days}"),
                order.n_unique().alias(f"o{days}"),
                pl.col("item_id").n_unique().alias(f"i{days}"),
                discount.sum().alias(f"d{days}"),
            )
        )
        frame = frame.join(sums, on="user_id", how="left", maintain_order="left")
    last = before.group_by("user_id").agg(pl.col("age").min().alias("last"))
    frame = frame.join(last, on="user_id", how="left", maintain_order="left").with_columns(
        pl.col("last").fill_null(NEVER_DAYS)
    )
    values: Doubles = frame.drop("user_id").fill_null(0).cast(pl.Float64).to_numpy()
    return values


def _coupons(facts: Sequence[Fact], customers: Sequence[str], start_ms: int) -> tuple[Doubles, Doubles]:
    """Coupons redeemed and their money of each window (N, 3 x 2), and days since the last one (N, 1)."""
    place = {user_id: at for at, user_id in enumerate(customers)}
    sums, last = np.zeros((len(customers), 2 * len(WINDOWS))), np.full((len(customers), 1), NEVER_DAYS)
    for fact in facts:
        if not is_redeemed(fact) or fact.at_ms >= start_ms or fact.user_id not in place:
            continue
        row, age = place[fact.user_id], (start_ms - fact.at_ms) / DAY_MS
        last[row] = min(last[row, 0], age)
        for at, days in enumerate(WINDOWS):
            if age <= days:
                sums[row, 2 * at : 2 * at + 2] += 1, fact.value or 0.0
    return sums, last


def _contacts(facts: Sequence[Fact], customers: Sequence[str], start_ms: int) -> Doubles:
    """Earlier campaigns of each customer.  (N,)"""
    earlier: dict[str, set[str | None]] = {}
    for fact in facts:
        if fact.kind == FactKind.MESSAGE and fact.at_ms < start_ms:
            earlier.setdefault(fact.user_id, set()).add(fact.ref)
    return np.array([float(len(earlier.get(user_id, ()))) for user_id in customers])

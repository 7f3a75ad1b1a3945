"""Customer card: who a customer is now, from the table of the release and the events until now, by the same functions.

Rhythm, breadth and stage come from the customer's own log.  Scores and classes compare with the other customers as the
table knows them; whoever moved since moves alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from recsys.arrays import AnyArray, Bools, Ints
from recsys.customers.advocacy import advocated_ms
from recsys.customers.breadth import Breadth, breadth_of, category_money
from recsys.customers.groups import SHORT_GROUPS, short_groups
from recsys.customers.orders import Orders, PaidLines, build_orders, customer_lines
from recsys.customers.population import MIN_GROUP
from recsys.customers.rhythm import MIN_GAPS, Rhythm, rhythm_at
from recsys.customers.scores import ABC_LETTERS, QUINTILES, UNKNOWN, RfmScores, abc_class
from recsys.customers.stages import NEVER, Stage, StageRule, Stages, stages_at
from recsys.customers.table import CustomerTable, item_columns
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.events import PURCHASE, Activity
from recsys.data.facts import Fact
from recsys.data.ids import MISSING
from recsys.time_units import DAY_MS, date

MOST_CATEGORIES = 5


@dataclass(frozen=True, slots=True)
class CustomerNow:
    """A customer at `as_of_ms`.  paid, orders, rhythm, breadth, stages: of this customer alone.

    category (J,): code of each of `paid.item_ids`.  has_discounts: whether any line says what was taken off.
    advocated_ms: since when they recommend the shop.  scores: among the customers of the table.
    abc: of ABC_LETTERS, None without an order.  first_seen_ms: first event.
    """

    as_of_ms: int
    first_seen_ms: int
    paid: PaidLines
    category: Ints
    has_discounts: bool
    orders: Orders
    rhythm: Rhythm
    breadth: Breadth
    stages: Stages
    advocated_ms: int
    scores: RfmScores
    abc: int | None


def customer_now(
    table: CustomerTable,
    user: int,
    activity: Activity,
    catalogue: Catalogue,
    as_of_ms: int,
    recommendations: Sequence[Fact] = (),
) -> CustomerNow:
    """The customer at that moment.  user: their row, MISSING without one.  activity: all of theirs.

    recommendations: see `FactStore.recommendation_facts`.
    """
    past = activity.where([at_ms < as_of_ms for at_ms in activity.at_ms])
    paid = customer_lines(past, known_costs(past.item_id, table, catalogue))
    orders = build_orders(paid, 1)
    rhythm = rhythm_at(orders, as_of_ms)
    category, rank = item_columns(paid, catalogue, table.price_rank)
    scores, abc = _places(table, user if len(table) else MISSING, rhythm)
    signed_ms = advocated_ms(recommendations, as_of_ms)
    return CustomerNow(
        as_of_ms=as_of_ms,
        first_seen_ms=min(past.at_ms, default=NEVER),
        paid=paid,
        category=category,
        has_discounts=any(discount is not None for discount in past.discount),
        orders=orders,
        rhythm=rhythm,
        breadth=breadth_of(paid, category, rank, 1),
        stages=stages_at(orders, as_of_ms, table.rule, np.array([signed_ms])),
        advocated_ms=signed_ms,
        scores=scores,
        abc=abc,
    )


def known_costs(item_ids: Iterable[str], table: CustomerTable, catalogue: Catalogue) -> dict[str, float]:
    """The costs that the release knows of those items."""
    if not len(table.item_cost):
        return {}
    places = {item_id: catalogue.position(item_id) for item_id in set(item_ids)}
    known = {item_id: at for item_id, at in places.items() if at != MISSING and at < len(table.item_cost)}
    return {item_id: float(table.item_cost[at]) for item_id, at in known.items()}


def _places(table: CustomerTable, user: int, rhythm: Rhythm) -> tuple[RfmScores, int | None]:
    """Scores and class of a customer whose row of the table is replaced by this rhythm."""
    is_compared = table.has_bought() & table.is_counted
    is_guest = user != MISSING and not table.is_counted[user]
    own = user if user != MISSING and is_compared[user] else MISSING
    n = int(is_compared.sum()) + (own == MISSING)
    if not rhythm.has_bought[0] or is_guest or n < MIN_GROUP:
        unknown = np.array([UNKNOWN], np.int8)
        return RfmScores(unknown, unknown, unknown), None
    days = (table.last_at_ms // DAY_MS, rhythm.last_at_ms // DAY_MS)
    pairs = (days, (table.n_days, rhythm.n_days), (table.money, rhythm.money))
    scores = [1 + QUINTILES * _n_smaller(column, value[0], is_compared, own) // n for column, value in pairs]
    money = float(rhythm.money[0])
    ahead = is_compared & ((table.money > money) | ((table.money == money) & (np.arange(len(table)) < own)))
    if own != MISSING:
        ahead[own] = False
    total = float(table.money[is_compared].sum()) - (float(table.money[own]) if own != MISSING else 0.0) + money
    before = np.array([table.money[ahead].sum()])
    return RfmScores(*(np.array([score], np.int8) for score in scores)), int(abc_class(before, total)[0])


def _n_smaller(column: AnyArray, value: Any, is_compared: Bools, own: int) -> int:
    """How many of the compared customers, without the customer, have a smaller value."""
    n = int(((column < value) & is_compared).sum())
    return n - int(own != MISSING and bool(column[own] < value))


def card_figures(now: CustomerNow, table: CustomerTable, catalogue: Catalogue) -> dict[str, Any]:
    """The card as JSON types; None for what cannot be known, with the reason in `unknown`, by its path."""
    card: dict[str, Any] = {
        "as_of": now.as_of_ms,
        "since": {"first_seen": _moment(now.first_seen_ms), "first_order": _moment(int(now.rhythm.first_at_ms[0]))},
        **_rfm(now, table),
        "stage": _stage(now, table.rule),
        "rhythm": _rhythm(now, table.rule),
        "taste": _taste(now, catalogue),
    }
    return card | {"unknown": _reasons(card, now, table)}


def _moment(at_ms: int) -> int | None:
    return None if at_ms == NEVER else at_ms


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _rfm(now: CustomerNow, table: CustomerTable) -> dict[str, Any]:
    rhythm, scores = now.rhythm, now.scores
    r, f, m = (int(score[0]) or None for score in (scores.recency, scores.frequency, scores.money))
    n_orders, money = int(rhythm.n_orders[0]), float(rhythm.money[0])
    group = int(table.grouping.of_scores(scores)[0]) if len(table) else NEVER
    return {
        "recency": {
            "days": _number(rhythm.recency_days[0]),
            "last_order": _moment(int(rhythm.last_at_ms[0])),
            "score": r,
        },
        "frequency": {"orders": n_orders, "purchase_days": int(rhythm.n_days[0]), "score": f},
        "money": {
            "total": round(money, 2),
            "per_order": round(money / n_orders, 2) if n_orders else None,
            "discount": round(float(rhythm.discount[0]), 2) if now.has_discounts else None,
            "margin": round(float(rhythm.margin[0]), 2) if n_orders and not np.isnan(rhythm.margin[0]) else None,
            "score": m,
        },
        "rfm": {
            "cell": f"{r}{f}{m}" if r else None,
            "group": table.grouping.names[group] if group >= 0 else None,
            "short_group": SHORT_GROUPS[short_groups(scores)[0]] if r else None,
            "as_of": table.as_of_ms or None,
        },
        "abc": {"class": None if now.abc is None else ABC_LETTERS[now.abc], "as_of": table.as_of_ms or None},
    }


def _stage(now: CustomerNow, rule: StageRule) -> dict[str, Any]:
    stage, before = Stage(int(now.stages.stage[0])), int(now.stages.previous[0])
    since = int(now.stages.since_day[0])
    return {
        "name": stage.name.lower(),
        "since": date(since) if since != NEVER else None,
        "before": Stage(before).name.lower() if before != NEVER else None,
        "reason": stage_reason(now, rule),
    }


def stage_reason(now: CustomerNow, rule: StageRule) -> str:
    """Why the customer is in their stage, in words with the numbers that decide it."""
    stage, rhythm = Stage(int(now.stages.stage[0])), now.rhythm
    if stage is Stage.POTENTIAL:
        return "no purchase yet"
    if stage is Stage.NEW:
        return f"first purchase on {_date(rhythm.first_at_ms[0])}; new for {rule.new_days} days"
    if stage in (Stage.AT_RISK, Stage.DORMANT, Stage.LOST):
        limit = int(rule.lapse_limits(rhythm.gap_days)[0, stage - Stage.AT_RISK])
        gap = _number(rhythm.gap_days[0])
        usual = f"; their usual gap is {gap:g} days" if gap is not None else ""
        return f"no purchase for {_days(rhythm.recency_days[0])}, more than {limit}{usual}"
    if stage is Stage.BACK:
        return (
            f"bought again after {_days(_silence_before(now.orders, int(now.stages.since_day[0])))} without a purchase"
        )
    bought = f"{int(rhythm.n_days[0])} purchase days since {_date(rhythm.first_at_ms[0])}"
    if stage is Stage.GROWING:
        return f"{bought}; loyal is {rule.loyal_purchases} in {rule.loyal_days} days without falling dormant"
    last = f"{bought}, the last {_days(rhythm.recency_days[0])} ago"
    return f"{last}; recommends the shop since {_date(now.advocated_ms)}" if stage is Stage.ADVOCATE else last


def _days(n: Any) -> str:
    return "1 day" if n == 1 else f"{int(n)} days"


def _date(at_ms: Any) -> str:
    return date(float(at_ms) / DAY_MS)


def _silence_before(orders: Orders, day: int) -> int:
    days = sorted({*(orders.at_ms // DAY_MS).tolist()})
    return next((later - earlier for earlier, later in pairwise(days) if later == day), 0)


def _rhythm(now: CustomerNow, rule: StageRule) -> dict[str, Any]:
    gap, last = _number(now.rhythm.gap_days[0]), int(now.rhythm.last_at_ms[0])
    limit = int(rule.lapse_limits(now.rhythm.gap_days)[0, 0])
    return {
        "gap_days": gap,
        "usual_next_order": date(last // DAY_MS + gap) if gap is not None else None,
        "at_risk_from": date(last // DAY_MS + limit + 1) if last != NEVER else None,
    }


def _taste(now: CustomerNow, catalogue: Catalogue) -> dict[str, Any]:
    breadth = now.breadth
    _, code, money = category_money(now.paid, now.category)
    order = np.lexsort((code, -money))[:MOST_CATEGORIES]
    total = float(now.paid.amounts.money[now.paid.lines.kind == PURCHASE].sum())
    return {
        "items": int(breadth.n_items[0]),
        "categories": int(breadth.n_categories[0]),
        "top_categories": [
            {
                "category": catalogue.category.words[code[row]],
                "money": round(float(money[row]), 2),
                "share": round(float(money[row]) / total, 4) if total else None,
            }
            for row in order.tolist()
        ],
        "price_level": _number(breadth.price_level[0]),
        "discount_share": _number(now.rhythm.discount_share[0]) if now.has_discounts else None,
    }


def _reasons(card: Mapping[str, Any], now: CustomerNow, table: CustomerTable) -> dict[str, str]:
    """Why each figure that is None cannot be known, by its path."""
    no_order = "no order yet" if not now.rhythm.has_bought[0] else ""
    few = f"fewer than {MIN_GAPS + 1} purchase days"
    place = "no release with a customer table yet" if not len(table) else f"fewer than {MIN_GROUP} customers"
    reasons = {
        "since.first_seen": "no event yet",
        "stage.before": "the first stage",
        "rhythm.gap_days": few,
        "rhythm.usual_next_order": few,
        "taste.price_level": "no item with a price rank in its category",
        "money.discount": "no line of the log says what was taken off",
        "taste.discount_share": "no line of the log says what was taken off",
        "money.margin": "the cost of an item that they bought is not known",
        "rfm.as_of": place,
        "abc.as_of": place,
    }
    places = {
        "recency.score",
        "frequency.score",
        "money.score",
        "rfm.cell",
        "rfm.group",
        "rfm.short_group",
        "abc.class",
    }
    empty = [
        f"{part}.{name}"
        for part, figures in card.items()
        if isinstance(figures, Mapping)
        for name, value in figures.items()
        if value is None
    ]
    return {path: no_order or (place if path in places else reasons.get(path, "not known")) for path in empty}


def last_moment(as_of_ms: int, now_ms: int, last_event_ms: Sequence[int | None]) -> int:
    """The moment that a card stands for: until when the log is known, not before the table and not after now.

    A log that ended years ago says nothing of the time since.  last_event_ms: of the log, and of the customer.
    """
    ends = [at_ms + 1 for at_ms in last_event_ms if at_ms is not None and at_ms <= now_ms]
    return max([as_of_ms, *ends])

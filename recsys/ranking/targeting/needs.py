"""Needs: what customers will likely buy again within so many days, on sale now, neither turned down nor blocked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from recsys.arrays import Bools, Doubles, Ints, Longs
from recsys.customers.card import last_moment
from recsys.customers.prediction.needs import NEED_HORIZONS, NeedsModel, need_pairs, turned_down
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.histories import Histories
from recsys.data.events import Event
from recsys.engine.engine import Engine
from recsys.models.buy_again import BuyAgainModel
from recsys.ranking.context.context import MOST_DAYS_ON, with_recent_events
from recsys.ranking.rules.apply import AppliedRules
from recsys.ranking.rules.model import Rule
from recsys.time_units import DAY_MS, date

NEEDS_PLACEMENT = "buy-again"  # the rules of this placement hold for needs
MOST_DAYS = NEED_HORIZONS[-1]


@dataclass(frozen=True, slots=True)
class NeedModels:
    """What a release learnt of needs."""

    chances: NeedsModel
    buy_again: BuyAgainModel


def need_models(engine: Engine) -> NeedModels | None:
    """None for a release that learnt no needs."""
    buy_again = engine.models.get(BuyAgainModel.name)
    if engine.needs is None or not isinstance(buy_again, BuyAgainModel):
        return None
    return NeedModels(engine.needs, buy_again)


@dataclass(frozen=True, slots=True)
class NeedOffer:
    """What may be offered.  on_sale (I,): neither sold out nor blocked.  buried (I,): comes last.

    days: horizon of the chances.  at_least: lower chances are left out.
    """

    on_sale: Bools
    buried: Bools
    days: float
    at_least: float = 0.0


@dataclass(frozen=True, slots=True)
class Needs:
    """P needs of Q customers, by customer, then what rules bury last, then the highest chance; (P,) each.

    now: the moment, in days.  customer: row of the histories.  last_at: of the last purchase, in days.  due: the day of
    the next one by the own mean gap, moved into the horizon.
    """

    now: float
    customer: Longs
    item: Ints
    chance: Doubles
    gap_days: Doubles
    last_at: Doubles
    due: Longs

    def take(self, rows: slice | Sequence[int]) -> "Needs":
        names = ("customer", "item", "chance", "gap_days", "last_at", "due")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def by_customer(self) -> Iterator[tuple[int, "Needs"]]:
        """The needs of each customer who has some, with their row."""
        starts = np.flatnonzero(np.diff(self.customer, prepend=-1)).tolist()
        for start, end in pairwise([*starts, len(self.customer)]):
            yield int(self.customer[start]), self.take(slice(start, end))


def find_needs(models: NeedModels, histories: Histories, offer: NeedOffer) -> Needs:
    """The needs of these customers at `histories.now`."""
    pairs = need_pairs(models.buy_again, histories)
    chance = models.chances.chance(pairs, offer.days)
    kept = (chance >= offer.at_least) & offer.on_sale[pairs.item] & ~turned_down(histories, pairs)
    order = np.lexsort((pairs.item, -chance, offer.buried[pairs.item], pairs.customer))
    order = order[kept[order]]
    last, today = histories.now - pairs.age_days[order], int(np.floor(histories.now))
    due = np.clip(np.floor(last + pairs.gap_days[order]), today, today + max(int(offer.days), 1) - 1)
    columns = pairs.customer[order], pairs.item[order], chance[order], pairs.gap_days[order]
    return Needs(histories.now, *columns, last, due.astype(np.int64))


def as_of_day(engine: Engine, now_ms: int, last_event_ms: int | None) -> float:
    """The moment of needs, in days: until when the log is known, and not too far from the release."""
    until = last_moment(engine.customers.as_of_ms, now_ms, [last_event_ms]) / DAY_MS
    return max(engine.histories.now, min(until, engine.histories.now + MOST_DAYS_ON))


def history_now(
    engine: Engine, catalogue: Catalogue, history: Histories, events: Sequence[Event], as_of: float
) -> Histories:
    """The history of one customer with later events, as of that day."""
    known = with_recent_events(history, events, engine, catalogue)
    return replace(known, now=max(known.now, as_of))


def need_offer(applied: AppliedRules, rules: Iterable[Rule], *, days: float, at_least: float, now_ms: int) -> NeedOffer:
    """What may be offered now under these rules."""
    rules = list(rules)
    on_sale = applied.catalogue.on_sale(now_ms / DAY_MS) & ~_targets(applied, rules, "block")
    return NeedOffer(on_sale, _targets(applied, rules, "bury"), days, at_least)


def _targets(applied: AppliedRules, rules: Iterable[Rule], kind: str) -> Bools:
    mask = np.zeros(applied.catalogue.n_items, bool)
    for rule in rules:
        if rule.kind == kind:
            mask[applied.items(rule)] = True
    return mask


def needs_json(needs: Needs, catalogue: Catalogue) -> list[dict[str, Any]]:
    """The needs as JSON types; dates are UTC."""
    columns = (needs.item, needs.chance, needs.due, needs.last_at, needs.gap_days)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        {
            "item_id": catalogue.item_id(item),
            "name": catalogue.name(item),
            "chance": round(chance, 4),
            "due": date(due),
            "expected": date(last + gap),
            "last_bought": date(last),
            "gap_days": round(gap, 1),
        }
        for item, chance, due, last, gap in rows
    ]

"""A shop of 40 customers in two groups, small enough that every figure is worked out by hand.

Day 0 is Monday, 2017-01-02.  Customers 0 to 29 are regular, 30 to 39 are rare.
"""

from collections.abc import Iterable, Sequence

import polars as pl
import pytest

from recsys.customers.kpis.counted.rows import count_rows
from recsys.customers.kpis.log import KpiLog, build_kpi_log
from recsys.customers.population import Population
from recsys.data.dataset.dataset import read_events
from recsys.data.entities import Item
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.data.facts import Fact, FactKind
from recsys.time_units import DAY_MS

MONDAY = 17_168  # 2017-01-02, in days
ITEMS = [Item("tea", category="drinks"), Item("rare tea", category="drinks"), Item("soap", category="care")]


def at(day: float) -> int:
    """The moment so many days after the first Monday, in Unix ms."""
    return round((MONDAY + day) * DAY_MS)


def event(user: int, day: float, item: str = "tea", kind: Kind = Kind.PURCHASE, **more: object) -> Event:
    price = {"tea": 10.0, "rare tea": 12.0, "soap": 5.0}[item] if kind == Kind.PURCHASE else None
    return Event(f"{user} {day} {item} {kind}", f"u{user:03}", item, kind, at(day), 1.0, price)._replace(**more)  # type: ignore[arg-type]


def log_of(events: Sequence[Event], facts: Iterable[Fact] = ()) -> KpiLog:
    frame = read_events([pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")], ("channel",))
    return build_kpi_log(count_rows(Population(frame, ITEMS, len(events))), facts)


def shop_events() -> list[Event]:
    """Week 0: all 40 buy tea (10).  Week 14, day 98: customers 0 to 29 buy tea; 0 to 9 of them soap (5) on day 100.

    Week 15, day 105: customers 0 to 23 buy tea, 0 to 11 of them rare tea (12) instead.  Day 112 ends it: u039 looks.
    """
    first = [event(user, 0) for user in range(40)]
    then = [event(user, 98) for user in range(30)] + [event(user, 100, "soap") for user in range(10)]
    last = [event(user, 105, "rare tea" if user < 12 else "tea") for user in range(24)]
    web = [event(user, 105, kind=Kind.VIEW, channel="web") for user in range(40)]
    app = [event(user, 106, kind=Kind.CART, channel="app" if user < 5 else "web") for user in range(25)]
    return [*first, *then, *last, *web, *app, event(39, 112, kind=Kind.VIEW, channel="web")]


def answer(number: int, ref: str, day: float, score: float, user: int | None = None) -> Fact:
    owner = f"u{number if user is None else user:03}"
    return Fact(f"{ref} {number} {day}", owner, FactKind.SURVEY, at(day), score, None, ref)


def shop_answers() -> list[Fact]:
    """Week 15, 20 answers of NPS: 10 promoters, 5 detractors; u000 had said 0 before.  CSAT: 15 of 20 satisfied."""
    scores = [10.0] * 10 + [8.0] * 5 + [3.0] * 5
    return [
        answer(99, "nps", 105, 0.0, user=0),
        *(answer(user, "nps", 106, score) for user, score in enumerate(scores)),
        *(answer(user, "csat", 107, 4.0 if user < 15 else 3.0) for user in range(20)),
    ]


@pytest.fixture(scope="session")
def kpi_log() -> KpiLog:
    return log_of(shop_events(), shop_answers())

"""A shop whose best customers stop coming, and some of whose ids and names are markup, run backwards or never end."""

from dataclasses import replace

from recsys.data.entities import Item, User
from recsys.data.events import Event
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.testing import NOW, small_events, small_items
from recsys.time_units import DAY_MS

MARKUP = '"><img/src=x/onerror=alert(1)><script>alert(1)</script>{{ 7*7 }}'
BACKWARDS = "\u202egnol yrev \u2067ثوب طويل"
ENDLESS = "Long" * 50
HOSTILE = (MARKUP, BACKWARDS, ENDLESS)

N_CUSTOMERS, DAYS = 240, 150
GONE_DAYS = 40  # since when every fourth customer stays away
GONE = "user-001"
MAILING, SENT_DAYS_AGO = "18", 70
RENAMED = dict(zip(("user-002", "user-004", "user-006"), HOSTILE, strict=True))


def fill(store: Store) -> None:
    """Customers, products, orders and a mailing that nobody planned here."""
    store.append(events())
    store.put_items(items())
    store.put_users([User(MARKUP, {"city": MARKUP, "street": BACKWARDS, "note": ENDLESS})])
    store.add_facts(facts())


def events() -> list[Event]:
    gone_ms = int((NOW - GONE_DAYS) * DAY_MS)
    return [
        event._replace(user_id=RENAMED.get(event.user_id, event.user_id))
        for event in small_events(n_users=N_CUSTOMERS, days=DAYS)
        if event.at_ms < gone_ms or int(event.user_id[-3:]) % 4 != 1
    ]


def items() -> list[Item]:
    ordinary = small_items()
    hostile = [replace(item, name=text, brand=text, category=text) for item, text in zip(ordinary, HOSTILE)]  # noqa: B905
    return [*hostile, *ordinary[len(hostile) :]]


def facts() -> list[Fact]:
    at_ms = int((NOW - SENT_DAYS_AGO) * DAY_MS)
    written_to = [f"user-{n:03}" for n in range(1, N_CUSTOMERS, 3)]
    return [
        Fact(f"mail-{user_id}", RENAMED.get(user_id, user_id), FactKind.MESSAGE, at_ms, None, "sent", MAILING, "post")
        for user_id in written_to
    ]

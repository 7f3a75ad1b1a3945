"""Events of items without a number are kept customer by customer, in order of time."""

import polars as pl

from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING, IdMap
from recsys.engine.unnumbered_events import UnnumberedEvents, collect_unnumbered_events

USERS = IdMap.from_ids(["ann", "bob", "zoë"])
EVENTS = pl.DataFrame(
    {
        "user_id": ["zoë", "ann", "zoë"],
        "item_id": ["tea", "tea", "crème"],
        "kind": [int(Kind.VIEW), int(Kind.PURCHASE), int(Kind.PURCHASE)],
        "at_ms": [1_000, 2_000, 3_000],
        "quantity": [1.0, 2.5, 1.0],
    },
    schema_overrides={"kind": pl.Int8},
)


def test_each_customer_gets_the_own_events_oldest_first() -> None:
    stored = collect_unnumbered_events(EVENTS, USERS).arrays()
    events = UnnumberedEvents.from_arrays(stored)
    by_user = {user_id: events.of_user(USERS.position(user_id)) for user_id in ("ann", "bob", "zoë", "stranger")}
    assert by_user == {
        "ann": (Event("", "", "tea", Kind.PURCHASE, 2_000, 2.5),),
        "bob": (),
        "zoë": (Event("", "", "tea", Kind.VIEW, 1_000), Event("", "", "crème", Kind.PURCHASE, 3_000)),
        "stranger": (),
    }


def test_a_training_leaves_none() -> None:
    none = collect_unnumbered_events(EVENTS.clear(), USERS)
    assert not any(array.size for array in none.arrays().values())
    assert (none.of_user(0), none.of_user(MISSING)) == ((), ())

"""Plain events: what needs no schema is what the schema would make of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.schemas.events import EventIn, plain_fields

ids = st.sampled_from(["user-1", "1", "a b", " a", "ä", "", "\x7f", "x" * 512, "x" * 513, 7, None, True])
numbers = st.sampled_from([0.0, 1.5, 1e9, 1.1e9, -1.0, float("nan"), float("inf"), 3, True, "1", None])
entries = st.fixed_dictionaries(
    {"user_id": ids, "item_id": ids},
    optional={
        "kind": st.sampled_from(["view", "purchase", "rating", "dance", 5, None]),
        "event_id": ids,
        "order_id": ids,
        "price": numbers,
        "quantity": numbers,
        "at": st.sampled_from([1_700_000_000_000, 1_700_000_000, 0, 10**18, True, "2024-05-01", None]),
        "channel": ids,
        "colour": st.just("red"),
    },
)
PLAIN = {"user_id": "u", "item_id": "i", "kind": "purchase", "price": 1.99, "at": 1_700_000_000_000, "order_id": "o"}


@given(entry=entries | st.fixed_dictionaries({name: st.just(value) for name, value in PLAIN.items()}) | st.none())
def test_a_plain_event_is_what_the_schema_makes_of_it(entry: Any) -> None:
    plain = plain_fields(entry)
    if plain is not None:
        assert plain == EventIn.model_validate(entry).__dict__


def test_what_a_shop_sends_is_plain_and_what_the_schema_changes_is_not() -> None:
    assert plain_fields(PLAIN) is not None
    for odd in {"price": 2}, {"user_id": " u"}, {"at": 1_700_000_000}, {"item_id": "ä"}, {"channel": "app"}:
        assert plain_fields({**PLAIN, **odd}) is None
    assert plain_fields({"user_id": "u", "item_id": "i"}) is None
    assert plain_fields([PLAIN]) is None

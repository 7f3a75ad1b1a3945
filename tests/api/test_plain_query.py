"""Plain query bodies: what is kept of one request changes nothing for the next, and the schema has the last word."""

from typing import Any

import orjson
import pytest

from api.errors.refused import Refused
from api.list_query import list_query
from api.plain_query import MAX_BYTES, _shared_arguments, parse_list_query
from api.schemas.recommendations import RecommendationsIn
from api.schemas.validation import parse_body

BODIES: list[dict[str, Any]] = [
    {},
    {"user_id": "u1"},
    {"user_id": "u2", "k": 3, "placement": "discover"},
    {"user_id": " ü ", "k": 3},
    {"user_id": 7, "filters": {"category_in": ["b", "a", "b"]}},
    {"user_id": "u1", "filters": {"category_in": ["b", "a", "b"], "price_to": 3}},
    {"user_id": "u2", "filters": {"category_in": ["b", "a", "b"], "price_to": 3}},
    {"filters": {"where": {"price": {"gte": 2}}, "category_out": []}},
    {"session": ["i1", "i2"], "filters": {"in_stock": True}},
    {"user_id": "u3", "session": ["i1", {"item_id": "i2", "kind": "cart"}]},
    {"user_id": "u3", "session": ["i 1", 5], "exclude": ["i3"]},
    {"user_id": "u3", "fields": ["brand", "price"], "session": []},
    {"user_id": "u3", "attributes": {"age": 3}, "max_per": {"brand": 1}, "seed": 1},
    {"placement": "x" * MAX_BYTES},
]
REFUSED: list[object] = [
    {"k": 0},
    {"k": True},
    {"user_id": ""},
    {"user_id": "a\x00"},
    {"user_id": None, "session": None},
    {"session": ["i"] * 201},
    {"session": ["i", "\x7f"]},
    {"filters": {"price_from": -1}},
    {"filters": None},
    {"filter": {}},
    [],
    None,
]


def plain_and_checked(raw: bytes) -> tuple[object, ...]:
    """User and text by both ways."""
    plain, checked = parse_list_query(raw), list_query(parse_body(RecommendationsIn, raw))
    assert plain is not None
    assert checked is not None
    return (plain.user_id, plain.text), (checked.user_id, checked.text)


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_a_plain_body_is_the_query_that_the_schema_makes_of_it(body: dict[str, Any]) -> None:
    for _ in range(2):  # the second time from what was kept
        plain, checked = plain_and_checked(orjson.dumps(body))
        assert plain == checked


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: str(body)[:40])
def test_a_body_that_the_schema_refuses_is_refused(body: object) -> None:
    raw = orjson.dumps(body)
    for _ in range(2):
        with pytest.raises(Refused) as plain:
            parse_list_query(raw)
        with pytest.raises(Refused) as checked:
            parse_body(RecommendationsIn, raw)
        assert str(plain.value) == str(checked.value)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"k": NaN}', b'{"filters": {"price_to": 1e400}}', b'{"user_id": "\\ud800"}']
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused):
        parse_list_query(raw)


@pytest.mark.parametrize("field", ["rows", "explain", "rotate"])
def test_a_body_for_more_than_one_quick_list_is_left_to_its_route(field: str) -> None:
    assert parse_list_query(orjson.dumps({"user_id": "u1", field: True})) is None


def test_nothing_of_a_customer_is_kept() -> None:
    _shared_arguments.cache_clear()
    for user_id in "first", "second":
        query = parse_list_query(orjson.dumps({"user_id": user_id, "session": [f"{user_id}-item"], "k": 4}))
        assert query is not None
        assert query.user_id == user_id
    assert _shared_arguments.cache_info().currsize == 1
    body, kept = _shared_arguments(b'{"k":4}')
    assert (body.user_id, body.session, kept.user_id) == (None, [], None)

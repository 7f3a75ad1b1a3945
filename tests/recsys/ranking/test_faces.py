"""Faces of items: what the shop says of them now, exact and harmless."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recsys.data.entities import Item
from recsys.engine.recent_buyers import RecentBuyers
from recsys.ranking.faces import FACE_FIELDS, item_face, rows_with_faces, with_faces
from recsys.ranking.query import Query, to_json
from recsys.ranking.recommender import Recommender

ITEM = "item-003"


def changed(recommender: Recommender, *items: Item) -> Recommender:
    return recommender.with_catalogue(recommender.catalogue.with_changes(items))


def face(recommender: Recommender, item_id: str = ITEM) -> dict[str, Any]:
    return item_face(recommender, item_id, FACE_FIELDS)


def test_a_face_holds_what_the_shop_says_now(small_shop: Recommender) -> None:
    attributes = {"image": "https://shop.example/3.jpg", "url": "/p/3?a=1&b=2#top", "colour": "red"}
    item = Item(ITEM, brand="Acme", price=2.19, stock=3, available_until_ms=1_800_000_000_123, attributes=attributes)
    assert face(changed(small_shop, item)) == {
        "price": 2.19,
        "image": "https://shop.example/3.jpg",
        "brand": "Acme",
        "url": "/p/3?a=1&b=2#top",
        "until": 1_800_000_000_123,
        "left": 3,
        "proof": None,
    }


@pytest.mark.parametrize("price", [0.0, 0.01, 2.19, 19.99, 1_234.56, 99_999.99, 25_990_000.0])
def test_a_price_is_told_as_it_was_given(small_shop: Recommender, price: float) -> None:
    assert face(changed(small_shop, Item(ITEM, price=price)))["price"] == price


def test_what_customers_paid_is_no_price_of_the_shop(small_shop: Recommender) -> None:
    bare = changed(small_shop, Item(ITEM))
    assert not np.isnan(bare.catalogue.price[bare.catalogue.position(ITEM)])
    assert set(face(bare).values()) == {None}
    assert set(face(bare, "nobody knows").values()) == {None}


HARMLESS = ("https://b.example", "https://a.example")
HOSTILE = [
    "javascript:alert(1)",
    " https://shop.example/a.png",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "//evil.example/a.png",
    "/\\evil.example",
    'https://x/"onerror="alert(1)',
    "https://x/<script>",
    "https://x/a\nb",
    "ftp://x/a",
    "",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_an_address_that_is_more_than_one_is_left_out(small_shop: Recommender, address: str) -> None:
    recommender = changed(small_shop, Item(ITEM, attributes={"image": address, "url": address}))
    assert (face(recommender)["image"], face(recommender)["url"]) == (None, None)


@pytest.mark.parametrize("value", [7.0, True, [*HARMLESS]])
def test_an_image_that_is_no_text_does_no_harm(small_shop: Recommender, value: Any) -> None:
    assert face(changed(small_shop, Item(ITEM, attributes={"image": value})))["image"] in (None, *HARMLESS)


def test_a_new_item_has_a_face_too(small_shop: Recommender) -> None:
    assert (
        face(changed(small_shop, Item("new", price=4.0, attributes={"image": "/new.png"})), "new")["image"]
        == "/new.png"
    )


def test_proof_is_that_of_the_release(small_shop: Recommender) -> None:
    buyers = RecentBuyers(np.full(small_shop.engine.n_items, 64, np.int32))
    known = replace(small_shop, engine=replace(small_shop.engine, recent_buyers=buyers))
    assert face(known)["proof"] == {"at_least": 50, "days": 28}


def test_a_list_is_the_same_with_faces_and_without(small_shop: Recommender) -> None:
    plain = small_shop.recommend(Query(1, k=3, user_id="user-003"))
    faced = with_faces(small_shop, plain, ("price",))
    assert with_faces(small_shop, plain, ()) is plain
    assert [item._replace(fields=None) for item in faced.items] == [*plain.items]
    assert all(item["fields"].keys() == {"price"} for item in to_json(faced)["items"])
    assert "fields" not in to_json(plain)["items"][0]
    assert rows_with_faces(small_shop, [{"item_id": ITEM}], ("left",)) == [{"item_id": ITEM, "fields": {"left": None}}]

"""An erasure removes the id from items and other customers' records, and spares what means something else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.entities import Attribute, Item, User
from recsys.data.events import Event, Kind
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.people.held_texts import id_pattern
from recsys.privacy.erasure import erase_user_data
from recsys.privacy.mentions import (
    codes_within,
    customer_columns,
    erased_mentions,
    holds_customer_ids,
    is_code,
    value_texts,
)
from tests.recsys.privacy.test_erasure import event

ANN = "ann@example.com"


def test_a_value_a_word_and_an_element_go_and_nothing_else_is_lost(store: Store, tmp_path: Path) -> None:
    store.append([event("a", ANN)])
    other = Item("plain", "A chair", attributes={"buyer": "bob@example.com"})
    attributes: dict[str, Attribute] = {
        "buyer": ANN,
        "wished_by": ["bob", ANN],
        "seen_by": [ANN],
        "colour": "gold",
        "text": f"<{ANN}>",
    }
    named = Item("engraved", f"Ring for {ANN} in gold", "rings", price=9.0, attributes=attributes, deleted=True)
    store.put_items([other, named])
    store.put_users([User("bob", {"referred_by": ANN, "age": 3.0})])
    receipt = erase_user_data(store, tmp_path, ANN)
    rest: dict[str, Attribute] = {"wished_by": ["bob"], "colour": "gold", "text": "<>"}
    assert store.item("engraved") == Item(
        "engraved", "Ring for in gold", "rings", price=9.0, attributes=rest, deleted=True
    )
    assert (store.item("plain"), store.user("bob")) == (other, User("bob", {"age": 3.0}))
    assert receipt.counts["mentions"] == 6
    assert "mentions_kept" not in receipt.counts
    assert ANN.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_short_id_goes_from_a_column_of_customers_and_stays_where_it_is_a_size(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([event(f"{n}", f"{n}") for n in range(1, 40)])
    numbers = [float(n) for n in range(1, 40)]
    monkeypatch.setattr("recsys.privacy.mentions.MAX_SCANNED", 39)  # items with the column, and no others
    store.put_items([Item(f"before {n:.0f}") for n in numbers])
    store.put_items([Item(f"item {n:.0f}", f"Shoe {n:.0f}", attributes={"buyer": n, "size": n}) for n in numbers])
    receipt = erase_user_data(store, tmp_path, "7")
    assert store.item("item 7") == Item("item 7", "Shoe 7", attributes={"size": 7.0})
    assert store.item("item 17") == Item("item 17", "Shoe 17", attributes={"buyer": 17.0, "size": 17.0})
    assert (receipt.counts["mentions"], receipt.counts["mentions_kept"]) == (1, 2)


def test_a_word_that_is_an_id_by_chance_stays_and_is_counted(store: Store, tmp_path: Path) -> None:
    store.append([event("a", "red"), event("b", "otto")])
    items = [Item(name, "A red coat", attributes={"colour": name}) for name in ("red", "blue", "tan")]
    store.put_items(items)
    assert erase_user_data(store, tmp_path, "red").counts["mentions_kept"] == 4
    assert list(store.items_since(0)) == items
    assert erased_mentions(store) == {}


def test_an_id_that_comes_back_with_a_catalogue_is_told(store: Store, tmp_path: Path) -> None:
    store.put_items([Item("i", attributes={"buyer": "user-0001"})])
    assert erase_user_data(store, tmp_path, "user-0001").counts["mentions"] == 1
    assert erased_mentions(store) == {}
    store.put_items([Item("i", attributes={"buyer": "user-0001"})])
    assert erased_mentions(store) == {"buyer": 1}
    assert erase_user_data(store, tmp_path, "user-0001").counts["mentions"] == 1
    assert erased_mentions(store) == {}


@pytest.mark.parametrize(
    ("name", "values", "holds"),
    [
        ("ordered_for", ["u-1", "u-2", "u-3", "x"], True),
        ("ordered_for", ["u-1", "u-2"], False),
        ("buyer", ["u-1"], True),
        ("buyer", ["x"], False),
        ("ordered_for", ["u-1", "u-2", "u-3", "x", "y", "z"], False),
        ("size", ["1", "2", "3", "4"], False),
        ("buyer_no", ["1", "2", "3", "4"], True),
        ("empty", [], False),
    ],
)
def test_a_column_holds_ids_if_most_of_its_values_are_customers(name: str, values: list[str], holds: bool) -> None:
    assert holds_customer_ids(name, values, lambda text: text.startswith("u-") or text.isdigit()) == holds


def test_a_column_of_known_customers_is_found(store: Store) -> None:
    store.append([event(f"{n}", f"customer-{n}") for n in range(300)])
    columns: dict[str, list[Attribute]] = {
        "owner": ["customer-1", None, "customer-2"],
        "brand": ["a", "b"],
        "is_new": [True],
        "price": [1.0],
    }
    assert customer_columns(columns, store) == ["owner"]


@pytest.mark.parametrize("value", [17.0, 17, "17", ["17"]])
def test_a_number_is_compared_as_an_id(value: str | float | list[str]) -> None:
    assert value_texts(value) == ["17"]


def test_a_boolean_is_no_id() -> None:
    assert value_texts(True) == value_texts(None) == []


def test_an_id_within_texts_of_events_and_facts_of_others_goes_and_their_orders_stay_whole(
    store: Store, tmp_path: Path
) -> None:
    def bought(event_id: str, user_id: str, item_id: str, order_id: str, channel: str | None = None) -> Event:
        return Event(event_id, user_id, item_id, Kind.PURCHASE, 1_700_000_000_000, order_id=order_id, channel=channel)

    plain = bought("3", "bob", "jam", "mary.ann@example.com-1", "ann@example.com.au")
    store.append(
        [
            bought("1", ANN, "tea", f"{ANN}-17"),
            bought(f"{ANN}-17/2", "bob", "tea", f"{ANN}-17", f"shop of {ANN}"),
            bought("2", "bob", "jam", f"{ANN}-17"),
            bought("4", f"guest:{ANN}-18", "jam", f"{ANN}-18"),
            plain,
        ]
    )
    store.add_facts([Fact("f", "bob", FactKind.SERVICE, 1_700_000_000_000, text=f"asks for {ANN}", ref=f"case-{ANN}")])
    receipt = erase_user_data(store, tmp_path, ANN)
    alias = f"erased-{receipt.receipt_id}"
    own = store.user_events("bob")
    assert own[:2] == [
        bought(f"{alias}-17/2", "bob", "tea", f"{alias}-17", f"shop of {alias}"),
        bought("2", "bob", "jam", f"{alias}-17"),
    ]
    assert own[2:] == [plain], "an address of somebody else stays"
    assert store.user_events(f"guest:{alias}-18") == [bought("4", f"guest:{alias}-18", "jam", f"{alias}-18")]
    assert [(fact.text, fact.ref) for fact in store.user_facts("bob")] == [(f"asks for {alias}", f"case-{alias}")]
    assert receipt.counts["mentions"] == 4
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert held.replace(b"mary.ann@example.com", b"").replace(b"ann@example.com.au", b"").count(ANN.encode()) == 0


@given(st.lists(st.sampled_from(("c1048", "c10481", "xc1048", "c104", "1048", "order", "é")), max_size=4))
@pytest.mark.parametrize("sign", "-_/.:# ")
def test_a_code_is_found_as_a_whole_word_of_an_order_id_and_only_there(sign: str, words: list[str]) -> None:
    masked = id_pattern("c1048").sub("*", sign.join(words))
    assert masked == sign.join("*" if word == "c1048" else word for word in words)


@pytest.mark.parametrize(
    ("user_id", "is_a_code"),
    [("c1048", True), ("7b", True), ("a@x.org", True), ("é9", True), ("1048", False), ("anna", False)],
)
def test_a_code_has_a_letter_and_a_digit(user_id: str, is_a_code: bool) -> None:
    assert is_code(user_id) == is_a_code


def test_each_run_of_words_of_an_order_id_may_be_a_code() -> None:
    assert {*codes_within("no_c7-b")} == {"no_c7", "no_c7-b", "c7", "c7-b"}


def test_a_code_goes_from_order_ids_of_others_and_a_number_or_a_longer_code_stays(store: Store, tmp_path: Path) -> None:
    def bought(event_id: str, order_id: str, coupon: str | None = None, channel: str | None = None) -> Event:
        return event(event_id, "bob")._replace(order_id=order_id, coupon=coupon, channel=channel)

    spared = [
        bought("3", "order-c10481-1", channel="c1048"),
        bought("4", "shop2-c1048"),
        bought("5", "order-2048-1"),
        bought("6", "order-anna-1"),
    ]
    store.append([bought("order-c1048-1/1", "order-c1048-1", "TEN-c1048"), bought("2", "order_c1048_1"), *spared])
    store.append([event("own", "c1048"), event("7", "shop2-c1048"), event("8", "2048"), event("9", "anna")])
    receipts = [erase_user_data(store, tmp_path, user_id) for user_id in ("c1048", "2048", "anna")]
    alias = f"erased-{receipts[0].receipt_id}"
    renamed = [bought(f"order-{alias}-1/1", f"order-{alias}-1", f"TEN-{alias}"), bought("2", f"order_{alias}_1")]
    assert store.user_events("bob") == [*renamed, *spared]
    assert [receipt.counts.get("mentions") for receipt in receipts] == [2, None, None]


@pytest.mark.parametrize("other", ["mary.ann@example.com", "user-1234567-2", "bob+ann@example.com"])
def test_an_id_that_is_a_part_of_the_id_of_another_customer_takes_nothing_from_them(
    store: Store, tmp_path: Path, other: str
) -> None:
    store.append([event("a", other)])
    mine = "user-1234567" if other.startswith("user") else ANN
    item = Item("ring", f"Ring for {other}", attributes={"note": f"{other} and"})
    store.put_items([item, Item("cup", f"Cup for {mine}")])
    assert erase_user_data(store, tmp_path, mine).counts["mentions"] == 1
    assert (store.item("ring"), store.item("cup")) == (item, Item("cup", "Cup for"))

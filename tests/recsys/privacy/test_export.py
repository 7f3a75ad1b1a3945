"""A data export holds everything that is known of a customer, and nothing that was forgotten."""

from pathlib import Path

from recsys.data.entities import Item, User
from recsys.data.store.base import Store
from recsys.ranking.recommender import Recommender
from tests.recsys.privacy.test_erasure import event, exported, log_answer


def fill(store: Store, small_shop: Recommender) -> None:
    """As many events and items as the release was learnt from: the log covers it."""
    store.append([event(f"{n}", "somebody") for n in range(small_shop.bundle.manifest.log_seq)])
    store.put_items([Item("item-001")])


def test_an_export_holds_all_that_is_known(store: Store, tmp_path: Path, small_shop: Recommender) -> None:
    fill(store, small_shop)
    store.put_users([User("user-002", {"town": "Ulm"}, {"marketing": True})])
    store.append([event("a", "user-002"), event("b", "visitor"), event("c", "user-003")])
    store.merge_users("visitor", "user-002")
    log_answer(tmp_path, "user-002")
    log_answer(tmp_path, "visitor")
    log_answer(tmp_path, "user-003")
    document = exported(store, tmp_path, "visitor", small_shop)
    assert (document["user_id"], document["merged_ids"], document["attributes"]) == (
        "user-002",
        ["visitor"],
        {"town": "Ulm"},
    )
    assert document["consent"] == {"personalisation": None, "marketing": True, "channels": {"marketing": {}}}
    assert [row["event_id"] for row in document["events"]] == ["a", "b"]
    assert document["events"][0] == {
        "event_id": "a",
        "user_id": "user-002",
        "item_id": "item-001",
        "kind": "purchase",
        "at": 1_700_000_000_000,
        "quantity": 2.0,
        "price": 1.5,
        "order_id": "order",
    }
    history = document["release"]["history"]
    assert len(history) == len(small_shop.engine.history_of("user-002").item) > 0
    assert {"item_id", "kind", "at", "weight"} == set(history[0])
    assert {(row["user_id"], row["item_id"]) for row in document["shown"]} == {
        ("user-002", "item-002"),
        ("visitor", "item-002"),
    }


def test_an_export_of_nobody_is_an_empty_document(store: Store, tmp_path: Path, small_shop: Recommender) -> None:
    document = exported(store, tmp_path, "nobody", small_shop)
    assert (document["events"], document["shown"], document["attributes"]) == ([], [], {})
    assert (document["release"]["is_known"], document["release"]["history"]) == (False, [])
    assert exported(store, tmp_path, "nobody")["release"] == {}


def test_an_export_holds_no_history_that_was_forgotten(store: Store, tmp_path: Path, small_shop: Recommender) -> None:
    fill(store, small_shop)
    assert exported(store, tmp_path, "user-002", small_shop)["release"]["is_known"] is True
    store.erase_user("user-002")
    assert exported(store, tmp_path, "user-002", small_shop)["release"]["is_known"] is False

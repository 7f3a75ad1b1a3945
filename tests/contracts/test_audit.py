"""Audit: rows of every store, by customer and by age, and none of them names an erased customer."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from recsys.data.audit import AuditRow
from recsys.data.store.base import Store
from recsys.data.store.open import open_store


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("patient_postgres") if request.param == "postgres" else None
    with closing(open_store(tmp_path, url)) as opened:
        yield opened


def read_of(user_id: str, at_ms: int) -> AuditRow:
    return AuditRow(at_ms, "k", "viewer", "read", "/customer", user_id)


def test_rows_come_newest_first_and_by_customer(store: Store) -> None:
    rows = [read_of("ann", 1), AuditRow(2, "k", "operator", "change", "/rules", detail="two rules"), read_of("bob", 3)]
    store.add_audit(rows)
    assert store.audit() == rows[::-1]
    assert store.audit(newest=1, offset=1) == [rows[1]]
    assert store.audit(user_id="ann") == [rows[0]]
    assert store.audit(user_id="nobody") == []


def test_an_erased_customer_is_a_digest_that_still_finds_the_rows(store: Store) -> None:
    store.add_audit([read_of("ann", 1), read_of("bob", 2)])
    store.merge_users("visitor", "ann")
    store.add_audit([read_of("visitor", 3)])
    store.erase_user("ann")
    store.add_audit([read_of("ann", 4)])
    assert {row.user_id for row in store.audit()} == {"", "bob"}
    assert [(row.at_ms, row.digest) for row in store.audit(user_id="ann")] == [
        (at_ms, store.digest("ann").hex()) for at_ms in (4, 1)
    ]
    assert [row.at_ms for row in store.audit(user_id="visitor")] == [3]


def test_old_rows_are_counted_and_deleted(store: Store) -> None:
    store.add_audit([read_of("ann", 5), read_of("bob", 10)])
    assert store.count_audit(before_ms=10) == 1
    store.drop_audit_before(10)
    assert [row.user_id for row in store.audit()] == ["bob"]


def test_a_row_names_the_person_where_a_provider_said_who_it_was(store: Store) -> None:
    store.add_audit([read_of("ann", 1), replace(read_of("ann", 2), person="bob@shop.example")])
    assert [row.who for row in store.audit()] == ["bob@shop.example", "k"]


def test_the_last_use_of_each_key_is_known_whoever_notes_it_first(store: Store) -> None:
    for uses in ({"b": 3, "a": 5}, {"b": 9}, {"b": 7, "c": 1}):
        store.note_uses(uses)
    assert store.last_uses() == {"a": 5, "b": 9, "c": 1}


def test_a_log_of_an_earlier_build_knows_the_uses_that_its_audit_has(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, None)) as store:
        store.add_audit([read_of("ann", 3), read_of("bob", 9)])
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript("DROP TABLE key_uses; ALTER TABLE audit DROP COLUMN person; PRAGMA user_version=15;")
    with closing(open_store(tmp_path, None)) as store:
        assert store.last_uses() == {"k": 9}
        assert [row.person for row in store.audit()] == ["", ""]

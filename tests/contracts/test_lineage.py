"""Every store keeps the contract of lineage: an identity that a copy or a restored backup does not share."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.bundle import Manifest
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.lineage import NOT_COVERED, Lineage, Watermark
from recsys.data.store.base import Store
from recsys.data.store.open import notice_restore, open_store

OpenStore = Callable[[], Store]


def event(event_id: str) -> Event:
    return Event(event_id, "u", "i", Kind.VIEW, 0)


def manifest(head: Watermark) -> Manifest:
    return Manifest(
        version="v", made_at_ms=0, now=0.0, log_id=head.log_id, log_seq=head.seq, item_revision=head.revision
    )


def test_an_identity_is_drawn_once_and_stays(opened: OpenStore) -> None:
    first = opened().lineage()
    assert (len(first.identities), first.current.cause, len(first.log_id)) == (1, "made", 16)
    assert opened().lineage() == first


def test_the_head_of_a_lineage_counts_events_and_items(opened: OpenStore) -> None:
    store = opened()
    store.append([event("a"), event("b")])
    store.put_items([Item("i")])
    assert store.lineage().head == (store.lineage().log_id, 2, 1)


def test_a_new_identity_covers_what_was_learnt_before_it_and_no_lost_future(opened: OpenStore) -> None:
    store = opened()
    store.append([event("a")])
    before = store.lineage().head
    store.draw_identity("restored", before=before.log_id)
    store.append([event("b"), event("c")])
    lineage = store.lineage()
    assert (lineage.current.cause, lineage.current.seq, lineage.head.seq) == ("restored", 1, 3)
    assert lineage.watermark(manifest(before)) == before
    for lost in (before._replace(seq=2), before._replace(revision=1), lineage.head._replace(log_id="another")):
        assert lineage.watermark(manifest(lost)) == NOT_COVERED


def test_two_processes_that_notice_a_restore_draw_one_identity(opened: OpenStore) -> None:
    store, other = opened(), opened()
    before = store.lineage().log_id
    store.draw_identity("restored", before=before)
    other.draw_identity("restored", before=before)
    assert len(store.lineage().identities) == 2


def test_a_log_that_is_older_than_its_home_has_seen_gets_a_new_identity(opened: OpenStore, tmp_path: Path) -> None:
    store = opened()
    store.append([event("a"), event("b")])
    seen = notice_restore(store, tmp_path)
    assert notice_restore(store, tmp_path).log_id == seen.log_id
    (tmp_path / "run/log-head").write_text(f"{seen.log_id} 3 0")
    after = notice_restore(store, tmp_path)
    assert (after.current.cause, after.current.seq, len(after.identities)) == ("restored", 2, 2)
    assert notice_restore(store, tmp_path) == after


def test_an_erasure_and_its_sweep_keep_the_identity(opened: OpenStore, tmp_path: Path) -> None:
    store = opened()
    store.append([event("a"), event("b")])
    before = notice_restore(store, tmp_path)
    store.erase_user("u")
    assert store.sweep()
    assert notice_restore(opened(), tmp_path).log_id == before.log_id


def _backup(home: Path, copy: Path) -> None:
    """Copies the log as an operator does who knows the command `.backup`."""
    with sqlite3.connect(home / "shop.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)


def _lineage(home: Path) -> Lineage:
    store = open_store(home, None)
    try:
        return store.lineage()
    finally:
        store.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two events, closed."""
    store = open_store(tmp_path / "home", None)
    store.append([event("a"), event("b")])
    store.close()
    return tmp_path / "home"


def test_a_copied_home_gets_an_identity_of_its_own_and_the_first_keeps_its_own(home: Path, tmp_path: Path) -> None:
    first = _lineage(home)
    shutil.copytree(home, tmp_path / "staging")
    copy = _lineage(tmp_path / "staging")
    assert copy.identities[0] == first.current
    assert (copy.current.cause, copy.current.seq) == ("copied", 2)
    assert _lineage(home) == first
    assert _lineage(tmp_path / "staging") == copy


def test_a_moved_home_keeps_its_identity(home: Path, tmp_path: Path) -> None:
    first = _lineage(home)
    home.rename(tmp_path / "moved")
    assert _lineage(tmp_path / "moved") == first


def test_a_backup_in_place_of_the_file_is_noticed(home: Path, tmp_path: Path) -> None:
    first = _lineage(home)
    _backup(home, tmp_path / "backup.db")
    (tmp_path / "backup.db").rename(home / "shop.db")
    assert [identity.cause for identity in _lineage(home).identities] == ["made", "copied"]
    assert _lineage(home).log_id != first.log_id


def test_a_backup_over_the_bytes_of_the_file_is_noticed(home: Path, tmp_path: Path) -> None:
    _backup(home, tmp_path / "backup.db")
    store = open_store(home, None)
    store.append([event("c")])
    notice_restore(store, home)
    store.close()
    (home / "shop.db").write_bytes((tmp_path / "backup.db").read_bytes())
    assert [identity.cause for identity in _lineage(home).identities] == ["made", "restored"]


def test_a_backup_of_the_whole_home_over_its_files_is_noticed(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "backup")
    store = open_store(home, None)
    store.append([event("c")])
    store.close()
    shutil.copytree(tmp_path / "backup", home, dirs_exist_ok=True)
    assert [identity.cause for identity in _lineage(home).identities] == ["made", "copied"]


def test_a_file_that_is_replaced_under_an_open_store_is_opened_anew(home: Path, tmp_path: Path) -> None:
    _backup(home, tmp_path / "backup.db")
    store = open_store(home, None)
    store.append([event("c")])
    before = store.lineage()
    for file in home.glob("shop.db*"):
        file.unlink()
    (tmp_path / "backup.db").rename(home / "shop.db")
    store.refresh()
    after = store.lineage()
    assert (after.identities[0].log_id, after.current.cause, after.head.seq) == (before.log_id, "copied", 2)
    store.append([event("d")])
    assert store.head() == 3
    store.close()

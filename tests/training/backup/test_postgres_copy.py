"""A log in PostgreSQL is backed up as the same file as any other, and restored into either database."""

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from recsys.data.facts import Fact, FactKind
from recsys.data.store.campaigns.records import Arm, CampaignRecord
from recsys.data.store.open import open_store
from recsys.errors import BadInput
from recsys.privacy.erasure import erase_user_data
from recsys.progress import StepLog
from tests.training.backup.conftest import event, make_home
from tests.training.backup.test_restore import contents
from training.backup.backup import BackupResult, BackupSource, back_up
from training.backup.restore import RestoreResult, RestoreTarget, restore
from training.backup.storage import FolderStorage


@pytest.fixture
def home(tmp_path: Path, patient_postgres: str) -> Path:
    """A home whose log is in PostgreSQL."""
    make_home(tmp_path / "home", patient_postgres)
    return tmp_path / "home"


def backed_up(home: Path, backups: Path, url: str | None, *, with_log: bool = True) -> BackupResult:
    return back_up(BackupSource(home, None, url), FolderStorage(backups), StepLog(), with_log=with_log)


@pytest.fixture
def named(empty_postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database, named by the environment as an operator does it."""
    monkeypatch.setenv("RECSYS_DATABASE_URL", empty_postgres)
    return empty_postgres


def restored(backups: Path, home: Path, url: str | None, *, replace: bool = False) -> RestoreResult:
    return restore(FolderStorage(backups), RestoreTarget(home, url), StepLog(), replace=replace)


def test_a_log_of_postgres_becomes_a_log_of_sqlite(
    home: Path, backups: Path, tmp_path: Path, empty_postgres: str
) -> None:
    with closing(open_store(home, empty_postgres)) as first:
        first.merge_users("visitor", "v")
        first.erase_user("u")
        first.add_facts(
            [Fact("f", "visitor", FactKind.SEARCH, 2**41, 0, "tea"), Fact("g", "w", FactKind.SERVICE, 2**41)]
        )
        first.put_campaign(CampaignRecord("c", "draft", 5, 0, "{}"), before=None)
        first.begin_draw("c", "t", "{}")
        first.add_members([("c", "w", Arm.TREATED, 9, "loyal")], token="t", log_seq=first.head())
        assert first.finish_draw("c", "t", "{}", last_draw=0)
        manifest = backed_up(home, backups, empty_postgres).manifest
        assert manifest.log is not None
        assert (manifest.log.kind, manifest.log.rows["events"], manifest.log.rows["receipts"]) == ("postgres", 1, 2)
        result = restored(backups, tmp_path / "copy", None)
        with closing(open_store(tmp_path / "copy", None)) as second:
            assert contents(second) == contents(first)
            assert second.receipts() == first.receipts()
            assert second.digest("u") == first.digest("u")
            assert second.user_events("v") == first.user_events("v")
            assert list(second.fact_pages()) == list(first.fact_pages()) != []
            assert second.campaigns() == first.campaigns() != []
            assert list(second.member_pages("c")) == list(first.member_pages("c")) != []
            assert second.unmerge_user("visitor").counts["events"] == first.unmerge_user("visitor").counts["events"]
            assert [fact.fact_id for fact in second.user_facts("visitor")] == ["f"]
            assert result.log_id != first.lineage().log_id
            assert second.append([event("a"), event("c", "v"), event("new", "v")]) == [None, False, True]


def test_a_restored_log_replaces_that_of_the_database_and_keeps_later_erasures(
    home: Path, backups: Path, named: str
) -> None:
    backed_up(home, backups, named)
    with closing(open_store(home, named)) as store:
        before = store.lineage().log_id
        store.append([event("later", "v")])
        erase_user_data(store, home, "u")
        with pytest.raises(BadInput, match="--replace"):
            restored(backups, home, named)
        result = restored(backups, home, named, replace=True)
        assert result.carried is not None
        assert result.carried.erased == 1
        assert [each.event_id for each in store.user_events("v")] == ["c"], "the open store sees the restored log"
        assert store.user_events("u") == []
        assert store.lineage().log_id == result.log_id != before
        assert not (home / "shop.db").exists()
    schema = result.replaced[1].split()[1]
    with psycopg.connect(named, autocommit=True) as connection:
        assert connection.execute(f"SELECT count(*) FROM {schema}.events".encode()).fetchone() == (2,)
        connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())


def test_a_database_that_holds_a_log_is_refused(home: Path, backups: Path, tmp_path: Path, named: str) -> None:
    backed_up(home, backups, named)
    with pytest.raises(BadInput, match="the database holds a log"):
        restored(backups, tmp_path / "copy", named)
    assert {path.name for path in (tmp_path / "copy").iterdir()} <= {"run"}


def test_a_log_of_sqlite_moves_to_an_empty_database(tmp_path: Path, backups: Path, named: str) -> None:
    make_home(tmp_path / "file")
    backed_up(tmp_path / "file", backups, None)
    restored(backups, tmp_path / "copy", named)
    with (
        closing(open_store(tmp_path / "file", None)) as first,
        closing(open_store(tmp_path / "copy", named)) as second,
    ):
        assert contents(second) == contents(first)
        assert second.append([event("a"), event("new")]) == [False, True]


def test_a_backup_without_the_log_restores_all_else(
    home: Path, backups: Path, tmp_path: Path, empty_postgres: str
) -> None:
    assert backed_up(home, backups, empty_postgres, with_log=False).manifest.log is None
    result = restored(backups, tmp_path / "copy", None)
    assert (result.log_id, (tmp_path / "copy/keys.json").exists()) == ("", True)
    assert "the backup has no log" in result.notes

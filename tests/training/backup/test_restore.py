"""A restored home is what was backed up, with a new identity, and with what customers wished since."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog
from recsys.data.entities import UserChange
from recsys.data.runs import RunRecord
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadFile, BadInput
from recsys.privacy.erasure import erase_user_data
from recsys.progress import StepLog
from recsys.time_units import minute
from tests.training.backup.conftest import FILES, event
from tests.training.backup.test_backup import FIRST, backed_up
from training.backup.restore import RestoreResult, RestoreTarget, restore
from training.backup.storage import FolderStorage
from training.registry import Registry


def restored(backups: Path, home: Path, name: str | None = None, *, replace: bool = False) -> RestoreResult:
    return restore(FolderStorage(backups), RestoreTarget(home), StepLog(), name=name, replace=replace)


@contextmanager
def opened(home: Path) -> Iterator[Store]:
    store = open_store(home, None)
    yield store
    store.close()


def contents(store: Store) -> tuple[object, ...]:
    events = [row for frame in store.scan() for row in frame.rows()]
    return events, list(store.items_since(0)), list(store.users()), store.lineage().head[1:]


def inodes(home: Path) -> dict[str, int]:
    own = (path for path in home.iterdir() if not path.name.endswith(("run", "-wal", "-shm")))
    return {path.name: path.stat().st_ino for path in own}


def test_a_restored_home_is_what_was_backed_up(home: Path, backups: Path, tmp_path: Path) -> None:
    os.utime(home / "rules/000001.toml", ns=(1, 5_000_000))
    backed_up(home, backups)
    copy = tmp_path / "copy"
    result = restored(backups, copy)
    assert Registry(copy).live() == result.manifest.live == FIRST
    with opened(home) as first, opened(copy) as second:
        assert contents(second) == contents(first)
        assert second.watermark(Registry(copy).rollback(FIRST).manifest).seq == 3, "the release is covered"
    assert [item.user_id for item in AnswerLog(copy / ANSWER_LOG_FILE).user_items("u")] == ["u"]
    assert {name: (copy / name).read_text() for name in FILES} == FILES
    assert (copy / "rules/000001.toml").stat().st_mtime_ns == 5_000_000, "when the rules were accepted"
    assert (copy / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_restored_log_has_an_identity_of_its_own_and_keeps_it(home: Path, backups: Path, tmp_path: Path) -> None:
    backed_up(home, backups)
    results = [restored(backups, tmp_path / name) for name in ("one", "two")]
    with opened(home) as first, opened(tmp_path / "one") as second:
        assert len({first.lineage().log_id, *(result.log_id for result in results)}) == 3
        assert second.lineage().log_id == results[0].log_id


def test_a_home_that_holds_something_is_refused(home: Path, backups: Path, tmp_path: Path) -> None:
    backed_up(home, backups)
    target = tmp_path / "copy"
    (target / "run").mkdir(parents=True)
    (target / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"notes\.txt.*--replace"):
        restored(backups, target)
    assert sorted(path.name for path in target.iterdir()) == ["notes.txt", "run"]


def test_a_home_that_is_replaced_stays_beside_and_no_later_backup_holds_it(home: Path, backups: Path) -> None:
    backed_up(home, backups)
    with opened(home) as store:
        store.append([event("later")])
    result = restored(backups, home, replace=True)
    with opened(home) as store, opened(Path(result.replaced[0])) as before:
        assert (store.head(), before.head()) == (3, 4)
    assert not [name for name in backed_up(home, backups).manifest.files if "replaced" in name]


@pytest.mark.parametrize(
    "file", ["{name}/shop.db", "{name}/keys.json", "{name}/manifest.json", f"releases/{FIRST}/a/b.npy"]
)
def test_a_damaged_backup_changes_nothing(home: Path, backups: Path, file: str) -> None:
    damaged = backups / file.format(name=backed_up(home, backups).manifest.name)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    before = inodes(home)
    with pytest.raises(BadFile, match=damaged.name):
        restored(backups, home, replace=True)
    assert inodes(home) == before


def test_a_missing_file_is_named(home: Path, backups: Path, tmp_path: Path) -> None:
    (backups / backed_up(home, backups).manifest.name / "keys.json").unlink()
    with pytest.raises(BadFile, match=r"keys\.json: it is missing"):
        restored(backups, tmp_path / "copy")


def test_a_backup_is_chosen_by_its_name(home: Path, backups: Path, tmp_path: Path) -> None:
    first = backed_up(home, backups).manifest.name
    restored(backups, tmp_path / "first", first)
    with opened(tmp_path / "first") as store:
        assert store.head() == 3
    with pytest.raises(BadInput, match=first):
        restored(backups, tmp_path / "none", "yesterday")


def test_customers_who_were_erased_since_the_backup_stay_erased(home: Path, backups: Path) -> None:
    backed_up(home, backups)
    with opened(home) as store:
        receipt = erase_user_data(store, home, "u")
    result = restored(backups, home, replace=True)
    assert result.carried is not None
    assert (result.carried.erased, result.carried.receipts) == (1, 1)
    assert list(AnswerLog(home / ANSWER_LOG_FILE).user_items("u")) == []
    with opened(home) as store:
        assert (store.user_events("u"), store.user("u")) == ([], None)
        assert store.identity("u").forgotten_seq > 3, "the release does not speak of them"
        kept = store.receipt(receipt.receipt_id)
        assert kept is not None
        assert (kept.counts, kept.at_ms, kept.seq <= store.head()) == (receipt.counts, receipt.at_ms, True)
        late = [event("a"), event("late", at_ms=receipt.at_ms), event("new", at_ms=receipt.at_ms + 1)]
        assert store.append(late) == [None, None, True]


def test_an_erasure_that_was_broken_off_is_finished_by_the_restore(home: Path, backups: Path) -> None:
    backed_up(home, backups)
    with opened(home) as store:
        store.begin_erasure("u", "there")
    restored(backups, home, replace=True)
    with opened(home) as store:
        assert (store.user_events("u"), store.unfinished_changes()) == ([], [])


def test_consents_of_the_replaced_log_are_kept(home: Path, backups: Path) -> None:
    backed_up(home, backups)
    with opened(home) as store:
        store.change_users(
            [UserChange("u", consent={"personalisation": False}), UserChange("v", consent={"marketing": None})]
        )
    result = restored(backups, home, replace=True)
    assert result.carried is not None
    assert result.carried.consents == 2
    with opened(home) as store:
        assert [user.consent for user in store.users()] == [{"personalisation": False}, {}]
        assert store.user_events("u") == []


def test_a_log_that_cannot_be_read_is_replaced_and_said(home: Path, backups: Path) -> None:
    backed_up(home, backups)
    (home / "shop.db").write_bytes(b"rubbish" * 1_000)
    result = restored(backups, home, replace=True)
    assert result.carried is None
    assert "repeat the erasures" in result.notes[0]
    with opened(home) as store:
        assert store.head() == 3


def test_a_restore_that_fails_midway_puts_everything_back(
    home: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(home, backups)
    before, rename = inodes(home), Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.name == "rules.toml" and "restoring" in str(path):
            raise OSError("no room")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no room"):
        restored(backups, home, replace=True)
    assert {name: n for name, n in inodes(home).items() if not name.startswith(".replaced")} == before


def test_settings_of_the_backup_that_name_a_database_need_the_same_here(
    home: Path, backups: Path, tmp_path: Path
) -> None:
    (home / "recsys.toml").write_text('database_url = "postgresql://127.0.0.1:1/none"\n')
    backed_up(home, backups)
    with pytest.raises(BadInput, match="RECSYS_DATABASE_URL"):
        restored(backups, tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []


def test_a_folder_without_a_manifest_is_no_backup(backups: Path, tmp_path: Path) -> None:
    (backups / "20260101T000000Z-aaaa").mkdir(parents=True)
    with pytest.raises(BadInput, match="no whole backup"):
        restored(backups, tmp_path / "copy")


def test_a_home_in_use_is_not_replaced(home: Path, backups: Path) -> None:
    backed_up(home, backups)
    with opened(home) as store:
        store.append([event("later")])
        with pytest.raises(BadInput, match=r"shop\.db is in use"):
            restored(backups, home, replace=True)
    assert restored(backups, home, replace=True).replaced


def test_runs_that_went_on_during_the_backup_have_ended_in_the_restored_log(
    home: Path, backups: Path, tmp_path: Path
) -> None:
    with opened(home) as store:
        for job in ("backup", "train"):
            store.put_run(RunRecord(job, job, "cron", 1))
    backed_up(home, backups)
    restored(backups, tmp_path / "copy")
    with opened(tmp_path / "copy") as store:
        assert {run.job: run.verdict for run in store.runs()} == {"backup": "done", "train": "died"}


def test_where_the_log_is_lost_erasures_come_from_the_newest_backup(home: Path, backups: Path, tmp_path: Path) -> None:
    first = backed_up(home, backups).manifest.name
    with opened(home) as store:
        erase_user_data(store, home, "u")
    newest = backed_up(home, backups).manifest
    result = restored(backups, tmp_path / "copy", first)
    assert result.carried is not None
    assert (result.carried.erased, len(result.notes)) == (1, 1)
    assert f"since {minute(newest.made_at_ms)} UTC" in result.notes[0]
    with opened(tmp_path / "copy") as store:
        assert (store.user_events("u"), len(store.user_events("v"))) == ([], 1)
    assert not list((tmp_path / "copy").glob("later-*"))


def test_the_signature_of_a_release_is_that_of_the_moment(home: Path, backups: Path, tmp_path: Path) -> None:
    signature = f"bundles/{FIRST}/manifest.json.sig"
    for text in ("old key", "new key"):
        (home / signature).write_text(text)
        backed_up(home, backups)
    restored(backups, tmp_path / "newest")
    restored(backups, tmp_path / "first", FolderStorage(backups).whole_backups()[0])
    assert [(tmp_path / name / signature).read_text() for name in ("newest", "first")] == ["new key", "old key"]

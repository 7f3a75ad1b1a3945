"""A backup is made while the home serves, is whole or nothing, and copies a release once."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recsys.data.store.open import open_store
from recsys.errors import BadFile, BadInput
from recsys.progress import StepLog
from recsys.time_units import DAY_MS, now_ms
from tests.training.backup.conftest import FILES, event, make_home, publish
from training.backup.backup import BackupResult, BackupSource, back_up
from training.backup.storage import FolderStorage

FIRST, SECOND = "20260101T000000Z-aaaa", "20260102T000000Z-bbbb"


def backed_up(
    home: Path, backups: Path, keep: int = 0, on_step: Callable[[str], Any] = lambda name: None
) -> BackupResult:
    return back_up(BackupSource(home, home / "recsys.toml"), FolderStorage(backups), StepLog(on_step), keep=keep)


def published(home: Path, version: str) -> None:
    store = open_store(home, None)
    publish(home, store, version)
    store.close()


def tops(backups: Path) -> set[str]:
    """What lies directly in the folder, and has files."""
    return {path.relative_to(backups).parts[0] for path in backups.rglob("*") if path.is_file()} - {".lock"}


def test_a_backup_holds_log_answers_releases_keys_rules_and_settings(home: Path, backups: Path) -> None:
    manifest = backed_up(home, backups).manifest
    assert manifest.log is not None
    assert manifest.log.rows == {
        "events": 3,
        "items": 1,
        "users": 2,
        "forgotten": 0,
        "erased": 0,
        "receipts": 0,
        "facts": 0,
        "deleted_coupons": 0,
        "campaigns": 0,
        "campaign_members": 0,
        "audit": 0,
        "key_uses": 0,
    }
    assert (manifest.answers, manifest.live, manifest.releases) == (1, FIRST, (FIRST,))
    assert {*FILES, "shop.db", "shown.db", "bundles/LIVE", "bundles/.promotions"} <= manifest.files.keys()
    assert not [name for name in manifest.files if name.startswith("run/") or "-wal" in name or "-place" in name]


def test_nobody_but_the_owner_reads_a_backup(home: Path, backups: Path) -> None:
    backed_up(home, backups)
    assert {path.stat().st_mode & 0o077 for path in backups.rglob("*") if path.name != ".lock"} == {0}


def test_a_release_that_is_there_is_not_copied_again(home: Path, backups: Path) -> None:
    first = backed_up(home, backups)
    published(home, SECOND)
    second, third = backed_up(home, backups), backed_up(home, backups)
    assert [result.copied for result in (first, second, third)] == [[FIRST], [SECOND], []]
    assert third.manifest.releases == (FIRST, SECOND)


def test_only_the_newest_backups_stay_with_the_releases_that_they_hold(home: Path, backups: Path) -> None:
    first = backed_up(home, backups).manifest.name
    shutil.rmtree(home / "bundles")
    published(home, SECOND)
    second, third = backed_up(home, backups, keep=2), backed_up(home, backups, keep=2)
    assert (second.deleted, third.deleted) == ([], [first])
    assert FolderStorage(backups).names("releases") == [SECOND]
    assert FolderStorage(backups).whole_backups() == [second.manifest.name, third.manifest.name]


def test_a_backup_of_a_clock_that_ran_ahead_is_followed_by_newer_ones(
    home: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("training.backup.backup.now_ms", lambda: now_ms() + 400 * DAY_MS)
        ahead = backed_up(home, backups, keep=1).manifest
    today = backed_up(home, backups, keep=1)
    assert today.deleted == [ahead.name]
    assert today.manifest.made_at_ms < ahead.made_at_ms
    assert FolderStorage(backups).whole_backups() == [today.manifest.name]


@pytest.mark.parametrize("step", ["releases", "log", "answers", "files", "store", "check"])
def test_a_backup_that_is_broken_off_leaves_nothing_that_looks_whole(home: Path, backups: Path, step: str) -> None:
    def fail(name: str) -> None:
        if name == step:
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        backed_up(home, backups, on_step=fail)
    assert tops(backups) <= {"releases"}
    assert FolderStorage(backups).whole_backups() == []


def test_what_a_killed_backup_left_is_removed_by_the_next(home: Path, backups: Path) -> None:
    (backups / ".making-x").mkdir(parents=True)
    (backups / ".making-x/shop.db").write_text("half")
    assert tops(backups) == {".making-x"}
    name = backed_up(home, backups).manifest.name
    assert tops(backups) == {name, "releases"}


def test_a_release_that_was_copied_by_half_is_copied_again(home: Path, backups: Path) -> None:
    (backups / "releases" / FIRST / "a").mkdir(parents=True)
    (backups / "releases" / FIRST / "a/b.npy").write_text("half")
    assert backed_up(home, backups).copied == [FIRST]


def test_events_that_come_meanwhile_are_not_in_the_backup(home: Path, backups: Path) -> None:
    store = open_store(home, None)
    backed_up(home, backups, on_step=lambda name: store.append([event(f"{name}-{store.head()}")]))
    log = backed_up(home, backups, on_step=lambda name: store.append([event(f"{name}-{store.head()}")])).manifest.log
    assert log is not None
    assert 3 < log.rows["events"] == log.seq < store.head()
    store.close()


def test_a_release_published_meanwhile_is_in_the_backup(home: Path, backups: Path) -> None:
    def train(name: str) -> None:
        if name == f"release {FIRST}" and not (home / "bundles" / SECOND).exists():
            published(home, SECOND)

    manifest = backed_up(home, backups, on_step=train).manifest
    assert (manifest.live, manifest.releases) == (SECOND, (FIRST, SECOND))


def test_a_release_deleted_meanwhile_is_left_out(home: Path, backups: Path) -> None:
    def prune(name: str) -> None:
        if name == f"release {FIRST}":
            shutil.rmtree(home / "bundles" / FIRST)

    manifest = backed_up(home, backups, on_step=prune).manifest
    assert (manifest.releases, manifest.notes) == ((), ())


def test_a_damaged_release_is_left_out_and_named(home: Path, backups: Path) -> None:
    (home / "bundles" / FIRST / "a/b.npy").write_bytes(b"x")
    manifest = backed_up(home, backups).manifest
    assert manifest.releases == ()
    assert "not in the backup" in manifest.notes[0]


def test_a_damaged_copy_is_noticed_before_the_backup_counts(home: Path, backups: Path) -> None:
    backed_up(home, backups)
    file = backups / "releases" / FIRST / "a/b.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(BadFile, match=r"a/b\.npy"):
        backed_up(home, backups)
    assert len(FolderStorage(backups).whole_backups()) == 1


def test_backups_of_two_shops_do_not_share_a_folder(home: Path, backups: Path, tmp_path: Path) -> None:
    backed_up(home, backups)
    make_home(tmp_path / "other")
    with pytest.raises(BadInput, match="another shop"):
        backed_up(tmp_path / "other", backups)


def test_a_backup_inside_the_home_is_refused(home: Path) -> None:
    with pytest.raises(BadInput, match="inside the home"):
        backed_up(home, home / "backups")


def test_files_outside_the_home_are_named(home: Path, backups: Path) -> None:
    (home / "recsys.toml").write_text('[serve]\nkeys_file = "/run/keys.json"\n[rules]\nfile = "/etc/rules.toml"\n')
    notes = backed_up(home, backups).manifest.notes
    assert [name for name in ("/run/keys.json", "/etc/rules.toml") if name in " ".join(notes)] != []
    assert len(notes) == 2

"""Backups lie in a folder or behind fsspec, and are whole when their manifest is there."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from recsys.data.store.open import open_store
from recsys.errors import BadFile, BadInput, BadSettings
from recsys.progress import StepLog
from tests.training.backup.conftest import event
from training.backup.backup import BackupSource, back_up
from training.backup.restore import RestoreTarget, restore
from training.backup.storage import BackupStorage, RemoteStorage, existing_storage, open_storage


@pytest.fixture(params=["folder", "remote"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BackupStorage]:
    if request.param == "folder":
        yield open_storage(str(tmp_path / "backups"))
        return
    fsspec = pytest.importorskip("fsspec")
    yield open_storage("memory://bucket/shop")
    fsspec.filesystem("memory").store.clear()


def test_a_home_goes_to_every_storage_and_comes_back(home: Path, storage: BackupStorage, tmp_path: Path) -> None:
    results = [back_up(BackupSource(home), storage, StepLog(), keep=2) for _ in range(3)]
    assert [len(result.copied) for result in results] == [1, 0, 0]
    assert storage.whole_backups() == [result.manifest.name for result in results[1:]] == storage.names()[:2]
    restore(storage, RestoreTarget(tmp_path / "copy"), StepLog())
    with closing(open_store(tmp_path / "copy", None)) as store:
        assert store.append([event("a"), event("new")]) == [False, True]
    assert (tmp_path / "copy/rules/000001.toml").read_text() == "# first\n"


@pytest.mark.slow
@pytest.mark.usefixtures("bucket")
def test_a_home_goes_to_a_real_bucket_and_comes_back(home: Path, tmp_path: Path) -> None:
    storage = open_storage("s3://shop/backups")
    results = [back_up(BackupSource(home), storage, StepLog(), keep=2) for _ in range(3)]
    assert [len(result.copied) for result in results] == [1, 0, 0]
    assert storage.whole_backups() == [result.manifest.name for result in results[1:]] == storage.names()[:2]
    restore(storage, RestoreTarget(tmp_path / "copy"), StepLog())
    with closing(open_store(tmp_path / "copy", None)) as store:
        assert store.append([event("a"), event("new")]) == [False, True]
    with pytest.raises(BadFile, match="no backups here"):
        existing_storage("s3://shop/elsewhere")
    with pytest.raises(BadFile, match="(?i)bucket.*check the address"):  # and none is made
        back_up(BackupSource(home), open_storage("s3://no-such-bucket-here/x"), StepLog())


@pytest.mark.parametrize("step", ["releases", "log", "store", "check"])
def test_what_is_broken_off_is_no_backup_in_any_storage(home: Path, storage: BackupStorage, step: str) -> None:
    def fail(name: str) -> None:
        if name == step:
            raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        back_up(BackupSource(home), storage, StepLog(fail))
    assert (storage.whole_backups(), set(storage.names()) - {"releases"}) == ([], set())


def test_a_backup_that_was_killed_while_it_was_sent_is_removed_by_a_later_one(home: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    storage = open_storage("memory://bucket/killed")
    (tmp_path / "half").write_text("half")
    storage.write("20260101T000000.000Z/shop.db", tmp_path / "half")
    assert storage.whole_backups() == []
    name = back_up(BackupSource(home), storage, StepLog()).manifest.name
    assert set(storage.names()) == {name, "releases"}
    fsspec.filesystem("memory").store.clear()


def test_a_url_of_an_unknown_kind_is_refused_and_shows_no_password() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises((BadInput, BadSettings)) as refused:
        RemoteStorage("nonsense://me:secret@host/shop")
    assert "secret" not in str(refused.value)


def test_a_mistyped_place_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no backups here"):
        existing_storage(str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_a_storage_that_refuses_is_named_and_what_to_check(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")

    def refuse(*_words: object, **_options: object) -> None:
        raise RuntimeError("no credentials")

    monkeypatch.setattr(fsspec.filesystem("memory"), "put_file", refuse)
    with pytest.raises(BadFile, match=r"memory://bucket/shop: cannot be used \(no credentials\); check"):
        back_up(BackupSource(home), open_storage("memory://bucket/shop"), StepLog())

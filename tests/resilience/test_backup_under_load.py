"""A backup under load: the service takes events and answers while it is made, and it holds one moment of the log."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

from recsys.data.store.open import open_store
from recsys.progress import StepLog
from tests.resilience.running import PATIENT_S, service, url_of
from training.backup.backup import BackupSource, back_up
from training.backup.restore import RestoreTarget, restore
from training.backup.storage import FolderStorage

PER_BATCH = 50
N_WRITERS = 3
N_BACKUPS = 4


@contextmanager
def writers(url: str) -> Iterator[list[int]]:
    """Clients that send events and ask for lists meanwhile; yields the status of every answer."""
    statuses: list[int] = []
    ends = threading.Event()

    def write(writer: int) -> None:
        with httpx.Client(timeout=PATIENT_S) as web:
            for n in count():
                if ends.is_set():
                    return
                batch = [
                    {"event_id": f"{writer}-{n}-{k}", "user_id": f"user-{k:03}", "item_id": "item-001", "kind": "view"}
                    for k in range(PER_BATCH)
                ]
                statuses.append(web.post(f"{url}/v1/events", json=batch).status_code)
                statuses.append(web.get(f"{url}/v1/users/user-{n % 9:03}/recommendations?k=3").status_code)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(N_WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ends.set()
        for thread in threads:
            thread.join()


@pytest.mark.slow
def test_backups_under_load_refuse_no_request_and_hold_a_beginning_of_the_log(home_copy: Path, tmp_path: Path) -> None:
    backups = FolderStorage(tmp_path / "backups")
    with service(home_copy, workers=2) as server, writers(url_of(server)) as statuses:
        made = [back_up(BackupSource(home_copy), backups, StepLog()).manifest for _ in range(N_BACKUPS)]
    store = open_store(home_copy, None)
    whole = [row for frame in store.scan() for row in frame.rows()]
    store.close()
    assert set(statuses) == {200, 202}
    heads = [manifest.log.rows["events"] for manifest in made if manifest.log is not None]
    assert heads == sorted(set(heads)), "each backup is of a later moment"
    assert len(whole) > heads[-1]
    for manifest, n_events in zip(made, heads, strict=True):
        home = tmp_path / manifest.name
        restore(backups, RestoreTarget(home), StepLog(), name=manifest.name)
        copy = open_store(home, None)
        assert [row for frame in copy.scan() for row in frame.rows()] == whole[:n_events]
        assert manifest.answers > 0 or manifest is made[0]
        copy.close()

"""The SQLite store survives other programs, full disks, locks, and processes that die."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import apsw
import pytest

from recsys.data.events import Event
from recsys.data.store import sqlite_connection
from recsys.data.store.identity import AppendResult
from recsys.data.store.sqlite import SqliteStore
from recsys.data.store.sqlite_connection import SCHEMA_VERSION, connect
from recsys.errors import BadFile, LogUnavailable

OPEN_FILES = Path("/proc/self/fd")
SYNCHRONOUS = sqlite_connection.SYNCHRONOUS  # as a service has it: tests do not wait for the disk
FULL_DISK = """
import resource, sys
from pathlib import Path
from recsys.data.events import Event
from recsys.data.store.sqlite import SqliteStore
from recsys.errors import LogUnavailable
store = SqliteStore(Path(sys.argv[1]))
batches = [[Event(f"{batch}-{n}", "u", "i", 1, n) for n in range(2_000)] for batch in range(100)]
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
stored = []
try:
    for batch in batches:
        store.append(batch)
        stored.append(batch)
except LogUnavailable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert store.head() == 2_000 * len(stored) > 0, "half a batch is there, or nothing at all"
assert all(store.append(batches[len(stored)])), "a part of the refused batch was stored"
assert not any(store.append(stored[-1]))
print("works again")
"""
READ_ONLY = """
import os, sys
from pathlib import Path
from recsys.data.events import Event
from recsys.data.store.sqlite import SqliteStore
from recsys.errors import LogUnavailable
path = Path(sys.argv[1])
path.parent.chmod(0o755)
SqliteStore(path).close()
path.chmod(0o444)
path.parent.chmod(0o555)
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    SqliteStore(path).append([Event("a", "u", "i", 1, 1)])
except LogUnavailable as error:
    print(error)
"""
ENDLESS = """
import sys
from pathlib import Path
from recsys.data.events import Event
from recsys.data.store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
n = store.head()
while True:
    store.append([Event(f"{n + k}", "u", "i", 1, n) for k in range(3)])
    n += 3
    print(n, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "shop.db"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock."""
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def run(script: str, path: Path) -> str:
    process = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_each_commit_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_connection, "SYNCHRONOUS", SYNCHRONOUS)
    connection = connect(tmp_path / "shop.db", busy_ms=0, cache_kib=100)
    full = 2  # https://sqlite.org/pragma.html#pragma_synchronous
    assert connection.pragma("synchronous") == full
    connection.close()


def test_a_full_disk_stores_no_half_batch_and_the_store_works_again(path: Path) -> None:
    output = run(FULL_DISK, path)
    assert "send again" in output
    assert output.endswith("works again\n")


def test_a_file_that_may_not_be_written_says_so() -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert "write access" in run(READ_ONLY, Path(folder) / "shop.db")


def test_a_lock_held_too_long_is_an_error_and_the_next_append_works(path: Path) -> None:
    store = SqliteStore(path, busy_ms=20)
    with locked(path), pytest.raises(LogUnavailable, match="write lock"):
        store.append([Event("a", "u", "i", 1, 1)])
    assert store.append([Event("a", "u", "i", 1, 1)]) == [True]


def test_reads_work_while_another_process_writes(path: Path) -> None:
    store = SqliteStore(path)
    store.append([Event("a", "u", "i", 1, 1)])
    with locked(path):
        assert (store.user_head("u"), len(store.user_events("u")), store.changed()) == (1, 1, True)


def test_a_writer_waits_for_the_end_of_another_write(path: Path) -> None:
    store = SqliteStore(path)
    with locked(path):
        stored: list[AppendResult] = []
        thread = threading.Thread(target=lambda: stored.extend(store.append([Event("a", "u", "i", 1, 1)])))
        thread.start()
    thread.join()
    assert stored == [True]


@pytest.mark.parametrize("round_", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3)), 4])
def test_acknowledged_events_survive_a_killed_process(path: Path, round_: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    list(islice(process.stdout, 3 + 7 * round_))
    os.kill(process.pid, signal.SIGKILL)
    acknowledged = int((process.communicate()[0].split() or ["0"])[-1])
    store = SqliteStore(path)
    kept = [event_id for frame in store.scan() for event_id in frame["event_id"].to_list()]
    assert len(kept) >= max(acknowledged, 3 * (3 + 7 * round_))
    assert kept == [str(n) for n in range(len(kept))]
    assert len(kept) % 3 == 0
    assert store.append([Event("0", "u", "i", 1, 0), Event("new", "u", "i", 1, 1)]) == [False, True]


def test_a_file_of_a_newer_build_is_refused_unchanged(path: Path) -> None:
    SqliteStore(path).close()
    with apsw.Connection(str(path)) as connection:
        connection.pragma("user_version", SCHEMA_VERSION + 1)
    with pytest.raises(BadFile, match=f"schema {SCHEMA_VERSION + 1}, this build reads {SCHEMA_VERSION}; use the newer"):
        SqliteStore(path)


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with apsw.Connection(str(path)) as connection:
        connection.execute("CREATE TABLE events(x)")
    with pytest.raises(BadFile, match="another program"):
        SqliteStore(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("not a database\n" * 100)
    with pytest.raises(BadFile, match="no SQLite file"):
        SqliteStore(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LogUnavailable, match="cannot be made"):
        SqliteStore(tmp_path / "file" / "shop.db")


def test_a_damaged_file_is_unavailable_and_gives_no_wrong_rows(path: Path) -> None:
    store = SqliteStore(path)
    store.append([Event(f"{n}", "u", "i", 1, n) for n in range(5_000)])
    store.close()
    path.write_bytes(path.read_bytes()[:8_192] + os.urandom(path.stat().st_size - 8_192))
    with pytest.raises(LogUnavailable, match="damaged"):
        list(SqliteStore(path).scan())


def test_readers_of_many_threads_leave_no_connection_behind(path: Path) -> None:
    store = SqliteStore(path)
    store.append([Event("a", "u", "i", 1, 1)])
    before = len(list(OPEN_FILES.iterdir()))
    for _ in range(20):
        thread = threading.Thread(target=store.head)
        thread.start()
        thread.join()
    assert len(list(OPEN_FILES.iterdir())) <= before + 3

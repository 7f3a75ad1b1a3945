"""Erasure follower: a host erases from its own files whom another host erased from the log that they share.

The log keeps of an erased customer the digest alone, for good.  So each host compares the ids in its files with the
digests of new erasures, also of those that happened while it was down.
"""

import fcntl
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import orjson

from recsys.atomic_file import PRIVATE_FILE, replace_file
from recsys.data.answer_log.answer_log import open_answer_log, overwrite_deleted_answers
from recsys.data.files.destination import drop_unfinished
from recsys.data.store.base import Store
from recsys.data.store.people.held_texts import ID_TEXTS
from recsys.data.uploads import drop_uploads
from recsys.privacy.mentions import codes_within
from recsys.time_units import MINUTE_MS, now_ms

MARK = "run/erasures-followed"  # up to when, Unix ms by the clock of the log
LOCK = "run/erasures.lock"
AGAIN_MS = 2 * MINUTE_MS  # what a worker held in memory when it was looked for is written by then
PAUSE_S = 0.01  # between two pages of ids: requests come first
_ADDRESS = re.compile(r"[\w.+%]+@[\w.-]+")
_CUTS = re.compile(r"[.-]")  # where an address may end and something else goes on
_MOST_CHARS = 10_000
_SEPARATORS = re.compile(r"[\s,;|\"']+")

IsErased = Callable[[str], bool]


def follow_erasures(store: Store, home: Path) -> int:
    """Erases in this home whom other hosts erased since the last time; returns the number of answers deleted.

    A log of SQLite has one home: there is nothing to follow.  Raises LogUnavailable.
    """
    if store.is_local:
        return 0
    with _lock(home / LOCK) as is_ours:
        return _follow(store, home) if is_ours else 0


def place_of(home: Path) -> str:
    """The home on its machine: several machines may share one store, and each erases its own files."""
    return f"{socket.gethostname()}:{home.resolve()}"


def _follow(store: Store, home: Path) -> int:
    mark_ms = _read_mark(home / MARK)
    erased_ms = store.erased_times(min(mark_ms + 1, now_ms() - AGAIN_MS))
    if not erased_ms:
        return 0
    own = [change for change in store.unfinished_changes() if change.place == place_of(home)]
    under_way = {store.digest(user_id).hex() for change in own for user_id in change.user_ids}  # counted by its receipt
    latest_ms = now_ms() + MINUTE_MS  # what lies ahead was marked by a clock that was wrong
    digests = {digest: at_ms for digest, at_ms in erased_ms.items() if at_ms <= latest_ms and digest not in under_way}
    n_shown = _erase_answers(store, home, digests)
    for file in sorted((home / "rejects").glob("*.jsonl")):
        _remove_lines(file, lambda user_id: store.digest(user_id).hex() in digests)
    drop_unfinished(home)
    drop_uploads(home)
    replace_file(home / MARK, f"{max([mark_ms, *digests.values()])}\n".encode())
    return n_shown


def _erase_answers(store: Store, home: Path, erased_ms: Mapping[str, int]) -> int:
    """What a customer got after the erasure stays: it belongs to a new one."""
    log = open_answer_log(home)
    if log is None:
        return 0
    n_shown = 0
    with closing(log):
        for user_ids in log.pages_of_users():
            for user_id in user_ids:
                at_ms = erased_ms.get(store.digest(user_id).hex())
                if at_ms is not None:
                    n_shown += log.delete_user(user_id, at_ms)
            time.sleep(PAUSE_S)
    if n_shown:
        overwrite_deleted_answers(home)
    return n_shown


def _remove_lines(file: Path, is_erased: IsErased) -> int:
    """Removes the refused lines that name an erased customer from the file, and returns how many there were."""
    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not any(map(is_erased, _named(line)))]
    if len(kept) < len(lines):
        replace_file(file, b"".join(kept), PRIVATE_FILE)
    return len(lines) - len(kept)


def _named(line: bytes) -> Iterator[str]:
    """What may be an id in a refused line: its parsed user_id, else each of its values and of their words.

    And addresses, also those within the id of an order, and codes within it.
    """
    rejected = orjson.loads(line)
    read = rejected.get("read") or {}
    row: Mapping[str, object] = rejected.get("row") or {}
    texts = [str(value) for value in row.values() if value is not None]
    if read.get("user_id") is None:
        yield from texts
        yield from (word for text in texts for word in _SEPARATORS.split(text))
    else:
        yield str(read["user_id"])
        yield from (code for name in ID_TEXTS if read.get(name) for code in codes_within(str(read[name])))
    for address in (address for text in texts for address in _ADDRESS.findall(text[:_MOST_CHARS])):
        yield address
        yield from (address[: cut.start()] for cut in _CUTS.finditer(address))


def _read_mark(file: Path) -> int:
    with suppress(OSError, ValueError):
        return int(file.read_text("ascii"))
    return -1


@contextmanager
def _lock(file: Path) -> Iterator[bool]:
    """Whether this process may follow now: one worker of the host does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True

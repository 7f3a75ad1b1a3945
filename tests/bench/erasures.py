"""Bench of erasures: the time that events of other customers wait while 150 customers are erased in a row.

    python -m tests.bench.erasures [postgres]

Prints how long events wait alone, beside erasures, and the ratio: median, 99th percentile, the longest.
"""

import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from recsys.arrays import Floats
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.group_commit import GroupCommit
from recsys.data.store.open import open_store
from recsys.privacy.erasure import erase_user_data
from tests.postgres_server import new_postgres_server

CUSTOMERS, EVENTS_EACH, ERASED = 2_000, 60, 150
EVERY_S = 0.01
ALONE = 1_000


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="erasures-") as folder, _database(sys.argv[1:]) as url:
        home = Path(folder)
        store = open_store(home, url)
        _fill(store)
        alone = asyncio.run(_waits(store, lambda n: n >= ALONE))
        eraser = threading.Thread(target=_erase, args=(store, home))
        started = time.monotonic()
        eraser.start()
        beside = asyncio.run(_waits(store, lambda n: not eraser.is_alive()))
        took_s = time.monotonic() - started
        store.close()
    print(f"{ERASED} erasures in {took_s:.1f} s, beside {len(beside):,} events; ms alone, beside, ratio")
    for name, q in (("median", 50), ("p99", 99), ("max", 100)):
        before, after = (float(np.percentile(waits, q)) * 1_000 for waits in (alone, beside))
        print(f"{name:>6} {before:8.1f} {after:8.1f} {after / before:8.1f}")


@contextmanager
def _database(words: Sequence[str]) -> Iterator[str | None]:
    """The address of a PostgreSQL of its own where the command line asks for one, else None: SQLite."""
    if "postgres" not in words:
        yield None
        return
    server = new_postgres_server()
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def user_id(user: int) -> str:
    """An address, which an erasure looks for in the texts of all events."""
    return f"user-{user}@shop.example"


def _fill(store: Store) -> None:
    rng = np.random.default_rng(0)
    for n in range(EVENTS_EACH):
        users = rng.permutation(CUSTOMERS).tolist()
        store.append([Event(f"{n}-of-{user}", user_id(user), f"item-{user % 97}", Kind.VIEW, n) for user in users])


def _erase(store: Store, home: Path) -> None:
    for user in range(ERASED):
        erase_user_data(store, home, user_id(user))


async def _waits(store: Store, is_over: Callable[[int], bool]) -> Floats:
    """Seconds from the turn of each event until it is stored; the service commits in groups, too.  (N,)"""
    commits, waits, tasks = GroupCommit(store.append), list[float](), list[asyncio.Task[None]]()

    async def send(turn: float) -> None:
        at_ms = time.time_ns() // 1_000_000
        await commits.submit([Event(f"new-{turn}", f"other-{turn % 50:.0f}", "item-1", Kind.VIEW, at_ms)])
        waits.append(time.monotonic() - turn)

    turn = time.monotonic()
    while not is_over(len(tasks)):
        await asyncio.sleep(max(0.0, turn - time.monotonic()))
        tasks.append(asyncio.create_task(send(turn)))
        turn += EVERY_S
    await asyncio.gather(*tasks)
    commits.close()
    return np.asarray(waits)


if __name__ == "__main__":
    main()

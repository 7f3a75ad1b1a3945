"""Many callers, one commit: nothing lost, nothing twice, and nobody pays for another one's fault."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from recsys.data.events import Event
from recsys.data.store.group_commit import GroupCommit
from recsys.data.store.sqlite import SqliteStore
from recsys.errors import BadEvent, LogUnavailable

Outcome = list[bool | None] | BaseException


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    found = SqliteStore(path)
    yield found
    found.close()


@pytest.fixture
def commits(store: SqliteStore) -> Iterator[GroupCommit]:
    found = GroupCommit(store)
    yield found
    found.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program that writes and writes."""
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def event(event_id: str) -> Event:
    return Event(event_id, "u", "i", 1, 1)


def stored(store: SqliteStore) -> list[str]:
    return [event_id for frame in store.scan() for event_id in frame["event_id"].to_list()]


async def all_of(commits: GroupCommit, batches: Sequence[Sequence[Event]]) -> list[Outcome]:
    return await asyncio.gather(*(commits.submit(batch) for batch in batches), return_exceptions=True)


async def in_turn(commits: GroupCommit, ids: Sequence[str]) -> list[bool | None]:
    """One event after the other, each when the one before is durable."""
    return [is_new for one in ids for is_new in await commits.submit([event(one)])]


def test_every_caller_gets_its_own_verdicts(store: SqliteStore, commits: GroupCommit) -> None:
    store.append([event("known")])
    batches = [[event("a"), event("known")], [], [event("a")], [event("b"), event("c"), event("b")]]
    told = asyncio.run(all_of(commits, batches))
    assert told == [[True, False], [], [False], [True, True, False]]
    assert stored(store) == ["known", "a", "b", "c"]


def test_many_callers_of_several_loops_lose_and_double_nothing(store: SqliteStore, commits: GroupCommit) -> None:
    async def crowd(who: int) -> list[bool | None]:
        ids = [[f"{who}-{one}-{n}" for n in range(8)] + [f"shared-{one}"] for one in range(32)]
        return [is_new for told in await asyncio.gather(*(in_turn(commits, each) for each in ids)) for is_new in told]

    with ThreadPoolExecutor(3) as threads:
        told = list(threads.map(lambda who: asyncio.run(crowd(who)), range(3)))
    assert sum(verdicts.count(True) for verdicts in told) == 3 * 32 * 8 + 32
    assert len(stored(store)) == len(set(stored(store))) == 3 * 32 * 8 + 32


def test_only_who_brings_a_bad_event_hears_of_it(store: SqliteStore, commits: GroupCommit) -> None:
    told = asyncio.run(all_of(commits, [[event("a")], [event("b"), event("\0")], [event("c")], [event("")]]))
    assert (told[0], told[2]) == ([True], [True])
    assert isinstance(told[1], BadEvent)
    assert isinstance(told[3], BadEvent)
    assert stored(store) == ["a", "c"]


def test_when_the_log_fails_all_of_the_batch_hear_of_it_and_the_next_batch_works(path: Path) -> None:
    store = SqliteStore(path, busy_ms=20)
    commits = GroupCommit(store)
    with locked(path):
        told = asyncio.run(all_of(commits, [[event("a")], [event("b")]]))
    assert [type(one) for one in told] == [LogUnavailable, LogUnavailable]
    assert stored(store) == []
    assert asyncio.run(all_of(commits, [[event("a")]])) == [[True]]
    commits.close()


def test_closing_commits_what_waits_and_lets_nobody_in_after(store: SqliteStore, path: Path) -> None:
    commits = GroupCommit(store, max_batch=5)

    async def story() -> list[Outcome]:
        with locked(path):
            waiting = asyncio.create_task(all_of(commits, [[event(f"{n}")] for n in range(30)]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            closing = threading.Thread(target=commits.close)
            closing.start()
        return await waiting

    assert asyncio.run(story()) == [[True]] * 30
    assert len(stored(store)) == 30
    with pytest.raises(LogUnavailable, match="being closed"):
        asyncio.run(commits.submit([event("late")]))
    commits.close()


def test_a_full_queue_refuses_at_once_and_keeps_its_promises(store: SqliteStore, path: Path) -> None:
    commits = GroupCommit(store, max_batch=1, max_waiting=3)

    async def story() -> list[Outcome]:
        with locked(path):
            waiting = asyncio.create_task(all_of(commits, [[event(f"{n}")] for n in range(20)]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return await waiting

    told = asyncio.run(story())
    commits.close()
    refused = [one for one in told if isinstance(one, LogUnavailable)]
    assert len(refused) >= 20 - 1 - 3  # the one that is being written, and the queue
    assert "send the events again later" in str(refused[0])
    assert sorted(stored(store), key=int) == [f"{n}" for n, one in enumerate(told) if one == [True]]
    assert len(stored(store)) + len(refused) == 20


def test_a_caller_that_goes_away_disturbs_nobody(store: SqliteStore, commits: GroupCommit, path: Path) -> None:
    async def story() -> list[bool | None]:
        with locked(path):
            impatient = asyncio.create_task(commits.submit([event("gone")]))
            patient = asyncio.create_task(commits.submit([event("here")]))
            await asyncio.sleep(0)
            impatient.cancel()
        return await patient

    assert asyncio.run(story()) == [True]
    assert set(stored(store)) == {"gone", "here"}


def test_a_loop_that_ended_before_the_commit_disturbs_nobody(store: SqliteStore, path: Path) -> None:
    commits = GroupCommit(store)

    async def leave() -> None:
        asyncio.create_task(commits.submit([event("gone")])).add_done_callback(lambda task: task.cancelled())
        await asyncio.sleep(0)

    with locked(path):
        asyncio.run(leave())
    assert asyncio.run(commits.submit([event("here")])) == [True]
    commits.close()
    assert stored(store) == ["gone", "here"]

"""Group commit loses no event, stores none twice, and gives each caller only its own error."""

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
from recsys.data.store.identity import AppendResult
from recsys.data.store.sqlite import SqliteStore
from recsys.errors import BadEvent, LogUnavailable

Outcome = list[AppendResult] | BaseException


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(path)
    yield opened
    opened.close()


@pytest.fixture
def commits(store: SqliteStore) -> Iterator[GroupCommit]:
    started = GroupCommit(store.append)
    yield started
    started.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock."""
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def event(event_id: str) -> Event:
    return Event(event_id, "u", "i", 1, 1)


def stored(store: SqliteStore) -> list[str]:
    return [event_id for frame in store.scan() for event_id in frame["event_id"].to_list()]


async def submit_all(commits: GroupCommit, batches: Sequence[Sequence[Event]]) -> list[Outcome]:
    return await asyncio.gather(*(commits.submit(batch) for batch in batches), return_exceptions=True)


async def in_turn(commits: GroupCommit, ids: Sequence[str]) -> list[AppendResult]:
    """Submits events one after another, each when the event before is durable."""
    return [is_new for event_id in ids for is_new in await commits.submit([event(event_id)])]


def test_every_caller_gets_its_own_results(store: SqliteStore, commits: GroupCommit) -> None:
    store.append([event("known")])
    batches = [[event("a"), event("known")], [], [event("a")], [event("b"), event("c"), event("b")]]
    outcomes = asyncio.run(submit_all(commits, batches))
    assert outcomes == [[True, False], [], [False], [True, True, False]]
    assert stored(store) == ["known", "a", "b", "c"]


def test_many_callers_of_several_loops_lose_nothing_and_store_nothing_twice(
    store: SqliteStore, commits: GroupCommit
) -> None:
    async def callers(who: int) -> list[AppendResult]:
        ids = [[f"{who}-{caller}-{n}" for n in range(8)] + [f"shared-{caller}"] for caller in range(32)]
        return [is_new for part in await asyncio.gather(*(in_turn(commits, each) for each in ids)) for is_new in part]

    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda who: asyncio.run(callers(who)), range(3)))
    assert sum(part.count(True) for part in results) == 3 * 32 * 8 + 32
    assert len(stored(store)) == len(set(stored(store))) == 3 * 32 * 8 + 32


def test_only_the_caller_of_a_bad_event_gets_the_error(store: SqliteStore, commits: GroupCommit) -> None:
    outcomes = asyncio.run(submit_all(commits, [[event("a")], [event("b"), event("\0")], [event("c")], [event("")]]))
    assert (outcomes[0], outcomes[2]) == ([True], [True])
    assert isinstance(outcomes[1], BadEvent)
    assert isinstance(outcomes[3], BadEvent)
    assert stored(store) == ["a", "c"]


def test_when_the_log_fails_the_whole_batch_gets_the_error_and_the_next_batch_works(path: Path) -> None:
    store = SqliteStore(path, busy_ms=20)
    commits = GroupCommit(store.append)
    with locked(path):
        outcomes = asyncio.run(submit_all(commits, [[event("a")], [event("b")]]))
    assert [type(outcome) for outcome in outcomes] == [LogUnavailable, LogUnavailable]
    assert stored(store) == []
    assert asyncio.run(submit_all(commits, [[event("a")]])) == [[True]]
    commits.close()


def test_closing_commits_the_queue_and_refuses_later_callers(store: SqliteStore, path: Path) -> None:
    commits = GroupCommit(store.append, max_batch=5)

    async def story() -> list[Outcome]:
        with locked(path):
            waiting = asyncio.create_task(submit_all(commits, [[event(f"{n}")] for n in range(30)]))
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


def test_a_full_queue_refuses_at_once_and_commits_what_it_took(store: SqliteStore, path: Path) -> None:
    commits = GroupCommit(store.append, max_batch=1, max_waiting=3)

    async def story() -> list[Outcome]:
        with locked(path):
            waiting = asyncio.create_task(submit_all(commits, [[event(f"{n}")] for n in range(20)]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return await waiting

    outcomes = asyncio.run(story())
    commits.close()
    refused = [outcome for outcome in outcomes if isinstance(outcome, LogUnavailable)]
    assert len(refused) >= 20 - 1 - 3  # the batch that is being written, and the queue
    assert "send the events again later" in str(refused[0])
    assert sorted(stored(store), key=int) == [f"{n}" for n, outcome in enumerate(outcomes) if outcome == [True]]
    assert len(stored(store)) + len(refused) == 20


def test_a_cancelled_caller_does_not_disturb_the_others(store: SqliteStore, commits: GroupCommit, path: Path) -> None:
    async def story() -> list[AppendResult]:
        with locked(path):
            impatient = asyncio.create_task(commits.submit([event("gone")]))
            patient = asyncio.create_task(commits.submit([event("here")]))
            await asyncio.sleep(0)
            impatient.cancel()
        return await patient

    assert asyncio.run(story()) == [True]
    assert set(stored(store)) == {"gone", "here"}


def test_a_loop_that_ended_before_the_commit_does_not_disturb_others(store: SqliteStore, path: Path) -> None:
    commits = GroupCommit(store.append)

    async def leave() -> None:
        asyncio.create_task(commits.submit([event("gone")])).add_done_callback(lambda task: task.cancelled())
        await asyncio.sleep(0)

    with locked(path):
        asyncio.run(leave())
    assert asyncio.run(commits.submit([event("here")])) == [True]
    commits.close()
    assert stored(store) == ["gone", "here"]

"""Event cache: it holds what the log holds, and reads only newer events."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from api.live.event_cache import CachedEvents, EventCache
from recsys.data.events import Event, Kind
from recsys.data.store.sqlite import SqliteStore

USERS = ["anna", "berta"]

times = st.integers(0, 5)  # so few that events of one moment are many, and many come late
batches = st.lists(st.tuples(st.sampled_from(USERS), times), min_size=1, max_size=4)
asks = st.tuples(st.sampled_from(USERS), st.integers(0, 2))  # of whom, and how many of the last events are not seen yet


def events_of(
    store: SqliteStore, since: EventCache, user: str, *, after: int, head: int, forgotten: int
) -> list[Event]:
    """The events as an answer reads them."""
    read = since.get(user, after=after, forgotten=forgotten)
    if read.until < head:
        read = read.with_newer(store.user_events(user, after_seq=read.until), head)
        since.keep(user, read)
    return list(read.events)


@given(steps=st.lists(batches | asks | st.just("erase"), max_size=15), most=st.sampled_from([0, 3, 100]))
def test_the_cached_events_are_those_of_the_log_in_their_order(steps: list[object], most: int) -> None:
    since, n = EventCache(most), 0
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "shop.db")
        store.append([Event("before", "anna", "item", Kind.VIEW, 9)])
        for step in steps:
            if step == "erase":
                store.erase_user("anna")
            elif isinstance(step, list):
                store.append([Event(f"e{n + at}", user, "item", Kind.VIEW, ms) for at, (user, ms) in enumerate(step)])
                n += len(step)
            elif isinstance(step, tuple):
                user, unseen = step
                identity = store.identity(user)
                head = max(1, identity.head - unseen)
                result = events_of(store, since, user, after=1, head=head, forgotten=identity.forgotten_seq)
                expected = store.user_events(user, after_seq=1)
                assert result == expected if not unseen else set(result) <= set(expected)
        store.close()


def test_events_are_read_again_for_another_release(tmp_path: Path) -> None:
    store, since = SqliteStore(tmp_path / "shop.db"), EventCache()
    store.append([Event(f"e{at}", "anna", "item", Kind.VIEW, at) for at in range(4)])
    assert len(events_of(store, since, "anna", after=0, head=4, forgotten=0)) == 4
    assert len(events_of(store, since, "anna", after=3, head=4, forgotten=0)) == 1
    store.close()


def test_the_events_of_all_customers_are_bounded(tmp_path: Path) -> None:
    store, since = SqliteStore(tmp_path / "shop.db"), EventCache(max_events=5)
    store.append([Event(f"{user}{at}", user, "item", Kind.VIEW, at) for user in USERS for at in range(4)])
    for user in USERS:
        events_of(store, since, user, after=0, head=8, forgotten=0)
    assert not since.get("anna", after=0, forgotten=0).events
    assert len(since.get("berta", after=0, forgotten=0).events) == 4
    since.drop()
    assert not since.get("berta", after=0, forgotten=0).events
    store.close()


def test_customers_without_events_and_long_ids_are_bounded_too() -> None:
    nobodies = EventCache(10)
    for n in range(100):
        nobodies.keep(f"user-{n}", CachedEvents(0, 0, 1))
    assert sum(nobodies.get(f"user-{n}", after=0, forgotten=0).until for n in range(100)) == 10
    long_ids = EventCache(max_bytes=10_000)
    for n in range(100):
        event = Event(500 * "e", f"user-{n}", 500 * "i", Kind.VIEW, 9)
        long_ids.keep(f"user-{n}", CachedEvents(0, 0, 0).with_newer([event], 1))
    assert sum(len(long_ids.get(f"user-{n}", after=0, forgotten=0).events) for n in range(100)) == 5

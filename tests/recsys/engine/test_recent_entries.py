"""Bounded cache: the oldest entries make room, and the bytes that it holds stay below the limit."""

from hypothesis import given
from hypothesis import strategies as st

from recsys.engine.recent_entries import RecentEntries


@given(puts=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5))), most=st.integers(0, 4))
def test_the_newest_entries_that_fit_are_kept(puts: list[tuple[int, int]], most: int) -> None:
    entries = RecentEntries[int, str](most, 10)
    size_by_key: dict[int, int] = {}
    for key, n_bytes in puts:
        entries.put(key, f"{key}", n_bytes)
        if most:
            while size_by_key and (len(size_by_key) >= most or sum(size_by_key.values()) + n_bytes > 10):
                del size_by_key[next(iter(size_by_key))]
            size_by_key.setdefault(key, n_bytes)
        assert list(entries) == list(size_by_key)
    assert [entries.get(key) for key in size_by_key] == [f"{key}" for key in size_by_key]
    entries.clear()
    assert not list(entries)

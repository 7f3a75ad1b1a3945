"""Counters of a canary: a byte for each bucket of customers and each mark, in a file that all workers map.

A mark is only ever set, so that workers need no lock, and a customer who asks a thousand times counts once.
"""

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from recsys.arrays import Ints
from recsys.canary.split import BUCKETS

MARKS = ("answered", "error", "late", "fallback", "empty")
_SIZE = len(MARKS) * BUCKETS
_PLACE = {name: at * BUCKETS for at, name in enumerate(MARKS)}  # where the bytes of a mark begin


class CountedSplit(Protocol):
    """What is counted: a canary or an experiment.  n_buckets: the first so many are those of the new release."""

    @property
    def counter_name(self) -> str: ...

    @property
    def n_buckets(self) -> int: ...


class ArmCount(NamedTuple):
    """Buckets of customers in one arm: those that were answered, and those with the mark."""

    n: int
    marked: int


class ArmCounts(NamedTuple):
    """The same mark in both arms."""

    canary: ArmCount
    live: ArmCount


class CanaryCounters:
    """The counters of one hour of a split.  Where the file cannot be made, a worker counts for itself."""

    def __init__(self, home: Path, split: CountedSplit, window: int) -> None:
        self.window = window
        self._n_canary = split.n_buckets
        file = counter_file(home, split, window)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a+b") as opened:
                os.posix_fallocate(opened.fileno(), 0, _SIZE)  # a hole in a mapped file is a SIGBUS on a full disk
                self._map = mmap.mmap(opened.fileno(), _SIZE)
            self.is_shared = True
        except OSError:
            self._map = mmap.mmap(-1, _SIZE)
            self.is_shared = False

    def mark(self, bucket: int, name: str) -> None:
        """Sets the mark of that name for the customers of that bucket."""
        self._map[_PLACE[name] + bucket] = 1

    def mark_all(self, buckets: Ints, name: str) -> None:
        """The same for many buckets, (N,), each as often as it comes."""
        np.frombuffer(self._map, np.uint8)[_PLACE[name] + buckets] = 1

    def counts(self) -> Mapping[str, ArmCounts]:
        """What all workers counted, by mark."""
        return _counts(self._map, self._n_canary)


def counter_file(home: Path, split: CountedSplit, window: int) -> Path:
    """The file of one hour."""
    return home / "run" / f"{split.counter_name}-{window}"


def read_counts(home: Path, split: CountedSplit, window: int) -> Mapping[str, ArmCounts]:
    """What all workers counted in that hour, by mark; zeros without a file."""
    try:
        content = counter_file(home, split, window).read_bytes()
    except OSError:
        content = b""
    return _counts(content.ljust(_SIZE, b"\0"), split.n_buckets)


def remove_counters(home: Path, keep: Path | None = None, *, kind: str = "canary") -> None:
    """Deletes the files of other hours and canaries, or experiments; a worker that has one mapped keeps it."""
    for file in (home / "run").glob(f"{kind}-*"):
        if file != keep:
            file.unlink(missing_ok=True)


def _counts(content: "bytes | mmap.mmap", n_canary: int) -> dict[str, ArmCounts]:
    marks = np.frombuffer(content, np.uint8, _SIZE).reshape(len(MARKS), BUCKETS) > 0
    arms = marks[:, :n_canary].sum(axis=1), marks[:, n_canary:].sum(axis=1)
    canary, live = ([ArmCount(int(arm[0]), int(n)) for n in arm] for arm in arms)
    return {name: ArmCounts(*both) for name, *both in zip(MARKS, canary, live, strict=True)}

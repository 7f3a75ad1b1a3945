"""Deadline of a request: the moment until which its answer is useful."""

from typing import Final, NamedTuple

MOST_MS = 60_000  # a longer `X-Timeout-Ms` says nothing


class Deadline(NamedTuple):
    """Until when an answer is wanted, on the clock of `time.perf_counter`.

    why: `busy` when the worker's load says so, `deadline` when whoever asks does: then no waiting is allowed beyond it.
    """

    at: float
    why: str


NEVER: Final = Deadline(float("inf"), "busy")


AT_ONCE: Final = Deadline(float("-inf"), "busy")


def seconds_of(timeout: bytes) -> float | None:
    """What an `X-Timeout-Ms` header says, None for what is no number of 1 to MOST_MS."""
    if not timeout.isdigit() or len(timeout) > 5 or not 0 < (ms := int(timeout)) <= MOST_MS:
        return None
    return ms / 1_000

"""Deadline of a request: the moment until which its answer is useful."""

from typing import Final, NamedTuple

MAX_MS = 60_000  # a longer `X-Timeout-Ms` is ignored


class Deadline(NamedTuple):
    """A time on the clock of `time.perf_counter`.

    reason: `busy` if the load of the worker sets it; `deadline` if the client does, which then stops waiting.
    """

    at: float
    reason: str


NEVER: Final = Deadline(float("inf"), "busy")
AT_ONCE: Final = Deadline(float("-inf"), "busy")


def seconds_of(timeout: bytes) -> float | None:
    """The seconds of an `X-Timeout-Ms` header, None when it is no number from 1 to MAX_MS."""
    if not timeout.isdigit() or len(timeout) > 5 or not 0 < (ms := int(timeout)) <= MAX_MS:
        return None
    return ms / 1_000

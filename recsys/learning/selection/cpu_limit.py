"""CPU limit: a fit that costs far more than was foretold is broken off, by the CPU clock of this process."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

AGAIN_S = 0.5  # where the first signal is lost in code that swallows exceptions


class CpuLimitExceeded(Exception):
    """The limit ended inside of the block."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raises CpuLimitExceeded inside once this process has used so much CPU, all threads together.

    A call into a library ends first: nothing is left half written.  Only the main thread can be interrupted; in any
    other nothing is limited.
    """
    if seconds == inf or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        raise CpuLimitExceeded(f"{seconds:g} s of CPU are used up")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)

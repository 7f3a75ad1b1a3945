"""CPU limit: endless work ends, quick work does not, and nothing stays behind."""

import signal
import threading

import pytest

from recsys.learning.selection.cpu_limit import CpuLimitExceeded, cpu_limit


def work_for_ever(*, swallows: int = 0) -> None:
    """Goes on over the first exceptions."""
    while True:
        try:
            sum(range(1_000))
        except CpuLimitExceeded:
            if not swallows:
                raise
            swallows -= 1


def test_endless_work_is_broken_off() -> None:
    with pytest.raises(CpuLimitExceeded, match=r"0\.01 s of CPU"), cpu_limit(0.01):
        work_for_ever()


def test_an_exception_that_is_swallowed_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.learning.selection.cpu_limit.AGAIN_S", 0.01)
    with pytest.raises(CpuLimitExceeded), cpu_limit(0.01):
        work_for_ever(swallows=2)


def test_after_the_block_nothing_is_limited() -> None:
    before = signal.getsignal(signal.SIGPROF)
    with cpu_limit(1_000.0):
        pass
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGPROF) == before


def test_another_thread_works_without_a_limit() -> None:
    done = []

    def work() -> None:
        with cpu_limit(0.001):
            done.append(sum(range(100_000)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [4999950000]

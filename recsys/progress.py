"""Progress of a long job: its steps with their seconds and peak memory."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field


def _ignore(name: str) -> None:
    pass


@dataclass(slots=True)
class StepLog:
    """Seconds and peak memory of each step; `on_step` gets the name of a step when it begins."""

    on_step: Callable[[str], None] = _ignore
    done: dict[str, dict[str, float]] = field(default_factory=dict)

    def __call__(self, name: str) -> AbstractContextManager[None]:
        return self._timed(name)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        self.on_step(name)
        start = time.perf_counter()
        yield
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.done[name] = {"seconds": round(time.perf_counter() - start, 3), "peak_mib": round(peak_mib, 1)}


@dataclass(slots=True)
class PrefixedSteps(StepLog):
    """Steps of one part of a job, logged among the steps of the whole job with a prefix before their names."""

    whole: StepLog = field(default_factory=StepLog)
    prefix: str = ""

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        with self.whole(f"{self.prefix} {name}"):
            yield
        self.done[name] = self.whole.done[f"{self.prefix} {name}"]

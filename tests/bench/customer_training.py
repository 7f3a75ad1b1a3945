"""Cost of the customer parts in a training of a home: CPU seconds and memory, measured inside of `recsys train`.

python -m tests.bench.customer_training HOME             trains, and says what the customer parts took
python -m tests.bench.customer_training HOME --without   trains without them, to compare the whole
"""

import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from recsys.cli.app import application
from recsys.learning import bundle_builder, engine_parts

PARTS = ("customers", "customer_scores", "needs")
MIB = 1024
MOST_S, MOST_MIB = 60.0, 1024.0


class PartCosts:
    """CPU seconds, and memory above what stood before (MiB), by part.  peaks: of the process, outside and in them."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)  # the gate makes some of the parts again
        self.memory: defaultdict[str, float] = defaultdict(float)
        self.peaks = {"other": 0.0, "parts": 0.0}

    def measure(self, name: str, work: Callable[..., Any], *words: Any) -> Any:
        """The result of the work, whose cost is noted."""
        self.note_peak("other")
        before, started = _memory_mib("VmRSS"), time.process_time()
        result = work(*words)
        self.seconds[name] += time.process_time() - started
        self.memory[name] = max(self.memory[name], self.note_peak("parts") - before)
        return result

    def note_peak(self, place: str) -> float:
        """The peak since the last call."""
        peak = _memory_mib("VmHWM")
        self.peaks[place] = max(self.peaks[place], peak)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        return peak

    def install(self) -> None:
        """Measures the parts wherever a training makes them."""
        wrapped = partial(partial, self.measure)
        _exchange(engine_parts, "_customer_log", partial(wrapped, "log"))
        for name in PARTS:
            engine_parts.PART_LEARNERS[name] = wrapped(name, engine_parts.PART_LEARNERS[name])
        _exchange(bundle_builder, "write_people", partial(wrapped, "people.parquet"))


def _exchange(module: ModuleType, name: str, make: Callable[[Any], Any]) -> None:
    setattr(module, name, make(getattr(module, name)))


def _memory_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / MIB for line in lines if line.startswith(field))


def main() -> int:
    """Exits with 1 where the customer parts take more than MOST_S of CPU or MOST_MIB."""
    home, costs = sys.argv[1], PartCosts()
    if sys.argv[2:] == ["--without"]:
        _exchange(engine_parts, "_customer_log", lambda _made: lambda _data: None)
    else:
        costs.install()
    application()(["--home", home, "train", "--always"], standalone_mode=False)
    costs.note_peak("other")
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"training: {used.ru_utime + used.ru_stime:.1f} s of CPU, peak {costs.peaks['other']:,.0f} MiB")
    for name, seconds in costs.seconds.items():
        print(f"  {name}: {seconds:.1f} s of CPU, {costs.memory[name]:,.0f} MiB above what stood before")
    total, most = sum(costs.seconds.values()), max(costs.memory.values(), default=0.0)
    print(f"customer parts: {total:.1f} s of CPU, {most:,.0f} MiB; peak in them {costs.peaks['parts']:,.0f} MiB")
    return int(total > MOST_S or most > MOST_MIB)


if __name__ == "__main__":
    sys.exit(main())

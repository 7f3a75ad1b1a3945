"""Protocol of a job lock, and the process that holds it."""

import os
import platform
from dataclasses import asdict, dataclass
from typing import Protocol

import orjson

from recsys.time_units import now_ms, second


@dataclass(frozen=True, slots=True)
class JobHolder:
    """The process that holds a job lock, and since when."""

    job: str
    host: str
    pid: int
    since_ms: int

    def __str__(self) -> str:
        return f"{self.job} on {self.host}, process {self.pid}, since {second(self.since_ms)}"

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))


def parse_holder(text: bytes | str) -> JobHolder | None:
    """None for a text that is empty or damaged."""
    try:
        return JobHolder(**orjson.loads(text))
    except (ValueError, TypeError):
        return None


def this_process(job: str) -> JobHolder:
    """This process as the holder of a lock."""
    return JobHolder(job, platform.node(), os.getpid(), now_ms())


class JobLock(Protocol):
    """A lock that one process of all machines holds at a time."""

    renew_s: float | None  # how often the holder says that it is alive; None where the kernel knows

    def take(self, holder: JobHolder, floor: int) -> int | None:
        """The generation, above `floor` and above that of every holder before; None while another holds the lock."""

    def holder(self) -> JobHolder | None:
        """Who holds it; None if nobody does, or where that cannot be read."""

    def renew(self, generation: int) -> bool:
        """Says that the holder is alive; False where another has taken the lock since."""

    def release(self, generation: int) -> None:
        """Lets it go, unless another has taken it since."""

    def close(self) -> None:
        """Closes its connections, after `release`."""

"""Canary state: which release serves what share of the customers beside the live one; the file `.canary`.

The file is replaced whole, and the canary stands only beside the release that it began with: whatever becomes live
ends it, also where the process died before it said so.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recsys.atomic_file import file_lock, replace_file
from recsys.bundle import live_version
from recsys.canary.split import BUCKETS
from recsys.errors import BadBundle
from recsys.time_units import HOUR_MS

CANARY = ".canary"
CHANGING = ".changing"  # lock file of the registry, held for a moment, so that a rollback never waits for a training

CanaryOutcome = Literal["running", "forward", "back", "stopped"]


class Canary(BaseModel):
    """One canary.  champion: the release that was live when it began.  share: percent of the customers.

    reasons: why it ended, in plain words.
    """

    model_config = ConfigDict(frozen=True)
    version: str
    champion: str
    share: float = Field(gt=0, le=50)
    hours: float = Field(gt=0)
    began_at_ms: int
    outcome: CanaryOutcome = "running"
    reasons: tuple[str, ...] = ()
    ended_at_ms: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was not said to be over."""
        return self.outcome == "running"

    @property
    def until_ms(self) -> int:
        """When it goes forward at the latest, if nothing is wrong."""
        return self.began_at_ms + round(self.hours * HOUR_MS)

    @property
    def n_buckets(self) -> int:
        """The customers of the first buckets get the canary."""
        return max(1, round(self.share / 100 * BUCKETS))

    @property
    def counter_name(self) -> str:
        """Of the files of its counters."""
        return f"canary-{self.version}-{self.began_at_ms}"

    def window(self, now_ms: int) -> int:
        """Number of the hour since it began: the guardrails count each hour anew."""
        return max(0, now_ms - self.began_at_ms) // HOUR_MS

    def beside(self, live: str | None) -> "Canary":
        """Over where another release became live, also if the process died before it wrote so; else the same."""
        if not self.is_running or live == self.champion:
            return self
        return self.ended("forward" if live == self.version else "stopped", [f"{live} was promoted"], self.began_at_ms)

    def ended(self, outcome: CanaryOutcome, reasons: Sequence[str], now_ms: int) -> "Canary":
        """The same canary, over for these reasons."""
        return self.model_copy(update={"outcome": outcome, "reasons": tuple(reasons), "ended_at_ms": now_ms})


def read_canary(bundles: Path) -> Canary | None:
    """The canary of the file, also one that is over; None without one.  Raises BadBundle when the file is damaged."""
    file = bundles / CANARY
    try:
        return Canary.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise BadBundle(f"{file}: no state of a canary ({error}); `recsys canary stop` writes it anew") from None


def running_canary(bundles: Path) -> Canary | None:
    """The canary that runs beside the live release; None without one.  Raises BadBundle for a damaged file."""
    canary = read_canary(bundles)
    return canary if canary is not None and canary.beside(live_version(bundles)).is_running else None


def write_canary(bundles: Path, canary: Canary) -> None:
    """Replaces the file; the caller holds the lock of the registry.  Raises OSError."""
    replace_file(bundles / CANARY, canary.model_dump_json(indent=2).encode())


def send_back(bundles: Path, canary: Canary, reasons: Sequence[str], now_ms: int) -> bool:
    """Ends that canary: every customer gets the live release again.  False when it is over already.  Raises OSError."""
    with file_lock(bundles / CHANGING):
        if running_canary(bundles) != canary:
            return False
        write_canary(bundles, canary.ended("back", reasons, now_ms))
    return True

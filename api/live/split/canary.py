"""Live canary of a worker: the release that a share of the customers gets, and what it does beside the live one."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog

from api.live.release import LiveRelease
from api.live.split.marks import Mark
from api.observability.metrics import Metrics
from api.polling import FileStamp, stamp_of
from recsys.bundle import LIVE
from recsys.canary.counters import CanaryCounters, counter_file, remove_counters
from recsys.canary.guardrails import broken_guardrails
from recsys.canary.split import bucket_of
from recsys.canary.state import CANARY, Canary, running_canary, send_back
from recsys.errors import RecsysError
from recsys.ranking.rules.model import Rules
from recsys.time_units import now_ms

log = structlog.get_logger()

LATE_S = 0.05
JUDGE_EVERY_S = 1.0

Arm = Literal["canary", "live"]


@dataclass(frozen=True, slots=True)
class LiveCanary:
    """A canary that this worker serves.  counters: those of this hour, shared by all workers of the machine."""

    state: Canary
    release: LiveRelease
    counters: CanaryCounters

    def arm(self, bucket: int) -> Arm:
        return "canary" if bucket < self.state.n_buckets else "live"

    def bucket(self, owner: str) -> int:
        """The bucket of the customer, by the id that they were merged into."""
        return bucket_of(owner, self.state.version)


class CanaryHolder:
    """`now` is the canary that runs beside the live release, None without one.  Only the event loop assigns it.

    A canary that breaks a guardrail, or cannot be opened, goes back at once, by whichever worker sees it first.
    """

    def __init__(self, home: Path, bundles: Path, metrics: Metrics, load: Callable[[str], LiveRelease]) -> None:
        """load: opens a published version with the current catalogue, in a thread; it may raise RecsysError."""
        self._home = home
        self._bundles = bundles
        self._metrics = metrics
        self._load = load
        self._stamps: tuple[FileStamp | None, FileStamp | None] = (None, None)
        self._judged_at = 0.0
        self._refused: Canary | None = None  # that this worker could not end in the file
        self.now: LiveCanary | None = None

    async def poll(self, rules: Rules) -> None:
        """Takes a canary that began, drops one that is over, and looks at the guardrails."""
        stamps = stamp_of(self._bundles / CANARY), stamp_of(self._bundles / LIVE)
        if stamps != self._stamps:
            await self._reload(rules)
            self._stamps = stamps
        elif self.now is not None and time.monotonic() >= self._judged_at + JUDGE_EVERY_S:
            self._judged_at = time.monotonic()
            await self._judge(self.now)

    def observe(self, bucket: int, seconds: float, mark: Mark | None) -> None:
        """Counts one answer to a customer of that bucket.  mark: what was wrong with it.  From any thread."""
        canary = self.now
        if canary is None:
            return
        marks = [mark] if mark is not None else []
        if seconds > LATE_S:
            marks.append("late")
        canary.counters.mark(bucket, "answered")
        arm = canary.arm(bucket)
        for name in marks:
            canary.counters.mark(bucket, name)
        for outcome in marks or ("whole",):
            self._metrics.canary_answers.labels(arm, outcome).inc()

    def replace(self, before: LiveRelease, after: LiveRelease) -> bool:
        """Puts `after` in the place of `before`; False when the canary is over or another."""
        if self.now is None or self.now.release is not before:
            return False
        self.now = replace(self.now, release=after)
        return True

    def use_rules(self, rules: Rules) -> None:
        """The same canary under other rules."""
        if self.now is not None:
            self.now = replace(self.now, release=self.now.release.with_rules(rules))

    def loaded(self, version: str) -> LiveRelease | None:
        """The release of the canary if it has that version: it is open already when it goes forward."""
        return self.now.release if self.now is not None and self.now.release.version == version else None

    def drop(self) -> None:
        """Loads the canary again with the next poll: the log is another one now."""
        self.now = None
        self._stamps = (None, None)

    async def _reload(self, rules: Rules) -> None:
        try:
            state = running_canary(self._bundles)
        except RecsysError as error:
            log.warning("canary_unreadable", detail=str(error))
            state = None
        if state is not None and (state == self._refused or (self.now is not None and self.now.state == state)):
            return
        self._end()
        if state is None:
            await asyncio.to_thread(remove_counters, self._home)
            return
        try:
            release = await asyncio.to_thread(self._load, state.version)
        except Exception as error:  # the error boundary of this job: the live release stays, whatever is wrong
            log.exception("canary_failed")
            await self._send_back(state, [f"a worker cannot open it: {error}"])
            return
        window = state.window(now_ms())
        self.now = LiveCanary(state, release.with_rules(rules), CanaryCounters(self._home, state, window))
        self._metrics.canary_began(state.share, state.until_ms)
        log.info("canary_in_service", version=state.version, share=state.share)

    async def _judge(self, canary: LiveCanary) -> None:
        state, window = canary.state, canary.state.window(now_ms())
        reasons = await asyncio.to_thread(lambda: broken_guardrails(canary.counters.counts()))
        if reasons:
            await self._send_back(state, reasons)
        elif self.now is canary and window != canary.counters.window:
            self.now = replace(canary, counters=CanaryCounters(self._home, state, window))
            await asyncio.to_thread(remove_counters, self._home, counter_file(self._home, state, window))

    async def _send_back(self, state: Canary, reasons: list[str]) -> None:
        """Ends the canary in this worker, and for all others through its file."""
        self._refused = state
        self._end()
        try:
            is_first = await asyncio.to_thread(send_back, self._bundles, state, reasons, now_ms())
        except (OSError, RecsysError) as error:  # a disk that cannot be written: the other workers see it themselves
            log.error("canary_not_ended", detail=str(error))
            is_first = False
        if is_first:
            self._metrics.canaries_back.inc()
        log.error("canary_went_back", version=state.version, reasons=reasons)

    def _end(self) -> None:
        if self.now is not None:
            self.now = None
            self._metrics.canary_began(0.0, 0)

"""Live experiment of a worker: the release that each arm gets, and what the arms do beside each other."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import structlog

from api.live.canary import JUDGE_EVERY_S, LATE_S, Mark
from api.live.release import LiveRelease
from api.observability.metrics import Metrics
from api.polling import FileStamp, stamp_of
from recsys.canary.counters import CanaryCounters, counter_file, remove_counters
from recsys.canary.guardrails import broken_guardrails
from recsys.errors import RecsysError
from recsys.experiments.definition import ArmName
from recsys.experiments.split import arm_of, customer_bucket
from recsys.experiments.state import EXPERIMENTS, Experiment, end_here, read_experiments, running_experiment
from recsys.ranking.query import RecommendationList, Rows
from recsys.ranking.rules.model import Rules
from recsys.ranking.variants import VariantParts, with_variant
from recsys.time_units import now_ms

log = structlog.get_logger()

ParseVariants = Callable[[Experiment], Mapping[ArmName, VariantParts]]
ARMS_IN_WORDS = ("the customers of B", "those of A")


class ServedArm(NamedTuple):
    """The arm of one answer.  rival: the release whose list is interleaved on that placement; None in a split."""

    experiment: str
    arm: str
    rival: LiveRelease | None = None
    placement: str | None = None

    def interleaves(self, recommendations: RecommendationList | Rows) -> bool:
        """Whether that answer is a list of the placement whose lists are mixed."""
        return isinstance(recommendations, RecommendationList) and recommendations.placement == self.placement


@dataclass(slots=True)
class _Derived:
    """What an arm made of a release last: the release changes now and then, and every request asks."""

    base: LiveRelease
    release: LiveRelease


@dataclass(frozen=True, slots=True)
class LiveExperiment:
    """An experiment that this worker serves.  parts: what each arm changes.  pinned: the releases that it holds."""

    state: Experiment
    parts: Mapping[ArmName, VariantParts]
    counters: CanaryCounters
    pinned: dict[str, LiveRelease] = field(default_factory=dict)
    derived: dict[ArmName, _Derived] = field(default_factory=dict)

    def assigned(self, owner: str, live: LiveRelease) -> "tuple[LiveRelease, int | None, ServedArm | None]":
        """The release of that customer, the bucket and the arm; the live one for who does not take part."""
        number = customer_bucket(self.state, owner)
        arm = arm_of(self.state, number)
        if arm is None:
            return live, None, None
        plan = self.state.plan
        if plan.interleaved is None:
            return self.release(arm, live), number, ServedArm(plan.id, arm)
        served = ServedArm(plan.id, "A+B", self.release("B", live), plan.interleaved)
        return self.release("A", live), number, served

    def release(self, arm: ArmName, live: LiveRelease) -> LiveRelease:
        """What that arm gets while `live` is live."""
        version = self.state.plan.variant(arm).release
        base = live if version is None else self.pinned.get(version, live)
        made = self.derived.get(arm)
        if made is None or made.base is not base:
            made = self.derived[arm] = _Derived(base, self._derive(arm, base, live.recommender.rules))
        return made.release

    def _derive(self, arm: ArmName, base: LiveRelease, rules: Rules) -> LiveRelease:
        recommender = with_variant(base.recommender, self.parts[arm], rules)
        name = f"{self.state.id}.{arm}.{self.state.began_at_ms}"
        return replace(base, recommender=recommender, state=f"{base.state}/{name}")


class ExperimentHolder:
    """`now` is the experiment that runs, None without one.  Only the event loop assigns it.

    One whose variants cannot be opened, or whose B breaks a guardrail, ends at once, by the worker that sees it first.
    """

    def __init__(self, home: Path, bundles: Path, metrics: Metrics, load: Callable[[str], LiveRelease]) -> None:
        """load: opens a published version with the current catalogue, in a thread; it may raise RecsysError."""
        self._home = home
        self._bundles = bundles
        self._metrics = metrics
        self._load = load
        self._stamp: FileStamp | None = None
        self._judged_at = 0.0
        self._refused: Experiment | None = None  # that this worker could not end in the file
        self.now: LiveExperiment | None = None

    @property
    def saved_segments(self) -> frozenset[str]:
        """The saved segments that rules of an arm name."""
        parts = [] if self.now is None else self.now.parts.values()
        return frozenset().union(*(part.rules.saved_segments for part in parts if part.rules is not None))

    @property
    def uses_attributes(self) -> bool:
        """Whether rules of an arm need attributes of customers."""
        if self.now is None:
            return False
        return any(part.rules is not None and part.rules.uses_segments for part in self.now.parts.values())

    async def poll(self, live: LiveRelease | None, parse: ParseVariants) -> None:
        """Takes an experiment that began, drops one that is over, and looks at the guardrails.

        parse: what each arm changes; it may raise RecsysError.
        """
        stamp = stamp_of(self._bundles / EXPERIMENTS)
        if stamp != self._stamp and live is not None:
            await self._reload(live, parse)
            self._stamp = stamp
        elif self.now is not None and time.monotonic() >= self._judged_at + JUDGE_EVERY_S:
            self._judged_at = time.monotonic()
            await self._judge(self.now)

    def observe(self, number: int, seconds: float, mark: Mark | None) -> None:
        """Counts one answer to a customer of that bucket.  mark: what was wrong with it.  From any thread."""
        live = self.now
        arm = None if live is None else arm_of(live.state, number)
        if live is None or arm is None:
            return
        marks = [mark] if mark is not None else []
        if seconds > LATE_S:
            marks.append("late")
        live.counters.mark(number, "answered")
        for name in marks:
            live.counters.mark(number, name)
        for outcome in marks or ("whole",):
            self._metrics.experiment_answers.labels(arm, outcome).inc()

    def replace(self, before: LiveRelease, after: LiveRelease) -> bool:
        """Puts `after` in the place of `before` among the releases that are held; False where it is not."""
        pinned = {} if self.now is None else self.now.pinned
        held = [version for version, release in pinned.items() if release is before]
        pinned.update(dict.fromkeys(held, after))
        return bool(held)

    def releases(self) -> Collection[LiveRelease]:
        """The releases that are held."""
        return () if self.now is None else tuple(self.now.pinned.values())

    def renew(self) -> None:
        """Makes the releases of the arms anew: the shop's rules, or the members of a segment, are others now."""
        if self.now is not None:
            self.now.derived.clear()

    def drop(self) -> None:
        """Loads the experiment again with the next poll: the log is another one now."""
        self.now, self._stamp = None, None

    async def _reload(self, live: LiveRelease, parse: ParseVariants) -> None:
        try:
            state = running_experiment(await asyncio.to_thread(read_experiments, self._bundles))
        except RecsysError as error:
            log.warning("experiments_unreadable", detail=str(error))
            state = None
        if state is not None and (state == self._refused or (self.now is not None and self.now.state == state)):
            return
        self._end()
        if state is None:
            await asyncio.to_thread(remove_counters, self._home, kind="experiment")
            return
        try:
            parts = await asyncio.to_thread(parse, state)
            pinned = {version: await self._opened(version, live) for version in state.plan.releases}
        except Exception as error:  # the error boundary of this job: the shop stays as it is, whatever is wrong
            log.exception("experiment_failed")
            await self._fail(state, [f"a worker cannot serve it: {error}"])
            return
        counters = CanaryCounters(self._home, state, state.window(now_ms()))
        self.now = LiveExperiment(state, parts, counters, pinned)
        self._metrics.experiment_share.set(state.plan.share)
        log.info("experiment_in_service", experiment=state.id, share=state.plan.share)

    async def _opened(self, version: str, live: LiveRelease) -> LiveRelease:
        return live if version == live.version else await asyncio.to_thread(self._load, version)

    async def _judge(self, live: LiveExperiment) -> None:
        state, window = live.state, live.state.window(now_ms())
        reasons = await asyncio.to_thread(lambda: broken_guardrails(live.counters.counts(), ARMS_IN_WORDS))
        if reasons:
            await self._fail(state, reasons)
        elif self.now is live and window != live.counters.window:
            self.now = replace(live, counters=CanaryCounters(self._home, state, window))
            kept = counter_file(self._home, state, window)
            await asyncio.to_thread(remove_counters, self._home, kept, kind="experiment")

    async def _fail(self, state: Experiment, reasons: list[str]) -> None:
        """Ends the experiment in this worker, and for all others through its file."""
        self._refused = state
        self._end()
        try:
            await asyncio.to_thread(end_here, self._bundles, state, reasons, now_ms())
        except (OSError, RecsysError) as error:  # a disk that cannot be written: the other workers see it themselves
            log.error("experiment_not_ended", detail=str(error))
        log.error("experiment_ended", experiment=state.id, reasons=reasons)

    def _end(self) -> None:
        if self.now is not None:
            self.now = None
            self._metrics.experiment_share.set(0.0)

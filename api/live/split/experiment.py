"""Live experiment of a worker: the release that each arm gets, and what the arms do beside each other."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import orjson
import structlog

from api.live.release import LiveRelease
from api.live.split.canary import JUDGE_EVERY_S, LATE_S
from api.live.split.marks import Mark
from api.observability.metrics import Metrics
from api.polling import FileStamp, stamp_of
from recsys.canary.counters import CanaryCounters, counter_file, remove_counters
from recsys.canary.guardrails import broken_guardrails
from recsys.errors import RecsysError
from recsys.experiments.definition import ArmName, ExperimentPlan
from recsys.experiments.split import arm_of, customer_bucket
from recsys.experiments.state import EXPERIMENTS, Experiment, end_here, read_experiments, running_experiment
from recsys.ranking.query import RecommendationList, Rows
from recsys.ranking.rules.model import Rules
from recsys.ranking.variants import VariantParts, with_variant
from recsys.time_units import now_ms

log = structlog.get_logger()

T = TypeVar("T")
ParseVariants = Callable[[Experiment], Mapping[ArmName, VariantParts]]
ARMS_IN_WORDS = ("the customers of B", "those of A")
_MOST_PLACED = 50_000  # customers


class ServedArm(NamedTuple):
    """The arm of an answer.  rival: the release whose list is interleaved on that placement; None in a split.

    label: the JSON that names experiment and arm, up to the comma before the answer's own fields.
    """

    experiment: str
    label: bytes
    rival: LiveRelease | None = None
    placement: str | None = None

    @classmethod
    def build(cls, plan: ExperimentPlan, arm: ArmName, rival: LiveRelease | None) -> "ServedArm":
        label = {"experiment": {"id": plan.id, "arm": arm if rival is None else "A+B"}}
        return cls(plan.id, orjson.dumps(label)[:-1] + b",", rival, plan.interleaved)

    def interleaves(self, recommendations: RecommendationList | Rows) -> bool:
        """Whether that answer is a list of the placement whose lists are mixed."""
        return isinstance(recommendations, RecommendationList) and recommendations.placement == self.placement


@dataclass(slots=True)
class _Derived:
    """What an arm made of a release and the shop's rules last: both change now and then, and every request asks.

    live: the release that was live then; None where it must be looked at anew.
    """

    live: LiveRelease | None
    base: LiveRelease
    rules: Rules
    release: LiveRelease
    served: ServedArm


@dataclass(frozen=True, slots=True)
class LiveExperiment:
    """An experiment that this worker serves; another one when what its arms get changes.

    parts: what each arm changes.  pinned: the releases that it holds.  n_buckets: of each arm, B has the first.
    uses_attributes: rules of an arm need attributes of customers.
    placed: bucket and arm of the customers who asked, so that their hash is worked out once.
    """

    state: Experiment
    parts: Mapping[ArmName, VariantParts]
    counters: CanaryCounters
    n_buckets: int
    uses_attributes: bool = False
    pinned: dict[str, LiveRelease] = field(default_factory=dict)
    derived: dict[ArmName, _Derived] = field(default_factory=dict)
    placed: dict[str, tuple[int, ArmName | None]] = field(default_factory=dict)

    def assigned(self, owner: str, live: LiveRelease) -> "tuple[LiveRelease, int | None, ServedArm | None]":
        """The release of that customer, the bucket and the arm; the live one for who does not take part."""
        number, arm = self.placed.get(owner) or self._place(owner)
        if arm is None:
            return live, None, None
        made = self.derived.get(arm)
        if made is None or made.live is not live:
            made = self._derive(arm, live)
        return made.release, number, made.served

    def _place(self, owner: str) -> tuple[int, ArmName | None]:
        number = customer_bucket(self.state, owner)
        arm = arm_of(self.state, number)
        if len(self.placed) >= _MOST_PLACED:
            self.placed.clear()
        # Where lists are mixed, everybody gets those of A with B as their rival.
        self.placed[owner] = place = number, "A" if arm is not None and self.state.plan.interleaved else arm
        return place

    def _derive(self, arm: ArmName, live: LiveRelease) -> _Derived:
        plan, rules, before = self.state.plan, live.recommender.rules, self.derived.get(arm)
        base = self.pinned.get(plan.variant(arm).release or "", live)
        if before is not None and before.base is base and before.rules is rules:
            release = before.release
        else:
            release = self._release(arm, base, rules, before)
        rival = self._derive("B", live).release if plan.interleaved and arm == "A" else None
        made = self.derived[arm] = _Derived(live, base, rules, release, ServedArm.build(plan, arm, rival))
        return made

    def _release(self, arm: ArmName, base: LiveRelease, rules: Rules, before: _Derived | None) -> LiveRelease:
        same = before if before is not None and before.base.recommender.engine is base.recommender.engine else None
        engine = None if same is None else same.release.recommender.engine
        recommender = with_variant(base.recommender, self.parts[arm], rules, engine)
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
        self._whole: list[int] = []  # the bucket of each answer with which nothing was wrong
        self._marked: list[tuple[int, Mark]] = []
        self.now: LiveExperiment | None = None

    @property
    def saved_segments(self) -> frozenset[str]:
        """The saved segments that rules of an arm name."""
        parts = [] if self.now is None else self.now.parts.values()
        return frozenset().union(*(part.rules.saved_segments for part in parts if part.rules is not None))

    @property
    def uses_attributes(self) -> bool:
        """Whether rules of an arm need attributes of customers."""
        return self.now is not None and self.now.uses_attributes

    async def poll(self, live: LiveRelease | None, parse: ParseVariants) -> None:
        """Takes an experiment that began, drops one that is over, and looks at the guardrails.

        parse: what each arm changes; it may raise RecsysError.
        """
        self.count_outcomes()
        stamp = stamp_of(self._bundles / EXPERIMENTS)
        if stamp != self._stamp and live is not None:
            await self._reload(live, parse)
            self._stamp = stamp
        elif self.now is not None and time.monotonic() >= self._judged_at + JUDGE_EVERY_S:
            self._judged_at = time.monotonic()
            await self._judge(self.now)

    def observe(self, number: int, seconds: float, mark: Mark | None) -> None:
        """Counts one answer to a customer of that bucket.  mark: what was wrong with it.  From any thread."""
        if mark is None and seconds <= LATE_S:
            self._whole.append(number)
            return
        if mark is not None:
            self._marked.append((number, mark))
        if seconds > LATE_S:
            self._marked.append((number, "late"))

    def count_outcomes(self) -> None:
        """Counts what was observed since the last call: one by one it would cost each answer more."""
        live = self.now
        whole, marked = _taken(self._whole), _taken(self._marked)
        if live is None:
            return
        buckets = np.array([*whole, *(number for number, _ in marked)], np.int32)
        live.counters.mark_all(buckets, "answered")
        n_of_b = int(np.count_nonzero(buckets[: len(whole)] < live.n_buckets))
        outcomes = Counter({(True, "whole"): n_of_b, (False, "whole"): len(whole) - n_of_b})
        for number, mark in marked:
            live.counters.mark(number, mark)
            outcomes[number < live.n_buckets, mark] += 1
        for (is_b, outcome), n in outcomes.items():
            self._metrics.experiment_answers.labels("B" if is_b else "A", outcome).inc(n)

    def replace(self, before: LiveRelease, after: LiveRelease) -> bool:
        """Puts `after` in the place of `before` among the releases that are held; False where it is not."""
        if self.now is None or not any(release is before for release in self.now.pinned.values()):
            return False
        pinned = {version: after if release is before else release for version, release in self.now.pinned.items()}
        derived = {arm: replace(made, live=None) for arm, made in self.now.derived.items()}
        self.now = replace(self.now, pinned=pinned, derived=derived)
        return True

    def releases(self) -> Collection[LiveRelease]:
        """The releases that are held."""
        return () if self.now is None else self.now.pinned.values()

    def forget_customers(self) -> None:
        """Drops what memory holds of customers who asked."""
        if self.now is not None:
            self.now.placed.clear()
            for made in self.now.derived.values():
                made.release.recommender.engine.candidate_cache.clear()

    def drop(self) -> None:
        """Loads the experiment again with the next poll: the log is another one now."""
        self.count_outcomes()
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
        uses_attributes = any(part.rules is not None and part.rules.uses_segments for part in parts.values())
        self.now = LiveExperiment(state, parts, counters, state.n_buckets, uses_attributes, pinned)
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
            self.count_outcomes()
            self.now = None
            self._metrics.experiment_share.set(0.0)


def _taken(waiting: list[T]) -> list[T]:
    """What waits in the list, to whose end other threads add."""
    taken = waiting[:]
    del waiting[: len(taken)]
    return taken

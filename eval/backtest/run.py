"""One evaluation: for each window cut the log, learn from the past, ask as of then, compare with what came after."""

import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.backtest.beyond_accuracy import shelves_of
from eval.backtest.contenders import CandidateSet, EvalContext, contest_of
from eval.backtest.held_out_users import held_out_users
from eval.backtest.results import Evaluation, WindowFacts
from eval.backtest.scoring import WindowRun, common_lists, score_tasks
from eval.backtest.segments import SegmentLabels, notes_on, segments_of
from eval.backtest.snapshot import Records, codes_of, labels_of, segment_attribute
from eval.splits.time_split import Split, split_at
from eval.splits.windows import Window, WindowSchedule, windows_of
from recsys.bundle import Bundle
from recsys.errors import NotEnoughData
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import Recipe
from recsys.progress import StepLog
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.time_units import DAY_MS

VERSION = "evaluation"
RANGES: tuple[CandidateSet, ...] = ("all", "new")


@dataclass(slots=True)
class WindowSteps(StepLog):
    """The steps of one window, told and kept among those of the whole evaluation under the window's name."""

    whole: StepLog | None = None
    window: str = ""

    def __call__(self, name: str) -> AbstractContextManager[None]:
        assert self.whole is not None
        return self.whole(f"{self.window} {name}")


@dataclass(frozen=True, slots=True)
class BacktestTerms:
    """What holds for every window: the recipe, the shop's settings file, the schedule, the attribute of segments."""

    recipe: Recipe
    file: Path | None
    schedule: WindowSchedule
    segment: str | None


def run_backtest(
    records: Records, recipe: Recipe, file: Path | None, steps: StepLog, schedule: WindowSchedule
) -> Evaluation:
    """Judges every model and placement of the shop on those windows; each has a bundle of its own, made of its past.

    A window with too little before or after its cut is left out with a note.  Raises NotEnoughData when none is left.
    """
    segment = segment_attribute(records.users, schedule.segment)
    terms = BacktestTerms(recipe, file, schedule, segment)
    found: list[tuple[WindowRun, WindowFacts, str]] = []
    notes = [] if segment is not None else ["No customer has an attribute: best-sellers of a segment are left out."]
    windows = windows_of(records.snapshot.events, schedule)
    for at, window in enumerate(windows, start=1):
        own = WindowSteps(whole=steps, window=f"{at}/{len(windows)}")
        try:
            if at > 1:
                _check_past(records, window)
            found.append(_round(records, window, terms, own))
        except NotEnoughData as error:
            if at == 1:
                raise
            notes.append(f"Window {at} of {len(windows)} is left out: {error}.")
    with steps("judge"):
        rounds = [each for each, _, _ in found]
        tasks = score_tasks(rounds, schedule.k, schedule.seed)
    return Evaluation(
        run_id=_run_id(records, schedule, [digest for _, _, digest in found]),
        settings=schedule.as_mapping() | {"segment": segment},
        k=schedule.k,
        windows=[facts for _, facts, _ in found],
        tasks=tasks,
        notes=[*notes, *_notes(rounds)],
        steps=steps.done,
    )


def _round(
    records: Records, window: Window, terms: BacktestTerms, steps: StepLog
) -> tuple[WindowRun, WindowFacts, str]:
    """One window from the cut to the groups; the bundle of its past is deleted when all have been asked."""
    start = time.perf_counter()
    split = split_at(records.snapshot.events, window.cut_ms, window.until_ms)
    past = records.before(split)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "bundle"
        recipe = replace(terms.recipe, precomputes=False)
        bundle = build_bundle(past.snapshot, directory, recipe, steps, version=VERSION, now=split.now)
        recommender = build_recommender(bundle, (), terms.file, remember=0)  # every answer is timed as a first one
        asking = _asking(recommender, records, split, terms)
        round_ = _asked(asking, segments_of(past, asking.panel.user_ids, split.now, terms.segment), steps)
    return round_, _facts(bundle, asking, split, time.perf_counter() - start), bundle.manifest.settings


def _check_past(records: Records, window: Window) -> None:
    """Raises NotEnoughData where less time lies before a window than in it: what is learnt then is no shop's model."""
    first_ms = int(records.snapshot.events["at_ms"].to_numpy().min())
    if window.cut_ms - first_ms < window.until_ms - window.cut_ms:
        days = max(0.0, (window.cut_ms - first_ms) / DAY_MS)
        raise NotEnoughData(f"only {days:.0f} days lie before it, fewer than in it")


def _asking(recommender: Recommender, records: Records, split: Split, terms: BacktestTerms) -> EvalContext:
    panel = held_out_users(recommender, split, records.snapshot, terms.recipe, terms.schedule)
    labels = labels_of(records.users, terms.segment) if terms.segment is not None else {}
    codes = codes_of(recommender.engine.users, labels) if labels else None
    return EvalContext(recommender, panel, codes, terms.schedule.k, terms.schedule.seed)


def _asked(asking: EvalContext, slices: Mapping[str, SegmentLabels], steps: StepLog) -> WindowRun:
    contests = {shown: contest_of(asking, shown) for shown in RANGES}
    with steps("ask"):
        answers = {shown: {name: ask(asking) for name, ask in contests[shown].items()} for shown in RANGES}
    with steps("shelf"):
        shelves = {shown: shelves_of(asking, contests[shown], answers[shown]) for shown in RANGES}
    return WindowRun(asking.panel, answers, shelves, slices)


def _facts(bundle: Bundle, asking: EvalContext, split: Split, seconds: float) -> WindowFacts:
    panel, blend = asking.panel, bundle.manifest.blend
    return WindowFacts(
        cut=split.now,
        until=split.until_ms / DAY_MS,
        n_customers=len(panel.users),
        n_items=int(np.count_nonzero(asking.on_sale)),
        n_held_back=len(panel.held_back.item),
        repeat_share=float(np.mean(~panel.is_new)),
        blend=blend["weights"],
        held_back=blend["held_back"],
        seconds=round(seconds, 1),
        left_out=panel.left_out,
    )


def _notes(rounds: Sequence[WindowRun]) -> list[str]:
    """What every reader should know: lists and slices that could not be judged, and money nobody told of."""
    kept = {shown: common_lists(rounds, shown) for shown in RANGES}
    lost = {name for found in rounds for shown in RANGES for name in found.answers[shown] if name not in kept[shown]}
    notes = [f"{name} is not in every window: left out." for name in sorted(lost)]
    if all(found.panel.margin is None for found in rounds):
        notes.append("No item carries a cost or margin: what was earned is not weighed.")
    return [*notes, *notes_on({name: [found.slices.get(name, []) for found in rounds] for name in rounds[0].slices})]


def _run_id(records: Records, schedule: WindowSchedule, digests: Sequence[str]) -> str:
    snapshot = records.snapshot
    told = repr((sorted(schedule.as_mapping().items()), snapshot.log_seq, snapshot.item_revision, digests))
    return hashlib.sha256(told.encode()).hexdigest()[:12]

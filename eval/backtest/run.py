"""Run of a backtest: for each window it cuts the log, learns from the past and compares lists with what came after."""

import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from eval.backtest.beyond_accuracy import measure_contenders
from eval.backtest.contenders import HOME, CandidateSet, EvalContext, build_contenders
from eval.backtest.held_out_users import hold_out_users
from eval.backtest.records import Records, attribute_labels, label_codes, segment_attribute
from eval.backtest.results import Evaluation, WindowFacts
from eval.backtest.samples import sample_window_users
from eval.backtest.saved_segments import SavedGroups, saved_segment_name
from eval.backtest.scoring import WindowRun, common_lists, score_tasks, window_facts
from eval.backtest.segments import SegmentLabels, build_segments, notes_on_segments
from eval.protocol import BEST_SELLERS
from eval.splits.time_split import split_at
from eval.splits.windows import Window, WindowSchedule, build_windows
from recsys.errors import NotEnoughData
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import Recipe
from recsys.progress import PrefixedSteps, StepLog
from recsys.ranking.recommender import build_recommender
from recsys.ranking.segments.document import NO_SEGMENTS, SavedSegments
from recsys.time_units import DAY_MS

VERSION = "evaluation"
CANDIDATE_SETS: tuple[CandidateSet, ...] = ("all", "new")


def run_backtest(
    records: Records,
    recipe: Recipe,
    file: Path | None,
    steps: StepLog,
    schedule: WindowSchedule,
    saved: SavedSegments = NO_SEGMENTS,
) -> Evaluation:
    """Evaluates every model and placement of the shop in those windows, each trained only on events before its cut.

    A window with too little before or after its cut is left out with a note.  Raises NotEnoughData when none is left.
    """
    name = saved_segment_name(schedule.segment, saved)
    segment = segment_attribute(records.users, schedule.segment if name is None else None)
    chosen = replace(schedule, segment=segment)
    groups = SavedGroups(name, saved)
    results: list[tuple[WindowRun, WindowFacts, str]] = []
    notes = [] if segment is not None else ["No customer has an attribute: best-sellers of a segment are left out."]
    windows = build_windows(records.snapshot.events, schedule)
    for at, window in enumerate(windows, start=1):
        own_steps = PrefixedSteps(whole=steps, prefix=f"{at}/{len(windows)}")
        try:
            if at > 1:
                _check_past(records, window)
            results.append(_run_window(records, window, recipe, file, chosen, own_steps, groups))
        except NotEnoughData as error:
            if at == 1:
                raise
            notes.append(f"Window {at} of {len(windows)} is left out: {error}.")
    with steps("judge"):
        runs = [run for run, _, _ in results]
        tasks = score_tasks(runs, schedule.k, schedule.seed)
    return Evaluation(
        run_id=_run_id(records, schedule, [digest for _, _, digest in results]),
        settings=chosen.as_mapping(),
        k=schedule.k,
        windows=[facts for _, facts, _ in results],
        tasks=tasks,
        notes=[*notes, *_notes(runs)],
        steps=steps.done,
        samples=runs[0].samples,
    )


def _run_window(
    records: Records,
    window: Window,
    recipe: Recipe,
    file: Path | None,
    schedule: WindowSchedule,
    steps: StepLog,
    groups: SavedGroups,
) -> tuple[WindowRun, WindowFacts, str]:
    """One window from the cut to the groups; the bundle of its past is deleted when all lists are made."""
    start = time.perf_counter()
    split = split_at(records.snapshot.events, window.cut_ms, window.until_ms)
    past = records.before(split)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "bundle"
        own_recipe = replace(recipe, precomputes=False)
        bundle = build_bundle(past.snapshot, directory, own_recipe, steps, version=VERSION, now=split.now)
        recommender = build_recommender(bundle, (), file, remember=0)  # every list is timed without a cache
        held_out = hold_out_users(recommender, split, records.snapshot, recipe, schedule)
        labels = attribute_labels(records.users, schedule.segment) if schedule.segment is not None else {}
        codes = label_codes(recommender.engine.users, labels) if labels else None
        context = EvalContext(recommender, held_out, codes, schedule.k, schedule.seed)
        segments = build_segments(past, held_out.user_ids, split.now, schedule.segment)
        segments |= groups.labels(recommender, past, held_out.user_ids, recipe.customers)
        run = _make_lists(context, segments, steps)
    blend = bundle.manifest.blend
    seconds = round(time.perf_counter() - start, 1)
    return run, window_facts(context, split, blend["weights"], blend["held_back"], seconds), bundle.manifest.settings


def _check_past(records: Records, window: Window) -> None:
    """Raises NotEnoughData when the history before a window is shorter than the window: too little for a model."""
    first_ms = int(records.snapshot.events["at_ms"].to_numpy().min())
    if window.cut_ms - first_ms < window.until_ms - window.cut_ms:
        days = max(0.0, (window.cut_ms - first_ms) / DAY_MS)
        raise NotEnoughData(f"only {days:.0f} days lie before it, fewer than in it")


def _make_lists(context: EvalContext, segments: Mapping[str, SegmentLabels], steps: StepLog) -> WindowRun:
    contenders = {candidates: build_contenders(context, candidates) for candidates in CANDIDATE_SETS}
    with steps("make lists"):
        lists = {
            candidates: {name: make_lists(context) for name, make_lists in contenders[candidates].items()}
            for candidates in CANDIDATE_SETS
        }
    with steps("beyond accuracy"):
        beyond_accuracy = {
            candidates: measure_contenders(context, contenders[candidates], lists[candidates])
            for candidates in CANDIDATE_SETS
        }
    samples = sample_window_users(context, lists["all"], HOME, [BEST_SELLERS])
    return WindowRun(context.held_out, lists, beyond_accuracy, segments, samples)


def _notes(runs: Sequence[WindowRun]) -> list[str]:
    """Lists and segments that could not be evaluated, and money that is not known."""
    lost: set[str] = set()
    for candidates in CANDIDATE_SETS:
        lost |= {name for run in runs for name in run.lists[candidates]} - set(common_lists(runs, candidates))
    notes = [f"{name} is not in every window: left out." for name in sorted(lost)]
    if all(run.held_out.margin is None for run in runs):
        notes.append("No item has a cost or margin, so profit is not reported.")
    by_name = {name: [run.segments.get(name, []) for run in runs] for name in runs[0].segments}
    return [*notes, *notes_on_segments(by_name)]


def _run_id(records: Records, schedule: WindowSchedule, digests: Sequence[str]) -> str:
    snapshot = records.snapshot
    settings = sorted(schedule.as_mapping().items())
    key = repr((settings, snapshot.log_id, snapshot.log_seq, snapshot.item_revision, digests))
    return hashlib.sha256(key.encode()).hexdigest()[:12]

"""Comparison of two releases for the same customers, by their purchases after both releases were trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from eval.backtest.contenders import HOME, PLACEMENTS, CandidateSet, EvalContext, ModelLists, build_contenders
from eval.backtest.held_out_users import hold_out_users
from eval.backtest.records import Records, read_records
from eval.backtest.results import Evaluation
from eval.backtest.samples import sample_window_users
from eval.backtest.scoring import WindowRun, score_tasks, window_facts
from eval.backtest.segments import build_segments
from eval.metrics.beyond_accuracy import coverage, gini
from eval.metrics.ranked_lists import RankedLists
from eval.protocol import BEST_SELLERS, OWN_FREQUENCY
from eval.replay import replay
from eval.splits.time_split import TimeSplit, without_begun
from eval.splits.windows import WindowSchedule
from recsys.bundle import bundle_path, open_bundle
from recsys.bundle.signature import read_trusted_keys
from recsys.data.dataset.dataset import read_events
from recsys.data.events import Event
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.errors import BadInput, NotEnoughData, UnknownVersion
from recsys.learning.recipe import Recipe
from recsys.progress import StepLog
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.time_units import DAY_MS, date

BEYOND = 1 << 30  # numbers from here on are of items that only the older release knows: no purchase can be of them
HELD_BACK = "what was bought after both were trained"
BASELINES = (BEST_SELLERS, OWN_FREQUENCY)
EVENT_COLUMNS = ("user_id", "item_id", "kind", "at_ms", "quantity", "price", "order_id", "rating")


@dataclass(frozen=True, slots=True)
class Releases:
    """Two releases as they would serve today; `newer` has seen more of the log."""

    older: Recommender
    newer: Recommender

    @property
    def versions(self) -> tuple[str, str]:
        return self.older.bundle.manifest.version, self.newer.bundle.manifest.version


@dataclass(frozen=True, slots=True)
class Entrants:
    """Recommenders to compare, by name.  rivals: by name, those it is compared with beside the baselines.

    placements: by candidate set, those whose lists are made.
    reference: the one whose customers, histories and items at the cut are those of the log; baselines come from it.
    """

    recommenders: Mapping[str, Recommender]
    reference: str
    rivals: Mapping[str, Sequence[str]]
    placements: Mapping[CandidateSet, tuple[str, ...]] = field(default_factory=lambda: PLACEMENTS)


def open_releases(home: Path, file: Path | None, versions: Sequence[str], store: Store) -> Releases:
    """Both, opened with the catalogue of today.

    Raises BadInput for one release twice, UnknownVersion for a missing release, BadBundle for a damaged one,
    UntrustedBundle for one without a signature that this home trusts.
    """
    if versions[0] == versions[1]:
        raise BadInput(f"{versions[0]} twice; name two of `recsys releases`")
    paths = [bundle_path(home / "bundles", version) for version in versions]
    for path in paths:
        if not path.is_dir():
            raise UnknownVersion(f"no release {path.name!r}; `recsys releases` lists them")
    trusted = read_trusted_keys(home)
    bundles = [open_bundle(path, trusted=trusted) for path in paths]
    older, newer = (
        build_recommender(bundle, store.items_since(store.watermark(bundle.manifest).revision), file, remember=0)
        for bundle in sorted(bundles, key=lambda bundle: (bundle.manifest.log_seq, bundle.manifest.now))
    )
    return Releases(older, newer)


def compare_releases(
    store: Store, releases: Releases, recipe: Recipe, schedule: WindowSchedule, steps: StepLog
) -> Evaluation:
    """Compares the lists of both at the moment the newer one was trained; the older one gets the events since its own.

    Raises NotEnoughData when no known customer has bought anything since then: events that a release has learnt from
    cannot judge it.
    """
    with steps("read"):
        records = read_records(store)
        split = _unseen(store, records, releases)
    older, newer = releases.versions
    entrants = Entrants({older: releases.older, newer: releases.newer}, reference=newer, rivals={newer: [older]})
    evaluation = compare_recommenders(records, split, entrants, recipe, schedule, steps)
    return replace(evaluation, settings={**evaluation.settings, "releases": releases.versions})


def compare_recommenders(
    records: Records,
    split: TimeSplit,
    entrants: Entrants,
    recipe: Recipe,
    schedule: WindowSchedule,
    steps: StepLog,
) -> Evaluation:
    """Judges the lists that each of them would have made at the cut by what was bought after it.

    Each gets the events between its own and the cut.  Raises NotEnoughData when no known customer has bought anything
    after the cut.
    """
    reference = entrants.recommenders[entrants.reference]
    context = EvalContext(
        recommender=reference,
        held_out=hold_out_users(reference, split, records.snapshot, recipe, schedule),
        segment=None,
        k=schedule.k,
        seed=schedule.seed,
    )
    past = records.before(split)
    with steps("make lists"):
        lists = {candidates: _make_lists(context, entrants, past, candidates) for candidates in PLACEMENTS}
    metrics = {
        candidates: {name: _beyond_accuracy(each, context) for name, each in by_name.items()}
        for candidates, by_name in lists.items()
    }
    segments = build_segments(past, context.held_out.user_ids, split.now, None)
    names = [list_name(HOME, name) for name in (entrants.reference, *entrants.rivals.get(entrants.reference, ()))]
    samples = sample_window_users(context, lists["all"], names[0], names[1:])
    run = WindowRun(context.held_out, lists, metrics, segments, samples)
    with steps("judge"):
        tasks = score_tasks([run], schedule.k, schedule.seed, _baselines(lists, entrants))
    return Evaluation(
        run_id="-".join(entrants.recommenders),
        settings=schedule.as_mapping(),
        k=schedule.k,
        windows=[window_facts(context, split, context.recommender.engine.blend, HELD_BACK, seconds=0.0)],
        tasks=tasks,
        notes=[],
        steps=steps.done,
        samples=samples,
    )


def list_name(placement: str, version: str) -> str:
    """The name of the list of one release in that placement."""
    return f"{placement} {version}"


def _unseen(store: Store, records: Records, releases: Releases) -> TimeSplit:
    """The events that neither release has learnt from: later in the log, and later in time."""
    now = max(release.engine.histories.now for release in (releases.older, releases.newer))
    log_seq = max(0, store.watermark(releases.newer.bundle.manifest).seq)
    frames = list(store.scan(after_seq=log_seq, until_seq=records.snapshot.log_seq))
    cut_ms = round(now * DAY_MS) + 1
    future = read_events(frames).filter(pl.col("at_ms") >= cut_ms) if frames else records.snapshot.events.clear()
    past = records.snapshot.events.filter(pl.col("at_ms") < cut_ms)
    future = without_begun(future, past)
    if future.is_empty():
        raise NotEnoughData(
            f"release {releases.versions[1]} was trained on everything up to {date(now)}, and nothing was logged "
            "since; a release cannot be judged by weeks it has seen. Compare again when customers have bought for some "
            "days, or judge how such releases are made with `recsys evaluate`"
        )
    until_ms = int(future["at_ms"].to_numpy().max()) + 1
    return TimeSplit(past, future, cut_ms, until_ms)


def _make_lists(
    context: EvalContext, entrants: Entrants, past: Records, candidates: CandidateSet
) -> dict[str, ModelLists]:
    contenders = build_contenders(context, candidates)
    lists = {name: contenders[name](context) for name in BASELINES if name in contenders}
    for placement in entrants.placements[candidates]:
        for name, release in entrants.recommenders.items():
            replayed = replay(
                release,
                release.placements[placement],
                context.held_out.user_ids,
                context.k,
                now_ms=round(context.histories.now * DAY_MS),
                recent=_recent_events(release, past, context),
            )
            renumbered = _renumbered(replayed.lists, release, context.recommender)
            lists[list_name(placement, name)] = ModelLists("placement", renumbered, replayed.seconds)
    return lists


def _beyond_accuracy(made: ModelLists, context: EvalContext) -> dict[str, float]:
    """How many items of the reference's range are shown, how evenly, by how many lists the most frequent one, how fast.

    top_item: share of lists.  latency_ms: on average, NaN for a baseline, which is not served.
    """
    lists, seconds = made.lists, made.seconds
    shown = lists.item[:, : context.k][lists.shown[:, : context.k]]
    everywhere = np.bincount(shown[shown < BEYOND], minlength=len(context.on_sale))
    times = everywhere[context.on_sale]
    return {
        "coverage": coverage(times),
        "n_shown": float(np.count_nonzero(times)),
        "gini": gini(times),
        "top_item": float(everywhere.max(initial=0) / max(1, len(lists.length))),
        "latency_ms": float(seconds.mean() * 1_000) if seconds is not None else math.nan,
    }


def _recent_events(release: Recommender, past: Records, context: EvalContext) -> dict[str, list[Event]]:
    """By customer the events since the training of that release."""
    since_ms = round(release.engine.histories.now * DAY_MS)
    rows = past.snapshot.events.filter(
        pl.col("at_ms") > since_ms, pl.col("user_id").is_in(list(context.held_out.user_ids))
    ).sort("at_ms", maintain_order=True)
    recent: dict[str, list[Event]] = {}
    for row in rows.select(EVENT_COLUMNS).iter_rows(named=True):
        recent.setdefault(row["user_id"], []).append(Event(event_id="", **row))
    return recent


def _renumbered(lists: RankedLists, release: Recommender, newer: Recommender) -> RankedLists:
    """The same lists with the item numbers of the newer release; items it lacks get numbers beyond all of its own."""
    if release is newer:
        return lists
    known, place = np.unique(lists.item, return_inverse=True)
    numbers = [newer.catalogue.position(release.catalogue.item_id(at)) for at in known.tolist()]
    number = np.where(np.array(numbers) == MISSING, BEYOND + known, numbers).astype(np.int32)
    return RankedLists(number[place].reshape(lists.item.shape), lists.length)


def _baselines(lists: Mapping[CandidateSet, Mapping[str, ModelLists]], entrants: Entrants) -> dict[str, list[str]]:
    """Each is compared with its rivals, and with the baselines."""
    compared_with: dict[str, list[str]] = {}
    for candidates, placements in entrants.placements.items():
        baselines = [name for name in BASELINES if name in lists[candidates]]
        for placement in placements:
            for name in entrants.recommenders:
                rivals = [list_name(placement, rival) for rival in entrants.rivals.get(name, ())]
                compared_with[list_name(placement, name)] = [*rivals, *baselines]
    return compared_with

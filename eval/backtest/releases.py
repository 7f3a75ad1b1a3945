"""Two releases judged by the same customers, by what these bought after both had been trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from eval.backtest.contenders import PLACEMENTS, CandidateSet, EvalContext, ModelLists, contest_of
from eval.backtest.held_out_users import held_out_users
from eval.backtest.results import Evaluation, WindowFacts
from eval.backtest.scoring import WindowRun, score_tasks
from eval.backtest.segments import segments_of
from eval.backtest.snapshot import Records, read_records
from eval.formatting import date
from eval.metrics.accuracy import RankedLists
from eval.metrics.beyond_accuracy import coverage, gini
from eval.protocol import BEST_SELLERS, OWN_FREQUENCY
from eval.replay import ReplayMoment, timed_of
from eval.splits.time_split import Split
from eval.splits.windows import WindowSchedule
from recsys.bundle import Bundle, bundle_path, open_bundle
from recsys.data.dataset.dataset import read_events
from recsys.data.events import Event
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.errors import BadInput, NotEnoughData, UnknownVersion
from recsys.learning.recipe import Recipe
from recsys.progress import StepLog
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.time_units import DAY_MS

BEYOND = 1 << 30  # numbers from here on are of items that only the older release knows: nobody can have bought them
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


def releases_of(home: Path, file: Path | None, versions: Sequence[str], store: Store) -> Releases:
    """Both, opened with the catalogue of today.

    Raises BadInput for one release twice, UnknownVersion for one that is not there, BadBundle for a damaged one.
    """
    if versions[0] == versions[1]:
        raise BadInput(f"{versions[0]} twice; name two of `recsys releases`")
    paths = [bundle_path(home / "bundles", version) for version in versions]
    for path in paths:
        if not path.is_dir():
            raise UnknownVersion(f"no release {path.name!r}; `recsys releases` lists them")
    bundles = [open_bundle(path) for path in paths]
    older, newer = (
        build_recommender(bundle, store.items_since(bundle.manifest.item_revision), file, remember=0)
        for bundle in sorted(bundles, key=_reach)
    )
    return Releases(older, newer)


def compare_releases(
    store: Store, releases: Releases, recipe: Recipe, schedule: WindowSchedule, steps: StepLog
) -> Evaluation:
    """Asks both as of the moment the newer one was trained, the older one with what it would have been told since.

    Raises NotEnoughData when nobody known has bought anything since then: what a release has seen cannot judge it.
    """
    with steps("read"):
        records = read_records(store)
        split = _unseen(store, records, releases)
    asking = EvalContext(
        recommender=releases.newer,
        panel=held_out_users(releases.newer, split, records.snapshot, recipe, schedule),
        segment=None,
        k=schedule.k,
        seed=schedule.seed,
    )
    past = records.before(split)
    with steps("ask"):
        answers = {shown: _answers(asking, releases, past, shown) for shown in PLACEMENTS}
    shelves = {
        shown: {name: _shelf(one.lists, asking) for name, one in by_name.items()} for shown, by_name in answers.items()
    }
    round_ = WindowRun(asking.panel, answers, shelves, segments_of(past, asking.panel.user_ids, split.now, None))
    with steps("judge"):
        tasks = score_tasks([round_], schedule.k, schedule.seed, _rivals(answers, releases))
    return Evaluation(
        run_id="-".join(releases.versions),
        settings=schedule.as_mapping() | {"releases": releases.versions},
        k=schedule.k,
        windows=[_facts(asking, split)],
        tasks=tasks,
        notes=[],
        steps=steps.done,
    )


def line_name(placement: str, version: str) -> str:
    """How the list of one release is called."""
    return f"{placement} {version}"


def _reach(bundle: Bundle) -> tuple[int, float]:
    return bundle.manifest.log_seq, bundle.manifest.now


def _unseen(store: Store, records: Records, releases: Releases) -> Split:
    """What neither release has seen, neither as an event of the log nor as a day of it."""
    now = max(release.engine.histories.now for release in (releases.older, releases.newer))
    log_seq = releases.newer.bundle.manifest.log_seq
    frames = list(store.scan(after_seq=log_seq, until_seq=records.snapshot.log_seq))
    cut_ms = round(now * DAY_MS) + 1
    future = read_events(frames).filter(pl.col("at_ms") >= cut_ms) if frames else records.snapshot.events.clear()
    if future.is_empty():
        raise NotEnoughData(
            f"release {releases.versions[1]} was trained on everything up to {date(now)}, and nothing was logged "
            "since; a release cannot be judged by weeks it has seen. Compare again when customers have bought for some "
            "days, or judge how such releases are made with `recsys evaluate`"
        )
    until_ms = int(future["at_ms"].to_numpy().max()) + 1
    return Split(records.snapshot.events.filter(pl.col("at_ms") < cut_ms), future, cut_ms, until_ms)


def _answers(asking: EvalContext, releases: Releases, past: Records, shown: CandidateSet) -> dict[str, ModelLists]:
    contest = contest_of(asking, shown)
    found = {name: contest[name](asking) for name in BASELINES if name in contest}
    for placement in PLACEMENTS[shown]:
        for release in (releases.older, releases.newer):
            moment = _moment(release, past, asking)
            timed = timed_of(release, release.placements[placement], asking.panel.user_ids, asking.k, moment)
            lists = _renumbered(timed.shown.lists, release, asking.recommender)
            found[line_name(placement, release.bundle.manifest.version)] = ModelLists("placement", lists, timed.seconds)
    return found


def _shelf(lists: RankedLists, asking: EvalContext) -> dict[str, float]:
    """How many items of the newer release's range anybody sees, and how evenly."""
    shown = lists.item[:, : asking.k][lists.shown[:, : asking.k]]
    times = np.bincount(shown[shown < BEYOND], minlength=len(asking.on_sale))[asking.on_sale]
    return {"coverage": coverage(times), "n_shown": float(np.count_nonzero(times)), "gini": gini(times)}


def _moment(release: Recommender, past: Records, asking: EvalContext) -> ReplayMoment:
    """What each customer did between the training of that release and the moment of asking."""
    since_ms = round(release.engine.histories.now * DAY_MS)
    rows = past.snapshot.events.filter(
        pl.col("at_ms") > since_ms, pl.col("user_id").is_in(list(asking.panel.user_ids))
    ).sort("at_ms", maintain_order=True)
    recent: dict[str, list[Event]] = {}
    for row in rows.select(EVENT_COLUMNS).iter_rows(named=True):
        recent.setdefault(row["user_id"], []).append(Event(event_id="", **row))
    return ReplayMoment(round(asking.recommender.engine.histories.now * DAY_MS), recent)


def _renumbered(lists: RankedLists, release: Recommender, newer: Recommender) -> RankedLists:
    """The same lists by the numbers of the newer release; what that one has no number for gets one beyond all."""
    if release is newer:
        return lists
    known, place = np.unique(lists.item, return_inverse=True)
    numbers = [newer.catalogue.position(release.catalogue.item_id(at)) for at in known.tolist()]
    number = np.where(np.array(numbers) == MISSING, BEYOND + known, numbers).astype(np.int32)
    return RankedLists(number[place].reshape(lists.item.shape), lists.length)


def _rivals(answers: Mapping[CandidateSet, Mapping[str, ModelLists]], releases: Releases) -> dict[str, list[str]]:
    """The newer release against the older one; both against the baselines."""
    older, newer = releases.versions
    found: dict[str, list[str]] = {}
    for shown, placements in PLACEMENTS.items():
        baselines = [name for name in BASELINES if name in answers[shown]]
        for placement in placements:
            found[line_name(placement, newer)] = [line_name(placement, older), *baselines]
            found[line_name(placement, older)] = baselines
    return found


def _facts(asking: EvalContext, split: Split) -> WindowFacts:
    panel = asking.panel
    return WindowFacts(
        cut=split.now,
        until=split.until_ms / DAY_MS,
        n_customers=len(panel.users),
        n_items=int(np.count_nonzero(asking.on_sale)),
        n_held_back=len(panel.held_back.item),
        repeat_share=float(np.mean(~panel.is_new)),
        blend=asking.recommender.engine.blend,
        held_back="what was bought after both were trained",
        seconds=0.0,
        left_out=panel.left_out,
    )

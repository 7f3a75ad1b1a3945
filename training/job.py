"""Training job: reads the log, trains, publishes a bundle, judges it, and promotes it where it is no worse."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from recsys.bundle import Bundle, open_release, version_name
from recsys.clock import deletion_time
from recsys.config import KeepSettings, TrainSettings, read_table
from recsys.data.checks.finding import Finding
from recsys.data.dataset.snapshot import Snapshot, read_snapshot
from recsys.data.store.base import Store
from recsys.engine.new_items import arrival_times
from recsys.errors import BadBundle
from recsys.gate.verdict import GateVerdict
from recsys.jobs.notifications import Notifier
from recsys.jobs.runs import OpenRun, run_record
from recsys.learning.backends.base import TrainingBackend
from recsys.learning.backends.native import NATIVE, NativeBackend
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import read_recipe
from recsys.privacy.erasure import tidy
from recsys.progress import PrefixedSteps, StepLog
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import load_placements
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.ranking.rules.repository import open_rule_repository
from recsys.time_units import DAY_MS, now_ms
from training.data_digest import digest_training_data, unchanged_release
from training.erasure_sweep import SWEEP_BYTES, expire
from training.gate.comparison import GateInput
from training.gate.gate import Judgement, judge_release
from training.gate.incumbent import incumbent_recipe
from training.gate.settings import GateSettings
from training.home_files import CHECKPOINTS, TUNED
from training.importing.data_check import check_snapshot
from training.registry import Registry, open_registry
from training.retention import delete_aged_if_possible

Reader = Callable[[Store], tuple[Snapshot, TrainingBackend]]


def read_natively(store: Store) -> tuple[Snapshot, TrainingBackend]:
    """Everything is read and learnt by this process."""
    return read_snapshot(store), NATIVE


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """force: the reason to promote the release whatever the verdict.  generation: that of the job lock.

    cause: what started the training, for its run record.  skips_unchanged: learns nothing where the same data and
    settings were learnt from lately, unless it is forced.  read: what reads the log, and what then learns from it.
    """

    force: str | None = None
    generation: int | None = None
    cause: str = "Python"
    skips_unchanged: bool = False
    read: Reader = read_natively


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training published, and the verdict on it with its page: the release is live unless it was rejected."""

    bundle: Bundle
    verdict: GateVerdict
    page: Path | None = None
    is_new: bool = True


def train(
    store: Store,
    home: Path,
    file: Path | None,
    steps: StepLog,
    options: TrainingOptions | None = None,
    *,
    warn: Callable[[list[Finding]], None] = lambda findings: None,
) -> TrainingResult:
    """Reads, trains, publishes, judges, and promotes what is no worse, as a run.  warn: gets what the data check found.

    Raises NotEnoughData, BadSettings, StaleJob.
    """
    options = options or TrainingOptions()
    with run_record(store, "train", options.cause, steps) as run:
        run.notifier = Notifier.load(file)
        result = _train(store, home, file, steps, options, warn=warn, run=run)
        _note_result(run, result)
    return result


def _note_result(run: OpenRun, result: TrainingResult) -> None:
    manifest, verdict = result.bundle.manifest, result.verdict
    run.version = manifest.version
    run.result = {"sizes": manifest.sizes, "checks": [check.model_dump() for check in verdict.checks]}
    if result.is_new:
        run.decide(verdict.outcome, *filter(None, [verdict.forced_because, *verdict.reasons, verdict.kept_choices]))
    else:
        run.decide("nothing_new", f"{manifest.version}, {verdict.outcome}, was learnt from the same data and settings")


def _train(
    store: Store,
    home: Path,
    file: Path | None,
    steps: StepLog,
    options: TrainingOptions,
    *,
    warn: Callable[[list[Finding]], None],
    run: OpenRun,
) -> TrainingResult:
    settings, gate, registry = TrainSettings.load(file), GateSettings.load(file), open_registry(home, file)
    load_placements(file, frozenset(SOURCES))  # an error there would keep every service from loading the release
    recipe = read_recipe(
        file,
        validation_days=settings.validation_days,
        seed=settings.seed,
        optional_seconds=settings.spare_seconds,
        tuned=home / TUNED,
    )
    with steps("read"):
        delete_aged_if_possible(store, home, KeepSettings.load(file))
        snapshot, backend = options.read(store)
        recipe = replace(recipe, plan=replace(recipe.plan, backend=_with_checkpoints(backend, home)))
        run.watermark = snapshot.watermark
        snapshot = replace(snapshot, newcomers=new_item_times(snapshot, registry))
    with steps("check"):
        warn(check_snapshot(snapshot.events, snapshot.items, now_ms=now_ms()))
    with steps("digest"):
        given = (recipe, gate.model_dump(), read_table(file, "placements"))
        run.data_digest = digest_training_data(snapshot, given)
    if options.skips_unchanged and options.force is None:
        earlier = _earlier_result(store, registry, settings, run.data_digest)
        if earlier is not None:
            tidy_up(store, registry, settings)
            return earlier
    snapshot = replace(snapshot, data_digest=run.data_digest)
    version = version_name(now_ms())
    bundle = registry.publish(
        lambda directory: build_bundle(snapshot, directory, recipe, steps, version=version, with_ratings=True)
    )
    shutil.rmtree(home / CHECKPOINTS, ignore_errors=True)
    challenge = GateInput(bundle, live_recommender(store, registry, file), snapshot, recipe, file, gate)
    bundle, verdict = _judge_or_learn_again(challenge, registry, steps, options.force)
    with steps("promote"):
        if verdict.may_go_live:
            registry.promote(verdict.version, generation=options.generation)
        tidy_up(store, registry, settings)
    return TrainingResult(bundle, verdict, registry.verdict_page(verdict.version))


def _judge_or_learn_again(
    challenge: GateInput, registry: Registry, steps: StepLog, force: str | None
) -> tuple[Bundle, GateVerdict]:
    """The release with its verdict; or one with the champion's choices, where these alone were in its way."""
    first = _judge(challenge, registry, steps, force)
    recipe = incumbent_recipe(challenge, first.verdict)
    registry.put_verdict(first.verdict.model_copy(update={"is_retried": recipe is not None}), first.page())
    if recipe is None:
        return challenge.challenger, first.verdict
    own_steps, version = PrefixedSteps(whole=steps, prefix="again:"), version_name(now_ms())
    bundle = registry.publish(
        lambda directory: build_bundle(
            challenge.snapshot, directory, recipe, own_steps, version=version, with_ratings=True
        )
    )
    again = _judge(replace(challenge, challenger=bundle), registry, own_steps, None).after(first.verdict)
    registry.put_verdict(again.verdict, again.page())
    return (bundle, again.verdict) if again.verdict.may_go_live else (challenge.challenger, first.verdict)


def _with_checkpoints(backend: TrainingBackend, home: Path) -> TrainingBackend:
    return NativeBackend(home / CHECKPOINTS) if backend is NATIVE else backend


def _judge(challenge: GateInput, registry: Registry, steps: StepLog, force: str | None) -> Judgement:
    """By the rules of the home and all that was judged before.  force: see TrainingOptions."""
    rules = open_rule_repository(registry.home, challenge.file).last_valid()
    judgement = judge_release(replace(challenge, rules=rules, history=verdicts_until(registry, now_ms())), steps)
    return judgement if force is None else judgement.forced(force)


def verdicts_until(registry: Registry, at_ms: int) -> list[GateVerdict]:
    """All verdicts so far, without those of a clock that ran more than a day ahead: their order would be wrong."""
    return [verdict for verdict in registry.verdicts() if verdict.judged_at_ms <= at_ms + DAY_MS]


def _earlier_result(store: Store, registry: Registry, settings: TrainSettings, digest: str) -> TrainingResult | None:
    """What a training of the same data and settings published lately."""
    same = unchanged_release(store, registry, digest, within_days=settings.unchanged_days, now_ms=now_ms())
    if same is None or same.verdict is None:
        return None
    return TrainingResult(open_release(registry.bundles, same.version, verify=False), same.verdict, is_new=False)


def tidy_up(store: Store, registry: Registry, settings: TrainSettings) -> None:
    """Deletes what is old: releases, those with erased customers when it is time, and traces of erasures."""
    registry.prune(settings.keep_releases)
    expire(store, registry, now_ms=deletion_time(registry.home), within_days=settings.erase_within_days)
    tidy(store, registry.home, SWEEP_BYTES)


def live_recommender(store: Store, registry: Registry, file: Path | None) -> Recommender | None:
    """The live release with the catalogue of now; None where there is none that can be read."""
    try:
        live = registry.live()
        if live is None:
            return None
        bundle = open_release(registry.bundles, live, verify=False, trusted=registry.trusted())
        changes = store.items_since(store.watermark(bundle.manifest).revision)
        return build_recommender(bundle, changes, file, remember=0)
    except BadBundle:  # this training replaces a release that cannot be read
        return None


def new_item_times(snapshot: Snapshot, registry: Registry) -> Mapping[str, float]:
    """When each item came that the live release does not know, or knows as new."""
    try:
        live = registry.live()
        if live is None:
            return {}
        bundle = open_release(registry.bundles, live, verify=False, trusted=registry.trusted())
        return arrival_times(snapshot.items, bundle, now_ms() // DAY_MS)  # trainings of one day learn the same
    except BadBundle:  # this training replaces a release that cannot be read
        return {}

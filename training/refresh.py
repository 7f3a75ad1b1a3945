"""Refresh: a small release between two trainings, with the models of the live one and all else from the log of now."""

from dataclasses import dataclass, replace
from pathlib import Path

from recsys.bundle import Bundle, open_release, version_name
from recsys.config import TrainSettings, read_table
from recsys.data.dataset.snapshot import Snapshot, read_snapshot
from recsys.data.lineage import NOT_COVERED, of_another_log
from recsys.data.store.base import Store
from recsys.errors import BadInput, NoBundle, StaleJob
from recsys.gate.verdict import GateVerdict
from recsys.jobs.notifications import Notifier
from recsys.jobs.runs import OpenRun, run_record
from recsys.learning.bundle_refresh import refresh_bundle
from recsys.learning.recipe import Recipe, read_recipe
from recsys.progress import StepLog
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import load_placements
from recsys.time_units import now_ms
from training.data_digest import digest_training_data
from training.gate.comparison import GateInput
from training.gate.gate import judge_refresh
from training.gate.settings import GateSettings
from training.home_files import TUNED
from training.job import live_recommender, new_item_times, tidy_up
from training.registry import Registry, open_registry


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """bundle: the new release, or the live one where there was nothing new.  verdict: None without a new release.

    reason: why there is none.
    """

    bundle: Bundle
    verdict: GateVerdict | None
    reason: str = ""


def refresh(
    store: Store,
    home: Path,
    file: Path | None,
    steps: StepLog,
    *,
    generation: int | None = None,
    cause: str = "Python",
    skips_unchanged: bool = False,
) -> RefreshResult:
    """Publishes a refreshed release and promotes it, as a run, if nothing is wrong with it.

    The item numbering is that of the live release, see `recsys.learning.bundle_refresh`.
    generation: that of the job lock.  skips_unchanged: makes none where log and settings are those of the live one.
    Raises NoBundle before the first training, BadInput for a live release of another log, NotEnoughData, StaleJob.
    """
    with run_record(store, "refresh", cause, steps) as run:
        run.notifier = Notifier.load(file)
        result = _refresh(store, home, file, steps, run, generation=generation, skips_unchanged=skips_unchanged)
        run.version = result.bundle.manifest.version
        if result.verdict is None:
            run.decide("nothing_new", result.reason)
        else:
            checks = [check.model_dump() for check in result.verdict.checks]
            run.result = {"sizes": result.bundle.manifest.sizes, "checks": checks}
            run.decide(result.verdict.outcome, *result.verdict.reasons)
    return result


def _refresh(
    store: Store,
    home: Path,
    file: Path | None,
    steps: StepLog,
    run: OpenRun,
    *,
    generation: int | None,
    skips_unchanged: bool,
) -> RefreshResult:
    settings, gate, registry = TrainSettings.load(file), GateSettings.load(file), open_registry(home, file)
    load_placements(file, frozenset(SOURCES))  # an error there would keep every service from loading the release
    recipe = _recipe(home, file, settings)
    with steps("read"):
        base = _base(store, registry)
        snapshot = read_snapshot(store)
        run.watermark = snapshot.watermark
        snapshot = replace(snapshot, newcomers=new_item_times(snapshot, registry))
    try:
        registry.check_base(base.manifest.version)
    except StaleJob as error:
        return RefreshResult(base, None, str(error))
    with steps("digest"):
        given = (recipe, gate.model_dump(), read_table(file, "placements"))
        run.data_digest = _digest(snapshot, given, base)
        is_known = base.manifest.data_digest in (run.data_digest, _digest_of_training(snapshot, given, base))
    if skips_unchanged and is_known:
        tidy_up(store, registry, settings)
        return RefreshResult(base, None, f"{base.manifest.version} knows all that is in the log")
    snapshot = replace(snapshot, data_digest=run.data_digest)
    version = version_name(now_ms())
    bundle = registry.publish(
        lambda directory: refresh_bundle(base, snapshot, directory, recipe, steps, version=version)
    )
    champion = live_recommender(store, registry, file)
    challenge = GateInput(bundle, champion, snapshot, recipe, file, gate, history=registry.verdicts())
    verdict = judge_refresh(challenge, steps)
    with steps("promote"):
        registry.put_verdict(verdict)
        if verdict.may_go_live:
            registry.promote(version, generation=generation, base=base.manifest.version)
        tidy_up(store, registry, settings)
    return RefreshResult(bundle, verdict)


def _base(store: Store, registry: Registry) -> Bundle:
    """The live release, whose files are checked: their digests go into the new one."""
    live = registry.live()
    if live is None:
        raise NoBundle("nothing is live yet, and a refresh stands on a live release; run `recsys train`")
    base = open_release(registry.bundles, live, trusted=registry.trusted())
    if store.watermark(base.manifest) == NOT_COVERED:
        raise BadInput(of_another_log(live))
    return base


def _recipe(home: Path, file: Path | None, settings: TrainSettings) -> Recipe:
    return read_recipe(
        file,
        validation_days=settings.validation_days,
        seed=settings.seed,
        optional_seconds=settings.spare_seconds,
        tuned=home / TUNED,
    )


def _digest(snapshot: Snapshot, given: tuple[object, ...], base: Bundle) -> str:
    """Of what a refresh learns from; never that of a training, which would learn the models too."""
    return digest_training_data(snapshot, (*given, f"refresh of {base.manifest.models_of or base.manifest.version}"))


def _digest_of_training(snapshot: Snapshot, given: tuple[object, ...], base: Bundle) -> str:
    """That of a training of the same data, if the live release is one."""
    return "" if base.manifest.models_of else digest_training_data(snapshot, given)

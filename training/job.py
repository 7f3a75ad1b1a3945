"""One training: read the log, learn, write a bundle, publish and promote it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from recsys.bundle import Bundle, bundle_path, open_bundle
from recsys.data.checks.finding import Finding
from recsys.data.dataset.snapshot import Snapshot, read_snapshot
from recsys.data.store.base import Store
from recsys.engine.new_items import arrival_times
from recsys.errors import BadBundle
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import recipe_of
from recsys.progress import StepLog
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import load_placements
from recsys.time_units import DAY_MS
from training.erasure_sweep import expire
from training.importing.data_check import check_snapshot
from training.registry import Registry, version_name
from training.settings import TUNED, TrainSettings


def _tell_nobody(findings: list[Finding]) -> None:
    pass


def train(
    store: Store,
    home: Path,
    file: Path | None,
    steps: StepLog,
    *,
    warn: Callable[[list[Finding]], None] = _tell_nobody,
) -> Bundle:
    """Reads, learns, publishes and promotes; returns the live bundle.  `warn` hears what is odd about the data.

    Raises NotEnoughData, BadSettings.
    """
    settings, registry = TrainSettings.load(file), Registry(home)
    load_placements(file, frozenset(SOURCES))  # a mistake there would keep every service from taking the release
    recipe = recipe_of(
        file,
        validation_days=settings.validation_days,
        seed=settings.seed,
        optional_seconds=settings.spare_seconds,
        tuned=home / TUNED,
    )
    with steps("read"):
        snapshot = read_snapshot(store)
        snapshot = replace(snapshot, newcomers=_newcomers(snapshot, registry))
    with steps("check"):
        warn(check_snapshot(snapshot.events, snapshot.items, now_ms=int(time.time() * 1000)))
    version = version_name(int(time.time() * 1000))
    bundle = registry.publish(
        lambda directory: build_bundle(snapshot, directory, recipe, steps, version=version, with_ratings=True)
    )
    with steps("promote"):
        registry.promote(version)
        registry.prune(settings.keep_releases)
        expire(store, registry, now_ms=int(time.time() * 1000), within_days=settings.erase_within_days)
    return bundle


def _newcomers(snapshot: Snapshot, registry: Registry) -> Mapping[str, float]:
    """Since when the items are here that the release in service did not know or knew as new."""
    try:
        live = registry.live()
        if live is None:
            return {}
        before = open_bundle(bundle_path(registry.bundles, live), verify=False)
        return arrival_times(snapshot.items, before, time.time() * 1000 / DAY_MS)
    except BadBundle:  # a release that cannot be read is what the training is going to mend
        return {}

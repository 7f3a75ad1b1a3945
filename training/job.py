"""One training: read the log, learn, write a bundle, publish and promote it."""

import time
from collections.abc import Callable
from pathlib import Path

from recsys.bundle import Bundle
from recsys.data.checks.finding import Finding
from recsys.data.store import Store
from recsys.ranking.making import Steps, make_bundle, read, recipe_of
from recsys.ranking.placements import load_placements
from recsys.ranking.sources import SOURCES
from training.checking import check_snapshot
from training.registry import Registry, version_name
from training.settings import TUNED, TrainSettings


def _tell_nobody(findings: list[Finding]) -> None:
    pass


def train(
    store: Store,
    home: Path,
    file: Path | None,
    steps: Steps,
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
        spare_seconds=settings.spare_seconds,
        tuned=home / TUNED,
    )
    with steps("read"):
        snapshot = read(store)
    with steps("check"):
        warn(check_snapshot(snapshot.events, snapshot.items, now_ms=int(time.time() * 1000)))
    version = version_name(int(time.time() * 1000))
    bundle = registry.publish(
        lambda directory: make_bundle(snapshot, directory, recipe, steps, version=version, foretells_ratings=True)
    )
    with steps("promote"):
        registry.promote(version)
        registry.prune(settings.keep_releases)
    return bundle

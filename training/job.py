"""One training: read the log, learn, write a bundle, publish and promote it."""

import time
from pathlib import Path

from recsys.bundle import Bundle
from recsys.data.store import Store
from recsys.ranking.making import Steps, make_bundle, read, recipe_of
from recsys.ranking.placements import load_placements
from recsys.ranking.sources import SOURCES
from training.registry import Registry, version_name
from training.settings import TrainSettings


def train(store: Store, home: Path, file: Path | None, steps: Steps) -> Bundle:
    """Reads, learns, publishes and promotes; returns the live bundle.  Raises NotEnoughData, BadSettings."""
    settings, registry = TrainSettings.load(file), Registry(home)
    load_placements(file, frozenset(SOURCES))  # a mistake there would keep every service from taking the release
    recipe = recipe_of(file, validation_days=settings.validation_days, seed=settings.seed)
    with steps("read"):
        snapshot = read(store)
    version = version_name(int(time.time() * 1000))
    bundle = registry.publish(lambda directory: make_bundle(snapshot, directory, recipe, steps, version=version))
    with steps("promote"):
        registry.promote(version)
        registry.prune(settings.keep_releases)
    return bundle

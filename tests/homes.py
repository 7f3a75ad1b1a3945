"""Homes for tests, quickly: a copy shares the files of releases, a release goes live without being judged."""

import os
import shutil
from pathlib import Path

from recsys.bundle import version_name
from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.store.base import Store
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.time_units import now_ms
from training.registry import Registry


def copy_home(home: Path, copy: Path) -> Path:
    """A copy of a home whose releases are hard links: what is published is never written to, only replaced."""
    return Path(shutil.copytree(home, copy, copy_function=_link_release_file))


def publish_live(store: Store, home: Path, file: Path | None = None) -> str:
    """The version of a release of what the store holds, live at once: `train` without the gate, which takes longer."""
    recipe = read_recipe(file, validation_days=28, seed=0, optional_seconds=0)
    registry, snapshot, version = Registry(home), read_snapshot(store), version_name(now_ms())
    registry.publish(
        lambda directory: build_bundle(snapshot, directory, recipe, StepLog(), version=version, with_ratings=True)
    )
    registry.promote(version)
    return version


def _link_release_file(source: str, target: str) -> None:
    if "bundles" in Path(source).parts[:-2]:
        os.link(source, target)
    else:
        shutil.copy2(source, target)

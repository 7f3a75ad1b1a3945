"""Homes for tests, quickly: a copy shares the files of releases, a release goes live without being judged."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.atomic_file import file_lock
from recsys.bundle import version_name
from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.store.base import Store
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import read_recipe
from recsys.models.registry import BUY_AGAIN, DISCOVER_MODELS, OPTIONAL_MODELS
from recsys.progress import StepLog
from recsys.time_units import now_ms
from training.registry import Registry


def made_once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder for all test processes, made by the first of them that needs it."""
    own = folders.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, is_made = shared / name, shared / f"{name}.made"
    with file_lock(shared / f"{name}.lock"):
        if not is_made.exists():
            folder.mkdir()
            make(folder)
            is_made.touch()
    return folder


def home_made_once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """This test process's own copy of such a home: to open a store writes beside it."""
    return copy_home(made_once(folders, name, make), folders.mktemp(name) / "home")


def copy_home(home: Path, copy: Path) -> Path:
    """A copy of a home whose releases are hard links: what is published is never written to, only replaced."""
    return Path(shutil.copytree(home, copy, copy_function=_link_release_file))


def settle_models(home: Path) -> None:
    """Writes settings of models among which nothing is left to search for: an evaluation learns in a moment."""
    off = [f"[models.{name}]\noff = true\n" for name in OPTIONAL_MODELS]
    settled = [f"[models.{name}]\nhalf_life_days = 30\n" for name in {BUY_AGAIN, *DISCOVER_MODELS} - OPTIONAL_MODELS]
    (home / "recsys.toml").write_text("".join(off + settled))


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

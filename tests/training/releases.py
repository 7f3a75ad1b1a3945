"""Small releases of a registry, each with a number in a mapped array."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from recsys.bundle import Bundle, Manifest, version_name, write_bundle
from training.registry import Registry

START_MS = 1_767_323_045_000
NAMES = tuple(version_name(START_MS + 1_000 * i, f"{i:04x}") for i in range(8))


def writer(version: str, number: int = 7) -> Callable[[Path], Bundle]:
    """Writes a bundle with its number in a mapped array and in the manifest."""
    manifest = Manifest(version=version, made_at_ms=START_MS, now=20_455.0, metrics={"number": number})
    return lambda path: write_bundle(path, {"numbers": np.full(2_000, number)}, manifest)


def registry_of(home: Path, n: int, live: int | None = None) -> Registry:
    """n published releases, the first ones up to `live` promoted one after the other."""
    registry = Registry(home)
    for i, version in enumerate(NAMES[:n]):
        registry.publish(writer(version, i))
    for version in NAMES[: 0 if live is None else live + 1]:
        registry.promote(version)
    return registry

"""Change of a shared registry: made on a copy of its state, and stored on condition that no other host was quicker."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from recsys.errors import BadFile
from recsys.shared_registry.mirror import RegistryMirror
from recsys.shared_registry.state import read_state, write_state

STAGED = ".staged-"
ATTEMPTS = 20

P = ParamSpec("P")
T = TypeVar("T")


class ChangedMeanwhile(Exception):
    """Another host changed the registry between reading and writing; nothing was written."""


def again_if_changed(change: Callable[P, T]) -> Callable[P, T]:
    """The same change, made again on the new state as often as another host is quicker.  Raises BadFile at last."""

    @wraps(change)
    def attempts(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(ATTEMPTS):
            with suppress(ChangedMeanwhile):
                return change(*args, **kwargs)
        raise BadFile(f"other hosts changed the registry {ATTEMPTS} times meanwhile; try again")

    return attempts


@contextmanager
def staged_change(mirror: RegistryMirror) -> Iterator[Path]:
    """A folder with the state of the shared registry; what it holds in the end becomes the state of all hosts.

    A registry that nobody used yet begins with the state of this home.  The caller holds the lock of the home.
    Raises ChangedMeanwhile; BadFile when the storage is gone, and then nothing changed.
    """
    before, etag = mirror.read()
    with tempfile.TemporaryDirectory(prefix=STAGED, dir=mirror.bundles) as folder:
        write_state(Path(folder), before or read_state(mirror.bundles))
        yield Path(folder)
        after = read_state(Path(folder))
    if after == before:
        return
    for version in after.in_service:
        mirror.fetch(version)
    written = mirror.write(after, etag)
    if written is None:
        raise ChangedMeanwhile
    mirror.take(after, written)
    mirror.drop(set(after.deleted) - set(before.deleted if before is not None else ()))

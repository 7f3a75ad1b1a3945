"""Integrity of the installation: import packages and files of ours that another distribution has overwritten."""

import base64
import hashlib
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

DISTRIBUTION = "recsys-shop"
OUR_PACKAGES = ("recsys", "api", "training", "eval")  # common names: other projects install some of them too


def foreign_files() -> list[str]:
    """A sentence for each package or file that is not ours any more; empty for a sound installation."""
    try:
        changed = list(changed_files(distribution(DISTRIBUTION)))
    except PackageNotFoundError:
        changed = [f"{DISTRIBUTION} is not installed"]
    return [*_elsewhere(), *_shared_packages(), *changed]


def changed_files(installed: Distribution) -> Iterator[str]:
    """Python files that are gone or differ from the digests in the record of the distribution (PEP 376)."""
    for file in installed.files or ():
        if file.suffix != ".py" or file.hash is None or file.parts[0] not in OUR_PACKAGES:
            continue
        path = Path(str(file.locate()))
        if not path.is_file():
            yield f"{file} is gone"
        elif _digest(path, file.hash.mode) != file.hash.value:
            yield f"{file} is not the file that was installed"


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm, path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _elsewhere() -> Iterator[str]:
    """Packages that Python loads from another folder than `recsys`."""
    home = _folder("recsys")
    for name in OUR_PACKAGES:
        folder = _folder(name)
        if folder != home:
            yield f"{name} is loaded from {folder}, not from {home}"


def _folder(name: str) -> Path | None:
    import_module(name)
    file = sys.modules[name].__file__
    return Path(file).parents[1] if file else None


@cache
def package_owners() -> Mapping[str, list[str]]:
    """The distributions of each import package, as this process has them."""
    return packages_distributions()


def _shared_packages() -> Iterator[str]:
    """Packages that a second distribution says are its own."""
    owners = package_owners()
    for name in OUR_PACKAGES:
        for other in sorted({*owners.get(name, ())} - {DISTRIBUTION, f"{DISTRIBUTION}-client"}):
            yield f"{other} installs a package named {name} too"

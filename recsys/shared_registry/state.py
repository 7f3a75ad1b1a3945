"""Registry state: what is live, what was, the newest job and the canary, as files beside the releases or as one object.

In the object storage all of it is one document, so that each change is one conditional write.
"""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from recsys.atomic_file import replace_file
from recsys.bundle import LIVE, is_version, live_version
from recsys.canary.state import CANARY, Canary, read_canary
from recsys.errors import BadBundle
from recsys.experiments.state import EXPERIMENTS, Experiments, read_experiments, running_experiment, to_bytes

PROMOTIONS = ".promotions"  # versions in the order of their promotion
FLED = ".fled"  # versions that a rollback left: no other rollback goes back to them
GENERATION = ".generation"  # of the newest job; a job of an older one may not promote
DELETED = ".deleted"  # versions that are deleted for all hosts; only with a shared registry
MOST_DELETED = 1_000  # the newest: a host that was away for longer keeps what it has


def _checked(version: str) -> str:
    if not is_version(version):
        raise ValueError(f"{version[:40]!r} is no version")
    return version


Version = Annotated[str, AfterValidator(_checked)]


class RegistryState(BaseModel):
    """Everything but the releases and the verdicts."""

    model_config = ConfigDict(frozen=True)
    live: Version | None = None
    promoted: tuple[Version, ...] = ()
    fled: tuple[Version, ...] = ()
    generation: int = Field(default=0, ge=0)
    canary: Canary | None = None
    deleted: tuple[Version, ...] = ()
    experiments: Experiments = ()

    @property
    def in_service(self) -> list[str]:
        """The live release, that of a canary and those that an experiment holds: every host needs them."""
        canary = self.canary.beside(self.live) if self.canary is not None else None
        experiment = running_experiment(self.experiments)
        held = experiment.plan.releases if experiment is not None else ()
        versions = (self.live, canary.version if canary is not None and canary.is_running else None, *held)
        return [version for version in dict.fromkeys(versions) if version is not None]

    @property
    def before(self) -> str | None:
        """The release that a rollback would go back to."""
        past = [version for version in self.promoted if version not in (*self.fled, *self.in_service)]
        return past[-1] if past else None


def parse_state(document: bytes, place: str) -> RegistryState:
    """Raises BadBundle for a document that is damaged."""
    try:
        return RegistryState.model_validate_json(document)
    except ValidationError as error:
        raise BadBundle(f"{place}: no state of a registry ({error}); restore an older version of the object") from None


def read_state(folder: Path) -> RegistryState:
    """The state in the files of that folder; a damaged file counts as missing."""
    live = canary = None
    experiments: Experiments = ()
    with suppress(BadBundle):
        live = live_version(folder)
    with suppress(BadBundle):
        canary = read_canary(folder)
    with suppress(BadBundle):
        experiments = read_experiments(folder)
    return RegistryState(
        live=live,
        promoted=tuple(_versions(folder / PROMOTIONS)),
        fled=tuple(_versions(folder / FLED)),
        generation=read_generation(folder),
        canary=canary,
        deleted=tuple(_versions(folder / DELETED))[-MOST_DELETED:],
        experiments=experiments,
    )


def write_state(folder: Path, state: RegistryState) -> None:
    """Replaces the files that differ, LIVE last; a LIVE of this host stays where nothing is live yet.  Raises OSError.

    The caller holds the lock of the registry.
    """
    contents = {
        PROMOTIONS: _lines(state.promoted),
        FLED: _lines(state.fled),
        GENERATION: f"{state.generation}\n".encode() if state.generation else b"",
        DELETED: _lines(state.deleted),
        EXPERIMENTS: to_bytes(state.experiments),
        CANARY: b"" if state.canary is None else state.canary.model_dump_json(indent=2).encode(),
    }
    for name, content in contents.items():
        _replace(folder / name, content)
    if state.live is not None:
        _replace(folder / LIVE, f"{state.live}\n".encode())


def read_generation(folder: Path) -> int:
    """The generation of the newest job, 0 before the first."""
    try:
        return max(0, int((folder / GENERATION).read_text("ascii")))
    except (OSError, ValueError):  # none yet, or damaged: the next job begins again
        return 0


def _versions(file: Path) -> list[str]:
    lines = file.read_text("ascii", "replace").splitlines() if file.exists() else []
    return [line for line in lines if is_version(line)]


def _lines(versions: tuple[str, ...]) -> bytes:
    return "".join(f"{version}\n" for version in versions).encode()


def _replace(file: Path, content: bytes) -> None:
    if not content:
        file.unlink(missing_ok=True)
    elif not file.exists() or file.read_bytes() != content:
        replace_file(file, content)

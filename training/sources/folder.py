"""Watched folder as an import source: each finished file in it is imported once, by the digest of its content."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recsys.data.files.readers import SUFFIXES
from recsys.errors import BadFile
from training.sources.source import SourcePart
from training.sources.state import SourceState

DONE = "done"
SETTLE_S = 5.0
Status = tuple[int, int, int]  # bytes, and times in ns: of the content, and of anything such as the name


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The files of a folder whose names end like a format that is read.  Hidden files and folders are left alone.

    A file is finished when its last change is `settle_s` ago, as where it was renamed into the folder, or when it does
    not change for as long while this waits.  is_moved: finished files go to the folder `done` in it.
    """

    folder: Path
    settle_s: float = SETTLE_S
    is_moved: bool = False
    any_name: bool = False
    sleep: Callable[[float], None] = time.sleep

    @property
    def label(self) -> str:
        return f"folder:{self.folder}"

    @property
    def identity(self) -> str:
        return f"folder:{self.folder.resolve()}"

    def new_parts(self, state: SourceState, spool: Path) -> Iterator[SourcePart]:
        """Each file that is new or changed, in the order of names; one with known content is only noted."""
        if not self.folder.is_dir():
            raise BadFile(f"{self.folder}: there is no such folder; make it, or name another --from")
        digests = {value.rpartition(" ")[2] for value in state.marks.values()}
        for file, status in self._finished(state):
            digest = _digest(file)
            done = partial(self._finish, state, file, status, digest)
            if digest in digests:
                done()
            else:
                digests.add(digest)
                yield SourcePart(file, str(file), done)

    def _finished(self, state: SourceState) -> Iterator[tuple[Path, Status]]:
        new = {file: status for file in self._files() if (status := self._new_status(state, file)) is not None}
        now_ns = time.time_ns()
        fresh = {file for file, (_, at_ns, _) in new.items() if not at_ns <= now_ns - self.settle_s * 1e9}
        if fresh:
            self.sleep(self.settle_s)
        yield from ((file, status) for file, status in new.items() if file not in fresh or _status(file) == status)

    def _files(self) -> list[Path]:
        names = sorted(self.folder.iterdir())
        return [file for file in names if file.name[0] != "." and self._is_read(file.name) and file.is_file()]

    def _is_read(self, name: str) -> bool:
        return self.any_name or name.lower().endswith(SUFFIXES)

    def _new_status(self, state: SourceState, file: Path) -> Status | None:
        """The status of a file that is not done yet; moves one that is, where a kill came between."""
        status = _status(file)
        if status is None or not state.marks.get(file.name, "").startswith("{} {} {} ".format(*status)):
            return status
        self._move(file)
        return None

    def _finish(self, state: SourceState, file: Path, status: Status, digest: str) -> None:
        if _status(file) != status:
            return  # it was written to meanwhile, and comes again
        state.save(file.name, "{} {} {} {}".format(*status, digest))
        self._move(file)

    def _move(self, file: Path) -> None:
        if not self.is_moved:
            return
        done = self.folder / DONE
        done.mkdir(exist_ok=True)
        target = done / file.name
        if target.exists():
            target = done / f"{time.time_ns()}-{file.name}"
        file.rename(target)


def _status(file: Path) -> Status | None:
    """None for a file that is gone."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

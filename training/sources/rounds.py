"""Rounds of an import: given files once; a source once, or again and again while it is watched."""

import hashlib
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NoReturn

from recsys.atomic_file import PRIVATE_FOLDER, file_lock, make_private
from recsys.cli.given_files import given_files
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.destination import LOCK, WORK_FOLDER
from recsys.data.store.base import Store
from recsys.errors import BadFile, BadInput, RecsysError
from training.sources.addresses import SourceRequest, open_source_at
from training.sources.source import ImportSource, SourcePart
from training.sources.state import SourceState

FOLDER = "sources"  # of the home


@dataclass(frozen=True, slots=True)
class ImportInput:
    """Files or a source.  reading: how its rows are read; a source that is read otherwise begins again.

    every_s: watches the source, with that pause.  is_again: forgets what was imported.
    """

    files: Sequence[Path]
    source: SourceRequest | None = None
    reading: bytes = b""
    every_s: float | None = None
    is_again: bool = False


def rounds(
    given: ImportInput,
    mapping: ColumnMapping,
    *,
    home: Path,
    settings: Path | None,
    store: Callable[[], Store],
) -> Generator[Iterator[SourcePart]]:
    """The parts of each round.  A watched source has a round only when there is something new, or a fault."""
    if given.source is None:
        with closing(_file_parts(given.files, mapping)) as parts:
            yield parts
        return
    source = open_source_at(given.source, settings, any_name=mapping.file_format is not None)
    is_again = given.is_again
    while True:
        with closing(_source_parts(source, given, home, store, mapping, is_again=is_again)) as parts:
            if given.every_s is None:
                yield parts
                return
            peeked = _peeked(parts)
            if peeked is not None:
                yield peeked
        is_again = False
        time.sleep(given.every_s)


def _file_parts(files: Sequence[Path], mapping: ColumnMapping) -> Generator[SourcePart]:
    with given_files(files, mapping) as paths:
        yield from (SourcePart(path, str(path), _nothing) for path in paths)


def _source_parts(
    source: ImportSource,
    given: ImportInput,
    home: Path,
    store: Callable[[], Store],
    mapping: ColumnMapping,
    *,
    is_again: bool,
) -> Generator[SourcePart]:
    """What is new; a second import of the same source waits meanwhile."""
    key = hashlib.sha256(source.identity.encode() + given.reading).hexdigest()[:16]
    with _spool(home / WORK_FOLDER / f"source-{key}") as spool:
        file = home / FOLDER / f"{key}.jsonl"
        if is_again:
            file.unlink(missing_ok=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        make_private(file.parent)
        for part in source.new_parts(SourceState(file, store().lineage), spool):
            yield from _members(part, mapping)


@contextmanager
def _spool(work: Path) -> Iterator[Path]:
    """An empty private folder.  What a killed import left in it is deleted here, or by the next erasure."""
    spool = work / "parts"
    with file_lock(work / LOCK):
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir(PRIVATE_FOLDER, parents=True)
        make_private(spool)
        try:
            yield spool
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _members(part: SourcePart, mapping: ColumnMapping) -> Iterator[SourcePart]:
    """The part, or the members of an archive, which is done when all of them are."""
    try:
        with given_files([part.path], mapping) as paths:
            waiting = dict.fromkeys(paths)
    except (BadFile, BadInput):
        yield part  # reading it says what is wrong
        return

    def done(path: Path) -> None:
        waiting.pop(path, None)
        if not waiting:
            part.done()

    for path in list(waiting):
        member = str(path).removeprefix(str(part.path))
        yield SourcePart(path, f"{part.name}{member}", partial(done, path))


def _peeked(parts: Iterator[SourcePart]) -> Iterator[SourcePart] | None:
    """The same parts, or an iterator that raises their error; None where there are none."""
    try:
        first = next(parts, None)
    except RecsysError as error:
        return map(_raise, (error,))
    return None if first is None else chain((first,), parts)


def _raise(error: RecsysError) -> NoReturn:
    raise error


def _nothing() -> None:
    pass

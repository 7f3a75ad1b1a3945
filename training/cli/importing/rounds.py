"""Rounds of an import: files, or a source again and again, read as runs with progress, and an exit code."""

import gc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from recsys.cli.context import OK, REFUSED, USER_ERROR, CliContext
from recsys.cli.file_progress import file_progress
from recsys.cli.jobs.recorded import recorded_job
from recsys.errors import BadFile, BadInput, RecsysError
from training.cli.import_summary import exit_code

if TYPE_CHECKING:
    from recsys.data.files.column_mapping import ColumnMapping
    from recsys.data.files.formats.file_table import ChunkProgress
    from training.importing.rejects import Tally
    from training.sources.rounds import ImportInput
    from training.sources.source import SourcePart

ReadFile = Callable[[Path, "ChunkProgress"], "Tally"]
Round = tuple[ReadFile, Callable[["list[Tally]"], None]]


@dataclass(frozen=True, slots=True)
class ImportTerms:
    """Cause of the run, the most percent of lines that may be refused, and whether nothing shall be stored."""

    cause: str
    max_refused: float
    is_trial: bool = False


MANY_FAULTS = 3  # so many unreadable parts and none that can be read: the rest is not tried


def import_given(
    context: CliContext,
    given: "ImportInput",
    mapping: "ColumnMapping",
    begin: Callable[[], Round],
    terms: ImportTerms,
) -> None:
    """Imports what is given, once or again and again, and ends the command.

    begin: makes what reads a file, and what shows the tallies.  Raises BadInput for a trial that would go on.
    """
    from training.sources.rounds import rounds

    if terms.is_trial and given.every_s is not None:
        raise BadInput("--try reads once; leave --every out")
    code = OK
    with closing(rounds(given, mapping, home=context.home, settings=context.file, store=context.store)) as each_round:
        for parts in each_round:
            read, show = begin()
            try:
                tallies, faults = _read_parts(context, parts, mapping, read, terms, is_source=given.source is not None)
            except RecsysError as error:
                if given.every_s is None:
                    raise
                tallies, faults = [], [error]  # a source that does not answer is asked again
            show(tallies)
            if not (tallies or faults):
                typer.echo("nothing new", err=True)
            for fault in faults:
                typer.secho(f"{fault.code}: {fault}", fg=typer.colors.RED, err=True)
            code = USER_ERROR if faults else exit_code(tallies, terms.max_refused)
    raise typer.Exit(code)


def _read_parts(
    context: CliContext,
    parts: "Iterator[SourcePart]",
    mapping: "ColumnMapping",
    read: ReadFile,
    terms: ImportTerms,
    *,
    is_source: bool,
) -> "tuple[list[Tally], list[RecsysError]]":
    """Reads the parts, as a run unless it is a trial; a bad part of a source does not keep the others out."""
    if terms.is_trial:
        with _garbage_collection_off():
            return [replace(_with_progress(part.path, mapping, read), file=part.name) for part in parts], []
    store, tallies, faults = context.store(), list["Tally"](), list[RecsysError]()
    with recorded_job(context, store, "import", terms.cause) as run:
        with _garbage_collection_off():
            for part in parts:
                try:
                    tally = _with_progress(part.path, mapping, read)
                except (BadFile, BadInput) as error:
                    faults.append(error)
                    if not is_source or (len(faults) >= MANY_FAULTS and not tallies):
                        raise
                    continue
                tally.file = part.name
                tallies.append(tally)
                if tally.rejected < tally.lines or not tally.lines:
                    part.done()
        run.watermark = store.lineage().head
        counts = {name: sum(getattr(tally, name) for tally in tallies) for name in ("lines", "accepted", "rejected")}
        run.result = {"files": [tally.file for tally in tallies], **counts}
        if faults:
            run.decide("failed", *map(str, faults))
        elif exit_code(tallies, terms.max_refused) == REFUSED:
            run.decide("failed", f"{counts['rejected']:,} of {counts['lines']:,} lines were refused")
    return tallies, faults


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    """Turns garbage collection off: rows have no reference cycles, and the search took a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _with_progress(path: Path, mapping: "ColumnMapping", read: ReadFile) -> "Tally":
    from recsys.data.files.source import open_source

    open_source(path, mapping)  # a file that cannot be read has no bar
    with file_progress() as progress:
        return read(path, progress.file(path))

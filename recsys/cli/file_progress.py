"""Progress of reading files: a bar on a terminal, else a line of text every ten seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from recsys.data.files.formats.file_table import Chunk, ChunkProgress

EVERY_S, FIRST_S = 10.0, 2.0
MB = 1e6


class FileProgress(Protocol):
    """Shows how far files are read."""

    def file(self, path: Path) -> "ChunkProgress":
        """A function to be called with every chunk of that file."""


class TextProgress:
    """Progress as text: bytes of the file and lines, after FIRST_S, then ever more rarely, at last each `every_s`."""

    def __init__(
        self, show: Callable[[str], None], every_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._show, self._every_s, self._clock = show, every_s, clock
        self._last_s, self._wait_s = clock(), min(FIRST_S, every_s)

    def file(self, path: Path) -> "ChunkProgress":
        size, n_lines = _size(path), 0

        def add(chunk: "Chunk") -> None:
            nonlocal n_lines
            n_lines += chunk.n_lines
            if self._clock() - self._last_s >= self._wait_s:
                self._last_s, self._wait_s = self._clock(), min(2 * self._wait_s, self._every_s)
                self._show(f"{path.name}: {chunk.position / MB:,.1f} of {size / MB:,.1f} MB, {n_lines:,} lines")

        return add


class BarProgress:
    """Progress as a bar for each file, in bytes, with the lines beside it."""

    def __init__(self, bar: "Progress") -> None:
        self._bar = bar

    def file(self, path: Path) -> "ChunkProgress":
        task, n_lines = self._bar.add_task(path.name, total=_size(path), lines="0"), 0

        def add(chunk: "Chunk") -> None:
            nonlocal n_lines
            n_lines += chunk.n_lines
            self._bar.update(task, completed=chunk.position, lines=f"{n_lines:,}")

        return add


def _size(path: Path) -> int:
    from recsys.data.files.formats.byte_stream import split_member

    return split_member(path)[0].stat().st_size


@contextmanager
def file_progress() -> Iterator[FileProgress]:
    """Progress on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield TextProgress(lambda text: typer.echo(text, err=True), EVERY_S)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[lines]} lines"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        yield BarProgress(bar)

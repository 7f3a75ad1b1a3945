"""Progress of counted work: a bar on a terminal, else a line of text every ten seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

EVERY_S = 10.0

CountProgress = Callable[[int, int], None]  # how many are done, of how many; 0 where nobody knows


@contextmanager
def count_progress(unit: str) -> Iterator[CountProgress]:
    """Shows on stderr how many of those units are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield text_progress(unit, lambda text: typer.echo(text, err=True))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(unit, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def text_progress(unit: str, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> CountProgress:
    """Progress as text, at most once in ten seconds."""
    last_s = clock()

    def add(done: int, total: int) -> None:
        nonlocal last_s
        if clock() - last_s >= EVERY_S:
            last_s = clock()
            show(f"{done:,} of {total:,} {unit}" if total else f"{done:,} {unit}")

    return add

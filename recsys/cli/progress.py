"""What a long job shows a person who waits for it."""

from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from recsys.progress import StepLog

T = TypeVar("T")


def steps_shown(run: Callable[[StepLog], T], console: Console) -> T:
    """Runs the job with its current step on the screen and each finished one on a line of its own."""
    shown = 0
    steps = StepLog()

    with console.status("starting") as status:

        def tell(name: str) -> None:
            nonlocal shown
            shown = _show_finished(steps, shown, console)
            status.update(name)

        steps.tell = tell
        result = run(steps)
        _show_finished(steps, shown, console)
    return result


def _show_finished(steps: StepLog, shown: int, console: Console) -> int:
    for name, cost in list(steps.done.items())[shown:]:
        console.print(f"  {name:<24} {cost['seconds']:>7.1f} s   {cost['peak_mib']:>6,.0f} MiB peak", highlight=False)
    return len(steps.done)


def facts(rows: dict[str, str]) -> Table:
    """Names and values, one pair a line."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/]", value)
    return table

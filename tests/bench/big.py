"""What a large log costs one machine: import, training and the start of the service, on shops made up for it.

`python -m tests.bench.big` makes shops of five and of fifty million events: 16 GB of disk, and an hour on two cores.
Costs are seconds of a core, which other programs on the machine hardly change.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.bench import machine
from tests.bench.big_data import fill_store, write_csv
from tests.bench.budgets import Figure, show, write
from tests.bench.lifecycle import Cost, run
from tests.bench.servers import served

SIZES = (5_000_000, 50_000_000)
IMPORTED = 1_000_000  # lines of the file whose import is measured
MOST_MEMORY_GIB, MOST_READY_S, MOST_GROWTH = 16.0, 5.0, 1.3
LEAST_LINES_PER_S = 150_000

console = Console(width=160)


def import_cost(folder: Path) -> Figure:
    """Lines of a CSV file that a core imports in a second, without the start of the command."""
    home, path = folder / "imported", folder / "events.csv"
    write_csv(path, IMPORTED)
    first = folder / "first.csv"
    write_csv(first, 1)
    start_s = run(folder / "started", "import", "events", str(first)).cpu_s
    cost = run(home, "import", "events", str(path))
    lines = IMPORTED / (cost.cpu_s - start_s)
    detail = f"{1e6 / lines:.1f} µs a line, {cost.peak_gib:.2f} GiB"
    return Figure("import, lines", "in a second of a core", (lines,), LEAST_LINES_PER_S, "at least", detail)


def costs_of(home: Path, n_events: int) -> tuple[Cost, float]:
    """Of a training of that shop, and the seconds until the service is ready with it."""
    if not (home / "shop.db").exists():
        fill_store(home, n_events)
    cost = run(home, "train", "--always")
    with served(home) as server:
        return cost, server.ready_s


def figures_of(folder: Path, sizes: list[int]) -> Iterator[Figure]:
    """Of each size, and how much more an event costs in the largest shop than in the smallest."""
    costs: dict[int, float] = {}
    for n_events in sizes:
        cost, ready_s = costs_of(folder / f"shop-{n_events}", n_events)
        costs[n_events] = cost.cpu_s / n_events
        words = f"{n_events:,} events"
        yield Figure(f"train, {words}", "s of a core", (cost.cpu_s,), None, "at most", f"{cost.seconds:,.0f} s")
        yield Figure(f"train, most memory, {words}", "GiB", (cost.peak_gib,), MOST_MEMORY_GIB, "at most")
        yield Figure(f"ready, {words}", "s", (ready_s,), MOST_READY_S, "at most")
    growth = costs[sizes[-1]] / costs[sizes[0]]
    yield Figure("train, an event of the largest over the smallest", "x", (growth,), MOST_GROWTH, "at most")


def main(
    events: Annotated[list[int] | None, typer.Option(help="Events of a shop; several times for more.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where shops stay for the next time; else they go.")] = None,
    out: Annotated[Path, typer.Option(help="Where the figures go as JSON.")] = Path("build/big.json"),
) -> None:
    """Measure import, training and start with logs of growing size.

    Example: python -m tests.bench.big --events 1000000 --events 5000000 --folder /var/tmp/shops
    """
    place = folder or Path(tempfile.mkdtemp(prefix="recsys-big-"))
    place.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    try:
        with tempfile.TemporaryDirectory(dir=place) as name:
            figures.append(import_cost(Path(name)))
        for figure in figures_of(place, sorted(set(events or SIZES))):
            figures.append(figure)
            console.print(f"  {figure.name}: {figure.value:,.3g} {figure.unit} {figure.detail}", highlight=False)
    finally:
        if folder is None:
            shutil.rmtree(place)
    show(figures, console)
    write(figures, machine.described(), out)


if __name__ == "__main__":
    typer.run(main)

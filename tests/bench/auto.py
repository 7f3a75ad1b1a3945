"""What the automatic choice costs on much data: CPU, memory, and how both grow with the rows.

python -m tests.bench.auto --rows 1000000 --rows 8000000
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console

from tests.bench import machine
from tests.bench.big_data import sizes, write_csv
from tests.bench.budgets import Figure, show, write
from tests.bench.lifecycle import run

ROWS = (1_000_000, 8_000_000)
PER_ITEM = 160  # rows: 50,000 items and 200,000 customers at 8 million
TEST_SHARE, JUDGED = 0.01, 2_000  # the last rows; customers whose rows of these are judged
MOST_CPU_S, MOST_GIB, MOST_GROWTH = 300.0, 2.5, 1.3  # at 8 million rows; a row there over one of the smallest
BUDGETED = 8_000_000

console = Console(width=160)


def files_of(folder: Path, n_rows: int) -> tuple[Path, Path]:
    """Rows to learn from, and those after them of some customers to judge by."""
    whole, train, test = (folder / f"{name}-{n_rows}.csv" for name in ("whole", "train", "test"))
    if not test.exists():
        write_csv(whole, n_rows, per_item=PER_ITEM)
        rows = pl.scan_csv(whole).select("user_id", "item_id", "at")
        cut = rows.select(pl.col("at").quantile(1 - TEST_SHARE)).collect().item()
        later = rows.filter(pl.col("at") > cut)
        judges = later.select(pl.col("user_id").unique(maintain_order=True)).head(JUDGED).collect().to_series()
        rows.filter(pl.col("at") <= cut).sink_csv(train)
        later.filter(pl.col("user_id").is_in(judges.implode())).sink_csv(test)
        whole.unlink()
    return train, test


def figures_of(folder: Path, sizes_of_rows: list[int]) -> Iterator[Figure]:
    """Of each size, and how much more a row costs in the largest file than in the smallest."""
    cost_of_row: dict[int, float] = {}
    for n_rows in sizes_of_rows:
        train, test = files_of(folder, n_rows)
        out = str(folder / f"figures-{n_rows}.json")
        cost = run(folder / "home", "evaluate", "--train", str(train), "--test", str(test), "--model", "auto",
                   "--seen", "hide", "--json", out)  # fmt: skip
        cost_of_row[n_rows] = cost.cpu_s / n_rows
        n_users, n_items = sizes(n_rows, PER_ITEM)
        words = f"{n_rows:,} rows"
        budgets = (MOST_CPU_S, MOST_GIB) if n_rows == BUDGETED else (None, None)
        detail = f"{n_users:,} customers, {n_items:,} items"
        yield Figure(f"auto, {words}", "s of a core", (cost.cpu_s,), budgets[0], "at most", detail)
        yield Figure(f"auto, most memory, {words}", "GiB", (cost.peak_gib,), budgets[1], "at most")
    growth = cost_of_row[sizes_of_rows[-1]] / cost_of_row[sizes_of_rows[0]]
    yield Figure("auto, a row of the largest over one of the smallest", "x", (growth,), MOST_GROWTH, "at most")


def main(
    rows: Annotated[list[int] | None, typer.Option(help="Rows of a file; several times for more.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where files stay for the next time; else they go.")] = None,
    out: Annotated[Path, typer.Option(help="Where the figures go as JSON.")] = Path("build/auto.json"),
) -> None:
    """Measure `recsys evaluate --model auto` from files to lists, in seconds of a core.

    Example: python -m tests.bench.auto --rows 1000000 --folder /var/tmp/auto
    """
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="recsys-auto-") as name:
        place = folder or Path(name)
        place.mkdir(parents=True, exist_ok=True)
        for figure in figures_of(place, sorted(set(rows or ROWS))):
            figures.append(figure)
            console.print(f"  {figure.name}: {figure.value:,.3g} {figure.unit} {figure.detail}", highlight=False)
    show(figures, console)
    write(figures, machine.described(), out)


if __name__ == "__main__":
    typer.run(main)

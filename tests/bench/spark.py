"""Native engine and Spark beside each other on made-up purchases: `python -m tests.bench.spark`.

Each run is a process of its own that reads Parquet files, numbers and weights the events, and fits five models; what
both engines do alike afterwards (blend, indexes, bundle) is left out.  Processor time and memory are those of its whole
tree of processes: the JVM and the Python workers of Spark are in it.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import polars as pl

    from recsys.data.dataset.dataset import Dataset
    from recsys.data.dataset.snapshot import Snapshot
    from recsys.learning.backends.base import TrainingBackend
    from recsys.models.base import Model

SIZES = (100_000, 1_000_000)
COMPUTED = (10_000_000, 50_000_000)  # from the two largest sizes that were measured
ITEMS, TASTES, EVENTS_OF_USER, PART = 20_000, 40, 50, 1_000_000
HELD_BACK_DAYS, JUDGES, SAMPLE_S = 28, 1_000, 0.3
MODELS = ("popularity", "buy_again", "bought_together", "item_neighbours", "als")
HERTZ, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")

COLUMNS = ("events", "engine", "CPU s", "peak GiB", "wall s", "nDCG@10 als", "item_neighbours", "cosine", "steps, s")

Result = dict[str, float | dict[str, float]]

console = Console(width=180)


def made(folder: Path, n_events: int) -> Path:
    """Purchases of a year as Parquet files: half from the taste of the customer, items by Zipf."""
    for part, start in enumerate(range(0, n_events, PART)):
        _part(part, min(PART, n_events - start)).write_parquet(folder / f"part-{part:05}.parquet")
    return folder


def _part(part: int, n: int) -> "pl.DataFrame":
    import numpy as np
    import polars as pl

    from recsys.data.events import Kind
    from recsys.testing import NOW
    from recsys.time_units import DAY_MS

    rng = np.random.default_rng(part)
    user = np.sort(rng.integers(0, max(1, n // EVENTS_OF_USER), n)) + part * (PART // EVENTS_OF_USER)
    rank = (np.exp(rng.random(n) * np.log(ITEMS / TASTES)) - 1).astype(np.int64)
    taste = np.where(rng.random(n) < 0.5, user % TASTES, rng.integers(0, TASTES, n))
    day = NOW - np.floor(365 * rng.random(n))
    order = pl.Series(user).cast(pl.String) + "-" + pl.Series(day.astype(np.int64)).cast(pl.String)
    return pl.DataFrame(
        {
            "user_id": "user-" + pl.Series(user).cast(pl.String).str.zfill(8),
            "item_id": "item-" + pl.Series(rank * TASTES + taste).cast(pl.String).str.zfill(6),
            "kind": pl.Series(np.full(n, int(Kind.PURCHASE)), dtype=pl.Int8),
            "at_ms": (day * DAY_MS).astype(np.int64),
            "quantity": np.ones(n),
            "price": np.round(rng.uniform(1, 50, n), 2),
            "order_id": order,
            "rating": pl.Series([None] * n, dtype=pl.Float64),
            "is_vouched": np.ones(n, bool),
        }
    )


def run(engine: str, folder: Path) -> None:
    """One engine in this process; prints seconds by step and nDCG@10 as JSON."""
    import numpy as np

    from recsys.learning.recipe import read_recipe
    from recsys.progress import StepLog

    checks = FoldInChecks()
    logger = logging.getLogger("training.spark.als")
    logger.setLevel(logging.INFO)
    logger.addHandler(checks)
    steps, plan = StepLog(), read_recipe(None, validation_days=HELD_BACK_DAYS, seed=0).plan
    with _opened(engine, folder) as (backend, snapshot):
        now = snapshot.last_at - HELD_BACK_DAYS
        with steps("read and number"):
            dataset = backend.build_dataset(
                snapshot, now=now, weight_by_kind=plan.weight_by_kind, never_show={}, unvouched_share=0.3
            )
        learners = {name: plan.learners[name] for name in MODELS}
        models = backend.fit_all(learners, dataset.data, np.random.default_rng(0), steps, "fit")
        with steps("repurchase intervals"):
            backend.fit_repurchase_intervals(dataset.data.histories)
    quality = {name: _ndcg(models[name], dataset, snapshot, now) for name in ("als", "item_neighbours")}
    seconds = {name: step["seconds"] for name, step in steps.done.items()}
    print(json.dumps({"steps": seconds, "ndcg": quality, "fold_in": checks.fold_in}))


class FoldInChecks(logging.Handler):
    """What a training on Spark logs about its fold-in: customers compared, and their least cosine."""

    def __init__(self) -> None:
        super().__init__()
        self.fold_in: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.fold_in = {name: getattr(record, name) for name in ("users", "least_cosine")}


@contextmanager
def _opened(engine: str, folder: Path) -> "Iterator[tuple[TrainingBackend, Snapshot]]":
    import polars as pl

    from recsys.data.dataset.snapshot import Snapshot
    from recsys.learning.backends.native import NATIVE

    snapshot = Snapshot(pl.read_parquet(folder), [], 0, 0)
    if engine == "native":
        yield NATIVE, snapshot
        return
    from training.spark.backend import SparkBackend
    from training.spark.session import spark_session
    from training.spark.settings import SparkSettings

    small = Snapshot(
        snapshot.events.filter(pl.col("at_ms") >= (snapshot.last_at - HELD_BACK_DAYS) * 86_400_000), [], 0, 0
    )
    del snapshot
    settings = SparkSettings(master="local[2]", driver_memory="6g")
    with tempfile.TemporaryDirectory(dir=folder.parent) as exchange, spark_session(settings, Path(exchange)) as session:
        yield SparkBackend(session.read.parquet(str(folder)), Path(exchange), settings.slice_events), small


def _ndcg(model: "Model", dataset: "Dataset", snapshot: "Snapshot", now: float) -> float:
    """Of new items, over customers drawn from those who bought in the last weeks."""
    import numpy as np
    import polars as pl

    from recsys.learning.validation import ValidationUsers, candidate_lists, list_ndcg
    from recsys.time_units import DAY_MS

    later = snapshot.events.filter(pl.col("at_ms") > now * DAY_MS).group_by("user_id").agg("item_id").sort("user_id")
    rows = np.random.default_rng(0).permutation(len(later))[:JUDGES]
    after = [np.unique(dataset.catalogue.ids.positions(ids)) for ids in later["item_id"].gather(rows).to_list()]
    histories = dataset.data.histories.take(dataset.users.positions(later["user_id"].gather(rows).to_list()))
    before = [
        np.unique(histories.item[start:end])
        for start, end in zip(histories.offsets, histories.offsets[1:], strict=False)
    ]
    users = ValidationUsers(histories, before, [items[items >= 0] for items in after])
    lists = candidate_lists(model, users, only_new=True, depth=10)
    return round(float(list_ndcg(lists, users.new).mean()), 4)


def measured(engine: str, folder: Path) -> Result:
    """What a run printed, with wall and processor seconds and the peak of memory of its tree of processes."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.spark", "--run", engine, "--data", str(folder)]
    start, seen, peak = time.perf_counter(), dict[int, float](), 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while process.poll() is None:
            times, memory = _tree(process.pid)
            seen |= times
            peak = max(peak, memory)
            time.sleep(SAMPLE_S)
        printed = process.stdout.read().splitlines() if process.stdout else []
    if process.returncode or not printed:
        raise typer.Exit(process.returncode or 1)
    wall = time.perf_counter() - start
    return {
        **json.loads(printed[-1]),
        "wall_s": round(wall),
        "cpu_s": round(sum(seen.values())),
        "peak_gib": round(peak, 2),
    }


def _tree(root: int) -> tuple[dict[int, float], float]:
    """Processor seconds of each process below that one, and the GiB that all hold, shared pages counted once."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with _gone():
                children.setdefault(int((entry / "stat").read_text().rpartition(")")[2].split()[1]), []).append(
                    int(entry.name)
                )
    times, pss, waiting = dict[int, float](), 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        with _gone():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            times[pid] = (int(fields[11]) + int(fields[12])) / HERTZ
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            pss += int(rollup.partition("Pss:")[2].split()[0])
    return times, pss / 2**20


def _gone() -> suppress:
    """Of a process that ended meanwhile."""
    return suppress(OSError, IndexError, ValueError)


def main(
    size: Annotated[list[int] | None, typer.Option(help="Events of a shop; several times for more.")] = None,
    engine: Annotated[list[str] | None, typer.Option(help="native, spark; default both.")] = None,
    run_engine: Annotated[str | None, typer.Option("--run", hidden=True)] = None,
    data: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Seconds, memory and quality of both engines, and the least cosine of Spark's vectors and our fold-in.

    Example: python -m tests.bench.spark --size 100000 --size 1000000
    """
    if run_engine is not None and data is not None:
        run(run_engine, data)
        return
    table = Table(*COLUMNS)
    results: dict[str, dict[int, Result]] = {each: {} for each in engine or ("native", "spark")}
    for n_events in sorted(size or SIZES):
        with tempfile.TemporaryDirectory(prefix="recsys-spark-") as name:
            folder = Path(name) / "events"
            folder.mkdir()
            made(folder, n_events)
            for each in results:
                result = results[each][n_events] = measured(each, folder)
                console.print_json(json.dumps({"events": n_events, "engine": each, **result}))
                table.add_row(f"{n_events:,}", each, *_cells(result))
    for n_events in COMPUTED:
        for each, measurements in results.items():
            if len(measurements) > 1 and n_events > max(measurements):
                table.add_row(f"{n_events:,}", each, f"{computed_cpu_s(measurements, n_events):.0f} (computed)")
    console.print(table)


def computed_cpu_s(results: dict[int, Result], n_events: int) -> float:
    """Processor seconds of so many events on the line through the two largest sizes.

    Memory is not computed: the JVM takes what heap it is given.
    """
    small, large = sorted(results)[-2:]
    low, high = (float(str(results[size]["cpu_s"])) for size in (small, large))
    return high + (high - low) / (large - small) * (n_events - large)


def _cells(result: Result) -> list[str]:
    quality, steps, fold_in = result["ndcg"], result["steps"], result["fold_in"]
    assert isinstance(quality, dict)
    assert isinstance(steps, dict)
    assert isinstance(fold_in, dict)
    return [
        *(f"{result[name]}" for name in ("cpu_s", "peak_gib", "wall_s")),
        *map(str, quality.values()),
        f"{fold_in['least_cosine']:.7f} of {fold_in['users']:,}" if fold_in else "",
        ", ".join(f"{name} {seconds:.0f}" for name, seconds in steps.items()),
    ]


if __name__ == "__main__":
    typer.run(main)

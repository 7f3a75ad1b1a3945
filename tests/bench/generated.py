"""A shop of any size made up for measuring: what an answer costs against the size of the catalogue.

`python -m tests.bench.generated` makes shops of ten thousand, a hundred thousand and a million items, 64 factors each,
and asks them live, beside an empty route.  Nothing is trained: vectors are drawn, their lengths falling off as those of
a shop do.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tests.bench import machine
from tests.bench.budgets import Figure, show, write
from tests.bench.load import CLIENT, CONNECTIONS, Runs, written
from tests.bench.plot import drawn
from tests.bench.plot import write as write_picture
from tests.bench.servers import NOTHING_KEPT, empty, served

if TYPE_CHECKING:
    from recsys.arrays import Doubles, Floats
    from recsys.bundle import Manifest
    from recsys.data.dataset.interactions import Interactions
    from recsys.engine.engine import Engine
    from recsys.index.base import IndexReport
    from recsys.models.als import AlsModel

SIZES = (10_000, 100_000, 1_000_000)
CUSTOMERS, EVENTS, FACTORS = 5_000, 50, 64
SOLD_OUT, REPEATS = 0.1, 0.4
VERSION = "generated"
COST = "CPU of a live answer, items: "
LIVE_BUDGETS = {1_000_000: 0.25}
MEMORY_BUDGETS = {100_000: 150.0, 1_000_000: 220.0}

console = Console(width=160)


def made(home: Path, n_items: int, seed: int = 0) -> Path:
    """A home with a live release of that many items, a tenth of them sold out; no candidates are prepared."""
    import numpy as np

    from recsys.bundle import write_bundle
    from recsys.data.catalogue.catalogue import build_catalogue
    from recsys.data.ids import IdMap
    from recsys.engine.engine import engine_arrays, save_indexes

    engine, report = engine_of(n_items, seed)
    catalogue = build_catalogue(IdMap.from_ids(f"item-{item:07d}" for item in range(n_items)), (), {})
    is_out = np.random.default_rng(seed).random(n_items) < SOLD_OUT
    catalogue = replace(catalogue, stock=np.where(is_out, 0, np.nan).astype(np.float32))
    arrays = engine_arrays(engine) | {f"catalogue/{name}": array for name, array in catalogue.arrays().items()}
    bundles = home / "bundles"
    write_bundle(
        bundles / VERSION, arrays, manifest_of(engine, report), lambda folder: save_indexes(engine.indexes, folder)
    )
    (bundles / "LIVE").write_text(f"{VERSION}\n")
    return home


def engine_of(n_items: int, seed: int) -> "tuple[Engine, IndexReport]":
    """Best-sellers, own purchases and drawn vectors, and the index over these."""
    import numpy as np

    from recsys.data.ids import IdMap
    from recsys.engine.engine import Engine
    from recsys.index.build import build_index
    from recsys.models.buy_again import BuyAgain
    from recsys.models.popularity import Popularity

    rng, data, als = np.random.default_rng(seed), purchases(n_items, seed), als_of(vectors(n_items, seed))
    index, report = build_index(als.item_vectors, rng=rng, queries=als.embed(data.histories.take(range(200))))
    engine = Engine(
        version=VERSION,
        users=IdMap.from_ids(f"user-{user:05d}" for user in range(CUSTOMERS)),
        histories=data.histories,
        category=data.category,
        models={"popularity": Popularity().fit(data, rng), "buy_again": BuyAgain().fit(data, rng), "als": als},
        blend={"als": 1.0},
        calibrations={},
        repeat_share=REPEATS,
        weight_by_kind=weights(),
        indexes={"personal": index},
    )
    return engine, report


def weights() -> dict[int, float]:
    """Purchases count, nothing else does."""
    from recsys.data.events import Kind

    return {int(kind): float(kind == Kind.PURCHASE) for kind in Kind}


def manifest_of(engine: "Engine", report: "IndexReport") -> "Manifest":
    from recsys.bundle import Manifest

    by_kind = {str(kind): weight for kind, weight in engine.weight_by_kind.items()}
    told = {"weights": engine.blend, "chances": [], "repeat_share": REPEATS, "weight_by_kind": by_kind}
    histories = engine.histories
    return Manifest(
        version=VERSION,
        made_at_ms=0,
        now=histories.now,
        sizes={"users": len(histories), "items": histories.n_items, "events": len(histories.item)},
        models={name: {} for name in engine.models},
        blend=told,
        index={"personal": asdict(report)},
    )


def purchases(n_items: int, seed: int) -> "Interactions":
    """50 purchases of each customer in the last year, an item the more often the longer its vector is."""
    import numpy as np

    from recsys.testing import NOW, interactions_of

    rng = np.random.default_rng(seed)
    chances = lengths(n_items, seed)
    chances /= chances.sum()
    item = rng.choice(n_items, CUSTOMERS * EVENTS, p=chances).astype(np.int32)
    user = np.repeat(np.arange(CUSTOMERS, dtype=np.int32), EVENTS)
    at = NOW - 365 * rng.random(len(item))
    return interactions_of(user, item, n_users=CUSTOMERS, n_items=n_items, at=at)


def lengths(n_items: int, seed: int) -> "Doubles":
    """Lengths of vectors: log-normal with sigma 1.5; ALS over 68,000 products of a grocery gives 2.2.  (I,)"""
    import numpy as np

    return np.random.default_rng(seed + 1).lognormal(-3.0, 1.5, n_items)


def vectors(n_items: int, seed: int) -> "Floats":
    """Each near one of 200 tastes, (I, F)."""
    import numpy as np

    rng = np.random.default_rng(seed + 2)
    tastes = rng.standard_normal((200, FACTORS), np.float32)
    drawn = tastes[rng.integers(0, 200, n_items)] + 0.7 * rng.standard_normal((n_items, FACTORS), np.float32)
    drawn *= (lengths(n_items, seed) / np.linalg.norm(drawn, axis=1)).astype(np.float32)[:, None]
    return drawn


def als_of(item_vectors: "Floats") -> "AlsModel":
    """The model that would have been fitted to them."""
    import numpy as np

    from recsys.models.als import AlsModel

    return AlsModel(
        item_vectors=item_vectors,
        item_length=np.linalg.norm(item_vectors, axis=1),
        gram=item_vectors.T @ item_vectors,
        alpha=40.0,
        pull=1.0 / len(item_vectors),
        n_bought=len(item_vectors),
        half_life_days=90.0,
        saturation=1.2,
    )


def of_size(folder: Path, n_items: int, runs: Runs) -> Iterator[Figure]:
    """What an answer costs, at the pace of the empty route and in its CPU; how long a start takes, and the memory."""
    home = made(folder / str(n_items), n_items)
    users = [f"user-{user:05d}" for user in Random(0).sample(range(CUSTOMERS), CUSTOMERS)]
    asked = written(home, "home", [f"GET /v1/users/{user}/recommendations?k=10&placement=home" for user in users])
    nothing = written(home, "empty", ["GET /empty"])
    with empty() as reference, served(home, NOTHING_KEPT) as server:
        found = runs.against(reference, server, asked, nothing)
        ready = Figure(f"ready with {n_items:,} items", "s", (server.ready_s,), None, "at most")
    live = Figure(f"live home, {n_items:,} items", "of empty", found.values, LIVE_BUDGETS.get(n_items), "at least")
    yield replace(live, detail=found.detail(), busy=found.busy)
    costs = tuple(mine.cpu_us / empty.cpu_us for empty, mine in zip(found.reference, found.measured, strict=True))
    yield Figure(f"{COST}{n_items:,}", "x empty", costs, None, "at most")
    yield ready
    with served(home, workers=2) as server:
        runs.rate(server, asked)
        private = max(machine.private_mib(pid) for pid in server.workers())
    budget = MEMORY_BUDGETS.get(n_items)
    yield Figure(f"private memory of a worker, {n_items:,} items", "MiB", (private,), budget, "at most")


def main(
    size: Annotated[list[int] | None, typer.Option(help="Items of a shop; several times for more.")] = None,
    pairs: Annotated[int, typer.Option(min=3, help="Runs of reference and path, in turns.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Length of one run.")] = 3,
    patience: Annotated[float, typer.Option(help="Longest wait for a quiet machine before a figure, seconds.")] = 60.0,
    out: Annotated[Path, typer.Option(help="Where the figures go as JSON.")] = Path("build/sizes.json"),
    plot: Annotated[Path, typer.Option(help="Where the picture of cost against size goes.")] = Path("build/sizes.svg"),
) -> None:
    """Measure live answers of made-up shops of growing size."""
    about = machine.described() | {"client": CLIENT, "connections": CONNECTIONS, "pairs": pairs, "seconds": seconds}
    figures: list[Figure] = []
    sizes = sorted(set(size or SIZES))
    with tempfile.TemporaryDirectory(prefix="recsys-sizes-") as name:
        for n_items in sizes:
            for figure in of_size(Path(name), n_items, Runs(pairs, seconds, patience)):
                figures.append(figure)
                console.print(f"  {figure.name}: {figure.value:,.3g} {figure.unit} ({figure.detail})", highlight=False)
    costs = {n_items: next(one.value for one in figures if one.name == f"{COST}{n_items:,}") for n_items in sizes}
    if len(costs) > 1:
        growth = costs[sizes[-1]] / costs[sizes[0]]
        figures.append(Figure("cost, largest over smallest", "x", (growth,), sizes[-1] / sizes[0], "at most"))
        title = "CPU of a live answer against the size of the catalogue"
        write_picture(plot, drawn(costs, title=title, across="items on sale", up="times the CPU of an empty route"))
    show(figures, console)
    write(figures, about, out)


if __name__ == "__main__":
    typer.run(main)

"""Unit costs on a real home: CPU of an answer, an event and a training; bytes of a release, a log and a worker."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median

import numpy as np
import polars as pl
import psycopg

from recsys.bundle import live_version, open_release
from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from tests.bench import lifecycle, machine
from tests.bench.capacity_model import MANY_EVENTS, PREPARED_CUSTOMERS, UnitCosts
from tests.bench.load import Runs
from tests.bench.requests import BATCH, request_files, shop_of
from tests.bench.servers import NO_CACHE, NOTHING_KEPT, Server, empty, served
from tests.postgres_server import new_postgres_server

LOGGED = 50_000
TRAINED, ITEMS, START = (250_000, MANY_EVENTS, 5_000_000), 5_000, 1_735_689_600
# Where an array belongs whose length is none of the three sizes: pairs of a customer and an item grow with events
FOLDERS = {"users": "customer", "histories": "event", "models/user_neighbours": "event", "prepared": "prepared"}


def measured(home: Path, runs: Runs) -> UnitCosts:
    """Every unit cost, on a copy of a trained home."""
    with tempfile.TemporaryDirectory(prefix="recsys-capacity-") as name:
        folder, copy = Path(name), Path(name) / "home"
        lifecycle.copied(home, copy)
        trained, answers = training_costs(folder), dict(_answers(copy, folder, runs))
        mapped = mapped_bytes(copy)
        return UnitCosts(
            **trained,
            **answers,
            **{f"mapped_bytes_per_{axis}": size for axis, size in mapped.items()},
            sqlite_bytes_per_event=_sqlite_bytes(folder / "sqlite"),
            postgres_bytes_per_event=_postgres_bytes(folder / "postgres"),
        )


def _answers(home: Path, folder: Path, runs: Runs) -> Iterator[tuple[str, float]]:
    """CPU of answers and events by the service as it is started; what it writes down, and what it holds."""
    requests = request_files(shop_of(home), folder, Random(0))
    with empty() as server:
        yield "empty_us", _us(runs, server, requests["empty"])
    with served(home) as server:
        yield "cached_us", _us(runs, server, requests["cached"])
    before = _size(home, "shown.db")
    with served(home, NOTHING_KEPT) as server:
        runs.once(server, requests["home"])
    yield "answer_log_bytes", (_size(home, "shown.db") - before) / len(requests["home"].read_text().splitlines())
    with served(home, NOTHING_KEPT) as server:
        yield "prepared_us", _us(runs, server, requests["home"])
        runs.once(server, requests["moves"])
        yield "live_us", _us(runs, server, requests["home"])
    with served(home, NO_CACHE) as server:
        yield "event_us", _us(runs, server, requests["event"])
        yield "batched_event_us", _us(runs, server, requests["batch"]) / BATCH
    with served(home, workers=2) as server:
        for path in ("home", "filtered", "similar"):
            runs.rate(server, requests[path])
        yield "worker_bytes", max(machine.private_mib(pid) for pid in server.workers()) * 2**20


def _us(runs: Runs, server: Server, requests: Path) -> float:
    return median(rate.cpu_us for rate in runs.rates(server, requests))


def _size(home: Path, name: str) -> int:
    """Bytes of a database with what is not yet moved into its file."""
    return sum(file.stat().st_size for file in home.glob(f"{name}*"))


def mapped_bytes(home: Path) -> Mapping[str, float]:
    """Bytes of the live release for each customer, item and event: the length of an array says of what it is."""
    bundle = open_release(home / "bundles", live_version(home / "bundles") or "", verify=False)
    sizes = {"customer": bundle.manifest.sizes["users"], "item": bundle.manifest.sizes["items"]}
    sizes |= {"event": bundle.manifest.sizes["events"], "prepared": min(sizes["customer"], PREPARED_CUSTOMERS)}
    total: Counter[str] = Counter()
    for name in bundle.manifest.files:
        total[_axis(bundle.path / name, name, sizes)] += (bundle.path / name).stat().st_size
    return {axis: total[axis] / size for axis, size in sizes.items()}


def _axis(file: Path, name: str, sizes: Mapping[str, int]) -> str:
    length = len(np.load(file, mmap_mode="r")) if file.suffix == ".npy" and np.load(file, mmap_mode="r").ndim else 0
    folder = next((axis for folder, axis in FOLDERS.items() if name.startswith(f"{folder}/")), "item")
    fitting = (axis for axis, size in sizes.items() if length in (size, size + 1))
    return folder if folder == "prepared" else next(fitting, folder)


def _events() -> Sequence[Event]:
    """Purchases with price and order, as a shop sends them."""
    return [
        Event(
            f"{n:016x}",
            f"customer-{n % 5_000}",
            f"item-{n % 997}",
            Kind.PURCHASE,
            1_700_000_000_000 + n,
            1.0,
            2.5,
            f"order-{n // 5}",
        )
        for n in range(LOGGED)
    ]


def _sqlite_bytes(home: Path) -> float:
    home.mkdir()
    store = open_store(home, None)
    store.append(_events())
    store.close()
    return _size(home, "shop.db") / LOGGED


def _postgres_bytes(home: Path) -> float:
    """Tables and indexes of the events in a real PostgreSQL."""
    server = new_postgres_server()
    try:
        size = "select pg_database_size(current_database())"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            before = connection.execute(size).fetchone()
            store = open_store(home, server.get_uri())
            store.append(_events())
            store.close()
            after = connection.execute(size).fetchone()
        assert before is not None
        assert after is not None
        return float(after[0] - before[0]) / LOGGED
    finally:
        server.cleanup()


def training_costs(folder: Path) -> Mapping[str, float]:
    """CPU and memory of `recsys train` for one event more, from made-up shops of three sizes with the same items."""
    few, many, most = (_trained(folder / str(events), events) for events in TRAINED)
    per_event = _more_bytes(few, many) / (TRAINED[1] - TRAINED[0])
    return {
        "train_us_per_event": (most.cpu_s - many.cpu_s) / (TRAINED[2] - TRAINED[1]) * 1e6,
        "train_bytes_at_least": few.peak_gib * 2**30 - per_event * TRAINED[0],
        "train_bytes_per_event": per_event,
        "train_bytes_per_further_event": _more_bytes(many, most) / (TRAINED[2] - TRAINED[1]),
    }


def _more_bytes(smaller: lifecycle.Cost, larger: lifecycle.Cost) -> float:
    return (larger.peak_gib - smaller.peak_gib) * 2**30


def _trained(home: Path, events: int) -> lifecycle.Cost:
    """The cost of the first training, without optional models, of a shop whose customers bought 50 things each."""
    home.mkdir()
    rng = np.random.default_rng(0)
    chance = 1 / (np.arange(ITEMS) + 20)
    at = START + rng.integers(0, 365 * 86_400, events)
    columns = {
        "user_id": rng.integers(0, events // 50, events),
        "item_id": rng.choice(ITEMS, events, p=chance / chance.sum()),
        "at": pl.Series(at).cast(pl.String),
    }
    pl.DataFrame(columns).write_csv(home / "events.csv")
    (home / "recsys.toml").write_text("[train]\nspare_seconds = 0\n")
    lifecycle.run(home, "import", "events", str(home / "events.csv"), "--kind", "purchase")
    return lifecycle.run(home, "train", "--force", "a measurement")

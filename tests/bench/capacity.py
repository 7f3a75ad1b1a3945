"""Capacity of a worker, a host and N hosts, from unit costs that are measured here: `python -m tests.bench.capacity`.

With --home the unit costs are measured on a copy of that trained home and kept in capacity_units.json beside this file;
without it those of the last measurement count.  docs/capacity.md holds what is printed, between its two marks.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tests.bench import machine
from tests.bench.capacity_model import (
    GIB,
    Host,
    Need,
    Traffic,
    UnitCosts,
    breaks_at,
    limits,
    list_us,
    need,
    units_of,
)
from tests.bench.plot import drawn
from tests.bench.plot import write as write_picture

MEASURED = Path(__file__).with_name("capacity_units.json")
PAGE = Path(__file__).parents[2] / "docs" / "capacity.md"
BEGIN, END = "<!-- python -m tests.bench.capacity -->\n", "<!-- end -->\n"
SIZES = (
    (10_000, 1_000),
    (100_000, 10_000),
    (1_000_000, 100_000),
    (10_000_000, 1_000_000),
    (100_000_000, 10_000_000),
)
ITEMS_PER_CUSTOMER = 0.1  # between the sizes of the table
WORDS = {
    "empty_us": ("CPU of the empty route, for comparison", "µs"),
    "cached_us": ("CPU of a list from the worker's memory", "µs"),
    "prepared_us": ("CPU of a list for a customer who did nothing since the training", "µs"),
    "live_us": ("CPU of a list after an event of the customer", "µs"),
    "event_us": ("CPU of an event, one a request", "µs"),
    "batched_event_us": ("CPU of an event, a hundred a request", "µs"),
    "worker_bytes": ("memory of a worker that it shares with nobody", "MiB"),
    "mapped_bytes_per_customer": ("release, for each customer", "bytes"),
    "mapped_bytes_per_prepared": ("release, for each customer with prepared candidates, 20,000 at most", "bytes"),
    "mapped_bytes_per_item": ("release, for each item", "bytes"),
    "mapped_bytes_per_event": ("release, for each event", "bytes"),
    "sqlite_bytes_per_event": ("log in SQLite, for each event", "bytes"),
    "postgres_bytes_per_event": ("log in PostgreSQL with its indexes, for each event", "bytes"),
    "answer_log_bytes": ("answer log, for each list", "bytes"),
    "train_us_per_event": ("CPU of a training, for each event of the log", "µs"),
    "train_bytes_at_least": ("most memory of a training, without any event", "MiB"),
    "train_bytes_per_event": ("the same, for each of the first million events", "bytes"),
    "train_bytes_per_further_event": ("the same, for each further event", "bytes"),
}


def tables(units: UnitCosts, about: dict[str, object], traffic: Traffic, host: Host) -> str:
    """Everything that the page holds between its marks, as Markdown."""
    needed = partial(_of_customers, units, traffic=traffic, host=host)
    needs = [need(units, customers, items, traffic, host) for customers, items in SIZES]
    parts = (
        f"Measured {about['date']} on {about['cores']} cores, {about['memory_gib']} GiB, "
        f"load of other programs {str(about['load']).split()[0]}; CPU, not time, so that the load matters little.",
        _table(("unit cost", "measured"), _units(units)),
        f"A list costs {list_us(units, traffic, 1):,.0f} µs where all customers are prepared, and "
        f"{list_us(units, traffic, 10**8):,.0f} µs where nearly none is.",
        _table(("what", "lists a second", "customers who come on a day"), _carried(units, traffic, host)),
        _table(
            (
                "customers",
                "items",
                "lists/s",
                "events/s",
                "cores",
                f"hosts of {host.cores} cores",
                "release, GiB",
                "memory of a host, GiB",
                "log, GiB",
                "answer log a day, GiB",
                "training, core hours",
                "its memory, GiB",
            ),
            map(_row, needs),
        ),
        _table(("what breaks", "from customers", "what to do"), _breaks(host, needed)),
    )
    return "\n\n".join(parts) + "\n"


def _of_customers(units: UnitCosts, customers: int, *, traffic: Traffic, host: Host) -> Need:
    return need(units, customers, max(1, int(customers * ITEMS_PER_CUSTOMER)), traffic, host)


def _units(units: UnitCosts) -> Iterator[Sequence[str]]:
    for name, value in asdict(units).items():
        words, unit = WORDS[name]
        yield words, f"{value / 2**20 if unit == 'MiB' else value:,.0f} {unit}"


def _carried(units: UnitCosts, traffic: Traffic, host: Host) -> Iterator[Sequence[str]]:
    """At the target use of a core, and the shop whose busiest hour that is."""
    for words, cores in (
        ("a worker", 1),
        (f"a host of {host.cores} cores", host.cores),
        *((f"{n} such hosts, and one to spare", n * host.cores) for n in (3, 10)),
    ):
        customers = _customers_of(units, traffic, host, cores)
        lists = need(units, customers, 1, traffic, host).lists_per_s
        yield words, f"{_rounded(int(lists)):,}", f"{_rounded(int(customers * traffic.active_share)):,}"


def _customers_of(units: UnitCosts, traffic: Traffic, host: Host, cores: int) -> int:
    """The most customers whose lists and events so many cores carry."""
    low, high = 1, 10**10
    while high > low + 1:
        middle = (low + high) // 2
        low, high = (middle, high) if need(units, middle, 1, traffic, host).cores <= cores else (low, middle)
    return low


def _row(need: Need) -> Sequence[str]:
    sizes = (need.mapped_bytes, need.host_bytes, need.log_bytes, need.answer_log_bytes_per_day)
    return (
        f"{need.customers:,}",
        f"{need.items:,}",
        *(_short(value) for value in (need.lists_per_s, need.events_per_s, need.cores)),
        f"{need.hosts:,}",
        *(_short(size / GIB) for size in sizes),
        _short(need.train_core_hours),
        _short(need.train_bytes / GIB),
    )


def _breaks(host: Host, needed: "partial[Need]") -> Iterator[Sequence[str]]:
    found = [(breaks_at(limit, needed), limit) for limit in limits(host)]
    for customers, limit in sorted(found, key=lambda pair: pair[0] or 10**12):
        yield limit.name, "not below 1,000,000,000" if customers is None else f"{_rounded(customers):,}", limit.remedy


def _rounded(value: int) -> int:
    """Two digits: the model is no better than that."""
    return int(float(f"{value:.2g}"))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _table(head: Sequence[str], rows: "Iterator[Sequence[str]] | map[Sequence[str]]") -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def read_units(file: Path = MEASURED) -> tuple[UnitCosts, dict[str, object]]:
    """What was measured last, and on which machine."""
    told = json.loads(file.read_text())
    return units_of(told["units"]), told["machine"]


def main(
    home: Annotated[Path | None, typer.Option(help="A trained home; measures the unit costs on a copy of it.")] = None,
    cores: Annotated[int, typer.Option(min=1, help="Cores of a host.")] = 8,
    memory_gib: Annotated[float, typer.Option(min=1, help="Memory of a host.")] = 64.0,
    seconds: Annotated[int, typer.Option(min=1, help="Length of one run of answers.")] = 2,
    plot: Annotated[Path, typer.Option(help="Where the picture goes.")] = Path("build/capacity.svg"),
    page: Annotated[bool, typer.Option("--page", help="Put tables and picture into docs/capacity.md.")] = False,
) -> None:
    """Print the tables of docs/capacity.md and draw its picture.

    Example: python -m tests.bench.capacity --home .demo --page
    """
    if home is not None:
        from tests.bench.load import Runs
        from tests.bench.unit_costs import measured

        told = {"machine": machine.described(), "units": asdict(measured(home, Runs(3, seconds, 0.0)))}
        MEASURED.write_text(json.dumps(told, indent=2) + "\n")
    units, about = read_units()
    host, traffic = Host(cores, memory_gib), Traffic()
    printed = tables(units, about, traffic, host)
    print(printed)
    hours = {customers: need(units, customers, items, traffic, host).core_hours_per_day for customers, items in SIZES}
    title = "CPU of a day: all lists, all events and one training"
    write_picture(
        PAGE.with_suffix(".svg") if page else plot, drawn(hours, title=title, across="customers", up="core hours")
    )
    if page:
        head, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n{printed}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    typer.run(main)

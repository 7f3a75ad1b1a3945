"""Back-test of the best hour and day: shrunk profiles of customers beside the shop's own, on the orders after a cut.

python -m tests.bench.campaigns contact_times --home .demo --days 91
"""

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from recsys.arrays import Longs
from recsys.cli.context import CliContext
from recsys.customers.contact_times import DAYS, HOURS, places_of
from recsys.data.events import Kind
from recsys.learning.customers.contact_times import profile_gain
from recsys.time_units import DAY_MS, milliseconds


def orders(home: Path) -> tuple[Longs, Longs]:
    """Customer and moment of each order, one for each customer and moment."""
    with closing(CliContext(home, home).existing_store()) as store:
        frames = [
            frame.filter(pl.col("kind") == int(Kind.PURCHASE)).select("user_id", "at_ms") for frame in store.scan()
        ]
    table = pl.concat(frames).unique().sort("user_id", "at_ms")
    return table["user_id"].rank("dense").to_numpy().astype(np.int64) - 1, table["at_ms"].to_numpy()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".demo"))
    parser.add_argument("--days", type=float, default=91)
    parser.add_argument("--until", type=datetime.fromisoformat, default=datetime(2018, 1, 1))
    options = parser.parse_args(arguments)
    start = time.process_time()
    customer, at_ms = orders(options.home)
    end_ms = milliseconds(options.until)
    cut_ms = end_ms - int(options.days * DAY_MS)
    known = at_ms < end_ms
    customer, at_ms = customer[known], at_ms[known]
    for name, place, n_places in zip(("hour", "day"), places_of(at_ms, "UTC"), (HOURS, DAYS), strict=True):
        value, low, high, n = profile_gain(customer, at_ms, place, n_places, cut_ms)
        print(f"{name}: {n:,} orders, {value:+.3f} bits ({low:+.3f} to {high:+.3f})")
        print("  better than the shop's profile" if low > 0 else "  no evidence")
    print(f"{time.process_time() - start:.1f} s of CPU")

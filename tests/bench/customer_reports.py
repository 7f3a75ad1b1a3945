"""Cost of what is asked of all customers at once: key figures, changes and needs, on generated customers.

python -m tests.bench.customer_reports --customers 1000000
"""

import argparse
import resource
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import polars as pl

from recsys.arrays import Longs
from recsys.customers.history.changes import stage_moves, value_falls
from recsys.customers.kpis.counted.rows import CountedRows
from recsys.customers.kpis.log import build_kpi_log
from recsys.customers.kpis.report import Selection, kpi_report
from recsys.customers.orders import Orders
from recsys.customers.prediction.needs import NEED_HORIZONS, need_pairs
from recsys.customers.prediction.value import BgNbd, GammaGamma, ValueModel
from recsys.customers.stages import StageRule
from recsys.data.dataset.interactions import Interactions
from recsys.data.ids import IdMap
from recsys.learning.customers.needs import fit_needs
from recsys.models.buy_again import BuyAgain
from recsys.time_units import DAY_MS
from tests.bench.customer_scores import DAYS, generated

Result = TypeVar("Result")
NONE = np.empty(0)
MODEL = ValueModel(2, 0.0, BgNbd(0.243, 4.414, 0.793, 2.426), GammaGamma(6.25, 3.74, 15.44), NONE, NONE, NONE)


def counted(orders: Orders, category: Longs) -> CountedRows:
    """The rows of a release with these orders, one line each.  category (O,): of each order."""
    customer, day = orders.customer, (orders.at_ms // DAY_MS).astype(np.int32)
    ids = pl.Series([f"customer-{number:07d}" for number in range(orders.n_customers)])
    times = pl.DataFrame({"customer": customer, "at_ms": orders.at_ms}).group_by("customer")
    spans = times.agg(pl.col("at_ms").min().alias("first_ms"), pl.col("at_ms").max().alias("last_ms"))
    whole = pl.DataFrame({"user_id": ids, "customer": np.arange(orders.n_customers, dtype=np.int32)})
    words = pl.Series([f"category {at}" for at in range(int(category.max()) + 1)], dtype=pl.Categorical)
    lines = {"customer": customer, "category": words.gather(category), "day": day, "units": orders.n_items}
    numbers = {"customer": orders.postings.customer, "order": orders.postings.order, "at_ms": orders.postings.at_ms}
    bought = pl.Series([2], dtype=pl.Int8).new_from_index(0, len(day))
    channel = pl.Series(["web"], dtype=pl.Categorical).new_from_index(0, len(day))
    return CountedRows(
        whole.join(spans, "customer", "left", maintain_order="left").drop("customer"),
        pl.DataFrame(numbers | orders.postings.amounts._asdict()),
        pl.DataFrame(lines | {"money": orders.money}).group_by("customer", "category", "day").sum(),
        pl.DataFrame({"customer": customer, "step": bought, "channel": channel, "day": day}).unique(),
    )


def timed(name: str, work: Callable[[], Result]) -> Result:
    """The result of the work, whose CPU seconds and memory are printed."""
    started = time.process_time()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:44} {time.process_time() - started:6.1f} s of CPU; peak {peak:.2f} GiB", flush=True)
    return result


def changes(orders: Orders, users: IdMap) -> int:
    """How many customers moved between stages or fell a class of value in the last week."""
    since_ms, until_ms = (DAYS - 7) * DAY_MS, DAYS * DAY_MS
    stages = stage_moves(orders, StageRule(), (), users, since_ms=since_ms, until_ms=until_ms)
    values = value_falls(orders, MODEL, since_ms=since_ms, until_ms=until_ms)
    return len(stages.customer) + len(values.customer)


def needs(data: Interactions) -> int:
    """How many pairs of customer and item have a chance of a half or more within two weeks."""
    rng = np.random.default_rng(0)
    fit = fit_needs(data, BuyAgain(), rng)
    if fit is None:
        return 0
    pairs = timed("  pairs", lambda: need_pairs(BuyAgain().fit(data, rng), data.histories))
    return int((timed("  chances", lambda: fit.model.chance(pairs, NEED_HORIZONS[1])) >= 0.5).sum())


def main() -> None:
    """Prints one line per step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=10, help="per customer, on average")
    args = parser.parse_args()
    orders, data = timed("made", lambda: generated(args.customers, args.orders, np.random.default_rng(0)))
    rows = counted(orders, data.histories.item[: len(orders.at_ms)].astype(np.int64) % 20)
    print(f"{orders.n_customers:,} customers, {len(orders.at_ms):,} orders, {len(rows.lines):,} lines")
    log = timed("key figures: the log from the rows", lambda: build_kpi_log(rows))
    timed("key figures: twelve weeks and the bands", lambda: kpi_report(log, Selection()))
    timed("changes of a week: stages and values", lambda: changes(orders, log.users))
    timed("needs, learnt and of everybody", lambda: needs(data))


if __name__ == "__main__":
    main()

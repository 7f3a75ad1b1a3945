"""CPU time of segments for many customers: those of a trained home, repeated, with a record each.

python -m tests.bench.segments --home .demo --customers 100000
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from recsys.cli.context import CliContext, live_recommender
from recsys.data.entities import User
from recsys.data.ids import IdMap
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.engine.engine import Engine
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.members import SegmentMembers
from recsys.ranking.segments.parser import SegmentVocabulary, parse_customers
from recsys.ranking.segments.population import release_population, rows_of

BUDGET_S = 2.0
COFFEE = {"where": {"category": "COFFEE"}}
CONDITIONS: dict[str, dict[str, Any]] = {
    "stage and money": {"stage": "at_risk", "money": {"gte": 500}},
    "attribute": {"household_size": ["2", "3"]},
    "coffee, lapsed": {
        "bought": {**COFFEE, "days": 180, "times": {"gte": 2}},
        "not": {"bought": {**COFFEE, "days": 30}},
    },
    "bought on 50 days": {"bought": {"times": {"gte": 50}}},
    "chance of an item": {"chance": {"item": "995242", "days": 14, "gte": 0.3}},
    "chance of a category": {"chance": {"category": "FLUID MILK PRODUCTS", "days": 14, "gte": 0.5}},
    "chance of anything": {"chance": {"days": 7, "gte": 0.9}},
}
CONDITIONS["all of them, any"] = {"any": list(CONDITIONS.values())}


def repeated(engine: Engine, n: int) -> Engine:
    """The same release with its customers repeated up to n."""
    rows = np.sort(np.arange(n) % len(engine.users)).astype(np.int32)
    users = IdMap.from_ids(f"customer-{row:07d}" for row in range(n))
    return replace(
        engine,
        users=users,
        histories=engine.histories.take(rows),
        customers=rows_of(engine.customers, rows),
        customer_scores=rows_of(engine.customer_scores, rows),
    )


def with_records(store: Store, n: int) -> None:
    sizes = ("1", "2", "3", "4")
    for start in range(0, n, 10_000):
        rows = range(start, min(start + 10_000, n))
        store.put_users(
            [User(f"customer-{row:07d}", {"household_size": sizes[row % 4], "age": "35-44"}) for row in rows]
        )


def cpu_s(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def lookup_ns(found: SegmentMembers, ids: list[str]) -> float:
    """Nanoseconds of a lookup, as a rule does it for every answer."""
    seconds, _ = cpu_s(lambda: [found.holds("s", user_id) for user_id in ids])
    return seconds / len(ids) * 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".demo"))
    parser.add_argument("--customers", type=int, default=100_000)
    given = parser.parse_args()
    context = CliContext(given.home, given.home)
    recommender = live_recommender(context, context.existing_store())
    engine = repeated(recommender.engine, given.customers)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder), None)
        with_records(store, given.customers)
        read_s, people = cpu_s(lambda: release_population(engine, recommender.catalogue, store, store.head()))
        print(f"{given.customers:,} customers, {len(engine.histories.item):,} events")
        print(f"{'customers and records':24} {read_s:6.2f} s")
        for name, written in CONDITIONS.items():
            where = parse_customers(written, SegmentVocabulary())
            seconds, mask = cpu_s(lambda where=where: members(where, people, {}))  # type: ignore[misc]
            verdict = "" if read_s + seconds <= BUDGET_S else f"  above {BUDGET_S:g} s with the records"
            print(f"{name:24} {seconds:6.2f} s  {int(mask.sum()):7,} members{verdict}")
        ids = [people.user_ids[row] for row in np.flatnonzero(mask).tolist()]
        print(f"{'lookup of a rule':24} {lookup_ns(SegmentMembers({'s': frozenset(ids)}), ids):6.0f} ns")
        store.close()


if __name__ == "__main__":
    main()

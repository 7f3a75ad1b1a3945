"""CPU time of a page of customers among many: those of a trained home, repeated, one in ten with a record.

python -m tests.bench.customer_pages --home .demo --customers 1000000
"""

import argparse
import resource
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from recsys.cli.context import CliContext, live_recommender
from recsys.data.ids import IdMap
from recsys.data.store.open import open_store
from recsys.engine.engine import Engine
from recsys.ranking.segments.document import SavedSegments
from recsys.ranking.segments.named import NamedCustomers, needs_records
from recsys.ranking.segments.parser import SegmentVocabulary, parse_customers
from recsys.ranking.segments.population import release_population, rows_of
from recsys.ranking.segments.search import CustomerPage, search_customers
from tests.bench.segments import cpu_s, with_records

PAGES = {
    "by money, first page": (None, CustomerPage()),
    "by money, page 10,000": (None, CustomerPage(offset=499_950)),
    "by last order, reversed": (None, CustomerPage("last_order", reverse=True)),
    "by id": (None, CustomerPage("user_id")),
    "at risk, class A": ({"stage": "at_risk", "abc": "A"}, CustomerPage()),
    "an attribute": ({"household_size": "3"}, CustomerPage()),
}
NO_SEGMENTS = SavedSegments((), "")


def many(engine: Engine, n: int) -> Engine:
    """The release with n customers, without what they did: a page shows figures only."""
    rows = np.arange(n, dtype=np.int32) % len(engine.users)
    no_events = {name: getattr(engine.histories, name)[:0] for name in ("item", "at", "weight", "kind")}
    return replace(
        engine,
        users=IdMap.from_ids(f"customer-{row:07d}" for row in range(n)),
        histories=replace(engine.histories, offsets=np.zeros(n + 1, np.int64), **no_events),
        customers=rows_of(engine.customers, rows),
        customer_scores=rows_of(engine.customer_scores, rows),
    )


def rss_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".demo"))
    parser.add_argument("--customers", type=int, default=1_000_000)
    given = parser.parse_args()
    context = CliContext(given.home, given.home)
    recommender = live_recommender(context, context.existing_store())
    engine = many(recommender.engine, given.customers)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder), None)
        with_records(store, given.customers // 10)
        print(f"{given.customers:,} customers, {rss_mib()} MiB")
        named = NamedCustomers()
        for name, (condition, page) in PAGES.items():
            where = None if condition is None else parse_customers(condition, SegmentVocabulary())
            read = release_population if needs_records(where, NO_SEGMENTS) else named.population
            for _ in range(2):  # the second time counts
                read_s, people = cpu_s(partial(read, engine, recommender.catalogue, store, store.head()))
                page_s, answer = cpu_s(partial(search_customers, people, where, NO_SEGMENTS, page))
            print(f"{name:26} {1e3 * (read_s + page_s):8.0f} ms, {answer['customers']:,} customers")
        store.erase_user("customer-0000001")
        for again in ("first", "then"):
            seconds, _ = cpu_s(partial(named.population, engine, recommender.catalogue, store, 0))
            print(f"{'after an erasure, ' + again:26} {1e3 * seconds:8.0f} ms more")
        print(f"peak {rss_mib()} MiB")
        store.close()


if __name__ == "__main__":
    main()

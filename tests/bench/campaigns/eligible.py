"""Eligibility of a campaign among many customers: those of a trained home, repeated, with records, facts and messages.

python -m tests.bench.campaigns eligible --home .demo --customers 1000000
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory

import numpy as np

from recsys.campaigns.definition import parse_definition
from recsys.campaigns.eligibility import find_eligible
from recsys.campaigns.shop import open_campaign_shop
from recsys.cli.context import CliContext, live_recommender
from recsys.data.dataset.histories import Histories
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.time_units import DAY_MS, minute
from tests.bench.segments import repeated, with_records

EVENTS = 10  # kept of each customer
CONTACTED = 10  # every so many customers got two messages in the days before


def with_messages(store: Store, n: int, at_ms: int) -> None:
    facts = [
        Fact(
            f"{row}-{nth}", f"customer-{row:07d}", FactKind.MESSAGE, at_ms - nth * DAY_MS, None, "sent", "old", "email"
        )
        for row in range(0, n, CONTACTED)
        for nth in (2, 3)
    ]
    for first in range(0, len(facts), 10_000):
        store.add_facts(facts[first : first + 10_000])


def shortened(histories: Histories) -> Histories:
    """The first EVENTS of each customer: no condition of this audience asks for them, and memory would not do."""
    n = np.diff(histories.offsets)
    kept = np.arange(len(histories.item)) - np.repeat(histories.offsets[:-1], n) < EVENTS
    columns = {name: getattr(histories, name)[kept] for name in ("item", "at", "weight", "kind")}
    return replace(histories, offsets=np.append(0, np.minimum(n, EVENTS).cumsum()), **columns)


def gib() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024**2


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".demo"))
    parser.add_argument("--customers", type=int, default=1_000_000)
    given = parser.parse_args(arguments)
    context = CliContext(given.home, given.home)
    recommender = live_recommender(context, context.existing_store())
    engine = replace(recommender.engine, histories=shortened(recommender.engine.histories))
    recommender = replace(recommender, engine=repeated(engine, given.customers))
    as_of_ms = recommender.engine.customers.as_of_ms
    definition = parse_definition(
        {
            "id": "all",
            "audience": {"where": {"stage": ["loyal", "advocate"]}},
            "channel": "email",
            "starts": minute(as_of_ms + DAY_MS),
            "reading": minute(as_of_ms + 29 * DAY_MS),
        }
    )
    with TemporaryDirectory() as folder:
        store = open_store(Path(folder), None)
        with_records(store, given.customers)
        with_messages(store, given.customers, as_of_ms)
        print(f"{given.customers:,} customers with a record, {gib():.1f} GiB at the peak so far")
        started = time.process_time()
        shop = open_campaign_shop(store, recommender, Path(folder), None, as_of_ms)
        print(f"population: {time.process_time() - started:.1f} s of CPU, {gib():.1f} GiB")
        started = time.process_time()
        found = find_eligible(shop, definition)
        print(f"find_eligible: {time.process_time() - started:.1f} s of CPU, {gib():.1f} GiB")
        print(f"audience {found.n_audience:,}, losses {dict(found.losses)}, eligible {found.n_eligible:,}")
        store.close()

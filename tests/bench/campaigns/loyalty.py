"""Loyalty report on generated facts: points for the orders of a trained home, against what was planted.

python -m tests.bench.campaigns loyalty --home .demo
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from recsys.customers.orders import Orders
from recsys.data.facts import Fact, FactKind
from recsys.data.ids import IdMap
from recsys.data.store.open import open_store
from recsys.promotions.loyalty import read_loyalty
from recsys.ranking.recommender import open_recommender

TIERS = ((0.0, "bronze"), (200.0, "silver"), (400.0, "gold"))  # by balance
REWARD = 500.0  # points that a reward costs
WITHIN = 25.0


def planted(orders: Orders, users: IdMap, rng: np.random.Generator) -> tuple[list[Fact], float, float, dict[str, int]]:
    """Facts of half of the customers, points earned and spent, and members by tier: a point for each unit of money."""
    facts: list[Fact] = []
    earned = spent = 0.0
    tiers: dict[str, int] = {}
    for user in np.flatnonzero(rng.random(orders.n_customers) < 0.5).tolist():
        own, balance, tier = slice(*orders.indptr[user : user + 2].tolist()), 0.0, ""
        for order, (at_ms, money) in enumerate(
            zip(orders.at_ms[own].tolist(), orders.money[own].tolist(), strict=True)
        ):
            points = float(int(max(money, 0)))
            steps = [points] + ([-REWARD] if balance + points >= REWARD and rng.random() < 0.5 else [])
            for nth, step in enumerate(steps):
                balance += step
                earned, spent = earned + max(step, 0), spent - min(step, 0)
                tier = [name for least, name in TIERS if balance >= least][-1]
                facts.append(
                    Fact(f"{user}-{order}-{nth}", users[user], FactKind.LOYALTY, at_ms + nth, balance, tier, "club")
                )
        if tier:
            tiers[tier] = tiers.get(tier, 0) + 1
    return facts, earned, spent, tiers


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".demo"))
    options = parser.parse_args(arguments)
    engine = open_recommender(options.home, None).engine
    facts, earned, spent, tiers = planted(engine.customer_orders.orders(), engine.users, np.random.default_rng(0))
    with TemporaryDirectory() as folder:
        store = open_store(Path(folder), None)
        for first in range(0, len(facts), 10_000):
            store.add_facts(facts[first : first + 10_000])
        start = time.process_time()
        report = read_loyalty(store, engine, 0, WITHIN)
        seconds = time.process_time() - start
        store.close()
    share = "not known" if report.share is None else f"{report.share:.1%} of those who bought"
    print(f"{len(facts):,} facts of {report.members:,} members, {share}; {seconds:.1f} s of CPU")
    found = {tier.tier: tier.customers for tier in report.tiers}
    print(f"points earned {report.earned:,.0f}, planted {earned:,.0f}; spent {report.spent:,.0f}, planted {spent:,.0f}")
    print(f"redemption {report.redemption:.1%}; tiers {found}, planted {tiers}")
    print(f"{len(report.near):,} within {WITHIN:g} points of the next tier")
    assert (report.earned, report.spent) == (earned, spent)
    assert found == tiers

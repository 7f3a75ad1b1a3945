"""Power: how many customers an arm needs for a lift of 5 %, with the figures of Complete Journey."""

import numpy as np

from recsys.inference.power import customers_per_arm
from tests.bench.campaigns._complete_journey import BEFORE_DAYS, daily_money


def main(options: list[str]) -> None:
    """Prints the baseline of the households, and the customers per arm for them."""
    _, money = daily_money()
    before, after = money[:, :BEFORE_DAYS].sum(axis=1), money[:, BEFORE_DAYS:].sum(axis=1)
    correlation = float(np.corrcoef(before, after)[0, 1])
    baseline = float(after.mean()), float(after.std(ddof=1))
    print(f"28 days: mean {after.mean():.1f}, sd {after.std(ddof=1):.1f}, correlation {correlation:.3f}")
    print(f"plain: {customers_per_arm(*baseline, 0.05):,} per arm")
    print(f"CUPED: {customers_per_arm(*baseline, 0.05, correlation=correlation):,} per arm")

"""A/A tests: draws of the households into two arms that get the same, and how often an effect is seen."""

import time

import numpy as np

from recsys.inference.cuped import cuped
from recsys.inference.randomization import N_BUCKETS, buckets_of
from recsys.inference.sample_ratio import MISMATCH, sample_ratio_test
from recsys.inference.welch import welch
from tests.bench.campaigns._complete_journey import BEFORE_DAYS, daily_money

N_DRAWS = 2_000


def main(options: list[str]) -> None:
    """Prints the share of false alarms, plain and with CUPED, and two sample-ratio tests."""
    started = time.process_time()
    ids, money = daily_money()
    before, after = money[:, :BEFORE_DAYS].sum(axis=1), money[:, BEFORE_DAYS:].sum(axis=1)
    p = np.empty((N_DRAWS, 3))
    for draw in range(N_DRAWS):
        treated = buckets_of(f"draw {draw}", ids) >= N_BUCKETS // 2
        arms = after[treated], after[~treated]
        counts = int(treated.sum()), int((~treated).sum())
        adjusted = cuped(*arms, before[treated], before[~treated])
        p[draw] = welch(*arms).p, adjusted.p, sample_ratio_test(counts, (0.5, 0.5))
    plain, narrow, mismatch = (p < (0.05, 0.05, MISMATCH)).mean(axis=0)
    print(f"{N_DRAWS:,} draws of {len(ids):,} households, money of 28 days")
    print(f"false alarms: plain {plain:.2%}, CUPED {narrow:.2%}, sample ratio {mismatch:.2%}")
    for n in (10_000, 100_000):
        counts = 51 * n // 100, 49 * n // 100
        value = sample_ratio_test(counts, (0.5, 0.5))
        print(f"sample ratio, {n:,} at 51/49: p = {value:.2g}, {'alarm' if value < MISMATCH else 'no alarm'}")
    print(f"{time.process_time() - started:.1f} s of CPU")

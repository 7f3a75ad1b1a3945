"""Draw of a campaign among a million customers: sizes of the arms, independence of hold-out and draw, cost.

python -m tests.bench.campaigns draw [CUSTOMERS]
"""

import time
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory

import numpy as np

from recsys.campaigns.eligibility import arms_of
from recsys.data.store.base import Store
from recsys.data.store.campaigns.campaign_table import MemberRow
from recsys.data.store.campaigns.records import Arm, CampaignRecord
from recsys.data.store.open import open_store
from recsys.inference.randomization import N_BUCKETS, buckets_of

CUSTOMERS = 1_000_000
SHARE = 0.2
HOLDOUT = 0.05


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    n = int(arguments[0]) if arguments else CUSTOMERS
    ids = [f"customer-{number}" for number in range(n)]
    started = time.process_time()
    buckets, is_treated = arms_of("salt", SHARE, ids)
    print(f"buckets and arms of {n:,} customers: {time.process_time() - started:.2f} s of CPU")
    _print_size("control", int((~is_treated).sum()), n, SHARE)
    is_held = buckets_of("shop 2026 Q4", ids) < round(HOLDOUT * N_BUCKETS)
    _print_size("hold-out of the shop", int(is_held.sum()), n, HOLDOUT)
    _print_size("control within the hold-out", int((~is_treated & is_held).sum()), int(is_held.sum()), SHARE)
    _print_size(
        "control of a second campaign", int((~arms_of("other", SHARE, ids)[1] & ~is_treated).sum()), n, SHARE**2
    )
    fullest = int(np.bincount(buckets, minlength=N_BUCKETS).max())
    print(f"fullest of {N_BUCKETS:,} buckets: {fullest} customers, {n / N_BUCKETS:.0f} on average")
    with TemporaryDirectory() as folder:
        _write(open_store(Path(folder), None), ids, buckets.tolist(), is_treated.tolist())
    print(f"peak memory: {getrusage(RUSAGE_SELF).ru_maxrss / 1_024:,.0f} MiB")


def _print_size(name: str, n: int, among: int, share: float) -> None:
    error = sqrt(share * (1 - share) / among)
    print(f"{name}: {n:,} of {among:,}, {(n / among - share) / error:+.2f} standard errors from {share:.0%}")


def _write(store: Store, ids: list[str], buckets: list[int], is_treated: list[bool]) -> None:
    rows: list[MemberRow] = [
        ("c1", user_id, Arm(int(treated)), bucket, "loyal")
        for user_id, bucket, treated in zip(ids, buckets, is_treated, strict=True)
    ]
    store.put_campaign(CampaignRecord("c1", "draft", 5, 0, "{}"), before=None)
    started = time.process_time()
    store.begin_draw("c1", "token", "{}")
    store.add_members(rows, token="token", log_seq=0)
    store.finish_draw("c1", "token", "{}", last_draw=0)
    print(f"written to SQLite: {time.process_time() - started:.2f} s of CPU")
    started = time.process_time()
    n = sum(len(page) for page in store.member_pages("c1"))
    print(f"read again, {n:,} members: {time.process_time() - started:.2f} s of CPU")
    store.close()

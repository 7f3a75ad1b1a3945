"""Buckets of customers: evenly filled, fixed for ever, and independent from salt to salt."""

import numpy as np

from recsys.inference.randomization import N_BUCKETS, bucket_of, buckets_of

IDS = [f"customer-{n}" for n in range(20_000)]


def test_a_bucket_never_changes() -> None:
    assert [bucket_of("spring", name) for name in ("a", "b", "Zoë", "\ud800")] == FIXED
    assert buckets_of("spring", ("a", "b", "Zoë", "\ud800")).tolist() == FIXED


FIXED = [5205, 7482, 8434, 3505]


def test_buckets_are_filled_evenly_and_say_nothing_about_those_of_another_salt() -> None:
    one, other = buckets_of("one", IDS), buckets_of("other", IDS)
    assert one.min() >= 0
    assert one.max() < N_BUCKETS
    for buckets in (one, other):
        share = np.bincount(buckets // 1_000, minlength=10) / len(IDS)
        assert np.abs(share - 0.1).max() < 4 * np.sqrt(0.09 / len(IDS))
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(len(IDS))


def test_nobody_has_no_bucket() -> None:
    assert buckets_of("spring", ()).shape == (0,)

"""Contract of the split: sticky, as large as was asked for, and new for every canary."""

from hypothesis import given
from hypothesis import strategies as st

from recsys.canary.split import BUCKETS, bucket_of
from recsys.canary.state import Canary

N = 5_000
USERS = [f"customer-{n}" for n in range(N)]


def canary(share: float, version: str = "v2") -> Canary:
    return Canary(version=version, champion="v1", share=share, hours=24, began_at_ms=0)


def in_canary(state: Canary) -> set[str]:
    return {user for user in USERS if bucket_of(user, state.version) < state.n_buckets}


@given(st.text(), st.text(min_size=1))
def test_a_customer_stays_in_one_bucket(user_id: str, version: str) -> None:
    assert 0 <= bucket_of(user_id, version) == bucket_of(user_id, version) < BUCKETS


def bounds_of_chance(share: float) -> tuple[float, float]:
    """Between them lies the number of N customers that are drawn with that probability, but for one in a billion."""
    from scipy.stats import binom  # half a second, in each process that collects tests

    low, high = binom.interval(1 - 1e-9, N, share)
    return float(low), float(high)


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=30), st.floats(0.1, 50))
def test_the_share_of_customers_is_within_the_bounds_of_chance(version: str, share: float) -> None:
    n = len(in_canary(canary(share, version)))
    low, high = bounds_of_chance(share / 100)
    assert low <= n <= high


@given(st.floats(0.1, 25), st.floats(1, 2))
def test_a_larger_share_keeps_the_customers_of_the_smaller(share: float, factor: float) -> None:
    assert in_canary(canary(share)) <= in_canary(canary(share * factor))


def test_another_canary_meets_other_customers() -> None:
    both = in_canary(canary(10, "v2")) & in_canary(canary(10, "v3"))
    low, high = bounds_of_chance(0.01)
    assert low <= len(both) <= high

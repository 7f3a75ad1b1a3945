"""Saturation of repeats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.models.saturation import saturated

weights = st.floats(0, 1e4, width=32)


@given(weight=weights, saturation=st.floats(0.01, 100))
def test_one_purchase_counts_one_and_many_are_bounded(weight: float, saturation: float) -> None:
    single, repeated = saturated(np.array([1.0, weight], np.float32), saturation)

    assert single == pytest.approx(1.0, rel=1e-6)
    assert 0 <= repeated <= (saturation + 1) * (1 + 1e-6)


@given(less=weights, more=weights, saturation=st.floats(0.01, 100))
def test_more_never_counts_less(less: float, more: float, saturation: float) -> None:
    low, high = saturated(np.sort(np.array([less, more], np.float32)), saturation)

    assert low <= high * (1 + 1e-6)


def test_zero_counts_only_the_first_and_infinity_counts_all() -> None:
    weight = np.array([-2.0, 0.0, 0.5, 7.0], np.float32)

    assert saturated(weight, 0.0).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert saturated(weight, float("inf")).tolist() == [0.0, 0.0, 0.5, 7.0]

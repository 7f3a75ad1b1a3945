"""Sample ratio mismatch (SRM): whether the sizes of the arms are those that were drawn."""

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc

from recsys.errors import BadInput

MISMATCH = 0.001  # Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled experiments"


def sample_ratio_test(counts: Sequence[int], shares: Sequence[float]) -> float:
    """p of Pearson's chi-squared test that customers fell into arms by these shares; 1 without customers.

    Below MISMATCH the arms are not what was drawn, and a difference between them is no effect.  Raises BadInput.
    """
    expected = np.asarray(shares, np.float64)
    if len(counts) != len(shares) or (expected <= 0).any():
        raise BadInput(f"shares {list(shares)} of {len(counts)} arms: one for each arm, and each above 0")
    n = sum(counts)
    if n == 0:
        return 1.0
    expected = expected / expected.sum() * n
    return float(chdtrc(len(counts) - 1, float((np.square(np.asarray(counts) - expected) / expected).sum())))

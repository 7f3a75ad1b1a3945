"""Saturation of repeats: the first purchase counts most, the tenth adds little."""

import numpy as np

from recsys.arrays import Floats


def saturated(weight: Floats, saturation: float) -> Floats:
    """w (s + 1) / (w + s), so 1 stays 1; 0 for what is not positive.  (P,) -> (P,) float32, at most s + 1.

    The smaller s, the less repeats count: 0 counts only the first, inf counts them all.
    """
    # Robertson & Walker 1994, the term-frequency part of BM25 without length normalisation.
    positive = np.maximum(weight, 0)
    if saturation == 0:
        return (positive > 0).astype(np.float32)
    return (positive * ((1 + 1 / saturation) / (1 + positive / saturation))).astype(np.float32)

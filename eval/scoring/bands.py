"""Bands of customers, or of items, by how many events each has: the lightest tenth, and three bands of the rest."""

from collections.abc import Iterator

import numpy as np

from eval.protocol import BANDS
from recsys.arrays import Bools, Longs

NAMES = ("Lightest tenth", "Light", "Medium", "Heavy")


def count_bands(count: Longs) -> Iterator[tuple[str, int, int, Bools]]:
    """Name, lowest and highest count, and members (N,) of each band; a count of 0 is in none.

    Equal counts stay in one band, so that bands differ in size; an empty band is left out.
    """
    known = count[count > 0]
    low = 0
    for name, share in zip(NAMES, (*BANDS, 1.0), strict=True) if len(known) else ():
        high = int(np.quantile(known, share, method="higher"))
        if high > low:
            yield name, low + 1, high, (count > low) & (count <= high)
        low = max(low, high)


def count_range(low: int, high: int) -> str:
    """7, or 8 to 12."""
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"

"""Segments of customers or ratings: bands by number of events, and the segments that are large enough to be shown."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from eval.protocol import BANDS
from recsys.arrays import Bools, Longs
from recsys.customers.population import MIN_GROUP

BAND_NAMES = ("Lightest tenth", "Light", "Medium", "Heavy")


@dataclass(frozen=True, slots=True)
class Segment:
    """Customers or ratings with something in common.  family: the property; members (N,): flags over all N."""

    family: str
    title: str
    members: Bools


def large_segments(segments: Iterable[Segment], count_customers: Callable[[Bools], int]) -> tuple[list[Segment], int]:
    """Segments with at least MIN_GROUP customers, and how many non-empty ones were dropped."""
    known = [segment for segment in segments if segment.members.any()]
    large = [segment for segment in known if count_customers(segment.members) >= MIN_GROUP]
    return large, len(known) - len(large)


def count_bands(count: Longs) -> Iterator[tuple[str, str, Bools]]:
    """Name, range of counts such as "8 to 12", and members (N,) of each band; a count of 0 is in none.

    Equal counts stay in one band, so that bands differ in size; an empty band is left out.
    """
    known = count[count > 0]
    low = 0
    for name, share in zip(BAND_NAMES, (*BANDS, 1.0), strict=True) if len(known) else ():
        high = int(np.quantile(known, share, method="higher"))
        if high > low:
            counts = f"{high:,}" if high == low + 1 else f"{low + 1:,} to {high:,}"
            yield name, counts, (count > low) & (count <= high)
        low = max(low, high)

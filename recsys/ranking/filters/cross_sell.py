"""Which items are an offer beside what is looked at: the same kind for a little more, or another kind altogether."""

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.ranking.placements import Placement


def narrows(placement: Placement) -> bool:
    """Whether what may stand there depends on what is looked at."""
    return placement.category != "any" or placement.price_ratio is not None


def offered(placement: Placement, seen_items: Ints, catalogue: Catalogue) -> Bools:
    """Which items the placement may show beside those.  (I,)

    Of the same category as one of them, and at so many times the price of that one; or of none of their categories.
    What has no category is of no kind, and what has no price is neither dearer nor cheaper.
    """
    if placement.category == "other":
        return ~np.isin(catalogue.category.codes, _categories(seen_items, catalogue))
    fits = np.zeros(catalogue.n_items, bool)
    for item in seen_items.tolist():
        fits |= _beside(item, placement, catalogue)
    return fits


def _beside(item: int, placement: Placement, catalogue: Catalogue) -> Bools:
    codes = catalogue.category.codes
    fits: Bools = (codes == codes[item]) & (codes > 0) if placement.category == "same" else np.ones(len(codes), bool)
    if placement.price_ratio is not None:
        least, most = placement.price_ratio
        price = float(catalogue.price[item])
        fits = fits & (catalogue.price >= np.float32(least * price)) & (catalogue.price <= np.float32(most * price))
    return fits


def _categories(items: Ints, catalogue: Catalogue) -> Ints:
    codes = catalogue.category.codes[items]
    known: Ints = codes[codes > 0]
    return known

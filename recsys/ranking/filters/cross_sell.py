"""Cross-sell and up-sell restriction: another category than the items on the page, or the same for a little more."""

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.ranking.placements import Placement


def offered(placement: Placement, items: Ints, catalogue: Catalogue) -> Bools:
    """The items that the placement may show beside these.  (N,) -> (I,)

    Items of the same category as one of them, and at so many times its price; or items of none of their categories.
    An item without a category is in no category, and one without a price is neither dearer nor cheaper.
    """
    if placement.category == "other":
        codes = catalogue.category.codes[items]
        return ~np.isin(catalogue.category.codes, codes[codes > 0])
    mask = np.zeros(catalogue.n_items, bool)
    for item in items.tolist():
        mask |= _beside(item, placement, catalogue)
    return mask


def _beside(item: int, placement: Placement, catalogue: Catalogue) -> Bools:
    codes = catalogue.category.codes
    mask: Bools = (codes == codes[item]) & (codes > 0) if placement.category == "same" else np.ones(len(codes), bool)
    if placement.price_ratio is not None:
        least, most = placement.price_ratio
        price = float(catalogue.price[item])
        mask = mask & (catalogue.price >= np.float32(least * price)) & (catalogue.price <= np.float32(most * price))
    return mask

"""Ranking metrics: nDCG of ranked lists, the one definition that learning and evaluation use."""

import numpy as np

from recsys.arrays import Bools, Doubles, Ints, Longs


def ndcg(hits: Bools, n_relevant: Ints | Longs, k: int) -> Doubles:
    """nDCG@k of Q lists with gains of 0 and 1: (Q, K), (Q,) -> (Q,), NaN where nothing is relevant.

    hits: whether the item at each place is relevant; missing places of a shorter list are misses.
    n_relevant: how many relevant items there are, in the list or not.
    """
    # Järvelin & Kekäläinen 2002, eq. 2 and 4, with the discount log2(1 + rank) of Burges et al. 2005.
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate(([0.0], np.cumsum(discount)))[np.minimum(n_relevant, k)]
    hits = hits[:, :k]
    quality = np.full(len(ideal), np.nan)
    np.divide(hits @ discount[: hits.shape[1]], ideal, out=quality, where=ideal > 0)
    return quality

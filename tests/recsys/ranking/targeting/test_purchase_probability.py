"""The best of purchase probabilities is the first of their order, whatever ties there are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.ranking.targeting.purchase_probability import PurchaseProbabilities

ITEM = st.tuples(st.sampled_from([0.0, 0.2, 0.7]), st.booleans(), st.sampled_from([1.0, 2.0]))


@given(st.lists(ITEM, max_size=8))
def test_the_best_is_the_first_of_the_order(items: list[tuple[float, bool, float]]) -> None:
    columns = ([item[part] for item in items] for part in range(3))
    probabilities = PurchaseProbabilities(
        *(np.array(column, kind) for column, kind in zip(columns, "d?d", strict=True))
    )
    first = probabilities.order()[:1].tolist()
    assert probabilities.best() == (first[0] if first else None)

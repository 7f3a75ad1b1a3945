"""nDCG of a matrix of hits: short lists, long truths, and users who chose nothing."""

import numpy as np

from recsys.metrics import ndcg


def test_a_list_with_all_relevant_items_first_has_an_ndcg_of_one() -> None:
    hits = np.array([[True, True, False], [True, True, True]])
    np.testing.assert_array_equal(ndcg(hits, np.array([2, 9]), 3), [1.0, 1.0])


def test_a_missing_place_of_a_short_list_is_a_miss() -> None:
    hits = np.array([[True, False]])
    assert ndcg(hits, np.array([3]), 3) == ndcg(np.array([[True, False, False]]), np.array([3]), 3)


def test_a_user_without_relevant_items_has_no_ndcg() -> None:
    assert np.isnan(ndcg(np.array([[False]]), np.array([0]), 1)).all()

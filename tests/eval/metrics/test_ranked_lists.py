"""Ranked lists refuse impossible lists."""

import numpy as np
import pytest

from eval.metrics.ranked_lists import RankedLists
from recsys.errors import BadInput


def test_a_list_with_an_item_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="list 1 holds an item twice"):
        RankedLists.from_rows([np.array([1, 2]), np.array([3, 3])], 2)


def test_an_item_below_0_is_refused_where_it_is_shown_and_ignored_behind_the_end() -> None:
    with pytest.raises(BadInput, match="below 0"):
        RankedLists(np.array([[3, -1]], np.int32), np.array([2], np.int32))
    assert RankedLists(np.array([[3, -1, -1]], np.int32), np.array([1], np.int32)).shown.sum() == 1


@pytest.mark.parametrize(("places", "length"), [(2, [3]), (2, [-1]), (2, [1, 1])])
def test_lengths_that_do_not_fit_are_refused(places: int, length: list[int]) -> None:
    with pytest.raises(BadInput):
        RankedLists(np.zeros((1, places), np.int32), np.array(length, np.int32))

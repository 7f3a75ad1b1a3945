"""Groups: every cell of scores has exactly one name, a shop may give its own, and a gap is refused."""

from itertools import product

import numpy as np
import pytest

from recsys.customers.groups import SHORT_GROUPS, RfmGroup, build_grouping, short_groups
from recsys.customers.scores import RfmScores
from recsys.errors import BadSettings

CELLS = [(r, f, m) for r, f, m in product(range(1, 6), repeat=3)]
NAMES = {
    "champions", "loyal", "active", "new", "promising", "needs attention", "at risk", "previously loyal",
    "almost lost", "dormant",
}  # fmt: skip


def scores(*cells: tuple[int, int, int]) -> RfmScores:
    return RfmScores(*np.array(cells, np.int8).T)


def names(*cells: tuple[int, int, int]) -> list[str]:
    grouping = build_grouping()
    return [grouping.names[group] for group in grouping.of_scores(scores(*cells))]


def test_the_names_that_shops_know_share_all_cells() -> None:
    assert set(names(*CELLS)) == NAMES == set(build_grouping().names)


def test_the_best_and_the_worst_have_the_names_of_the_best_and_the_worst() -> None:
    assert names((5, 5, 5), (1, 1, 1), (1, 5, 5), (5, 1, 1)) == ["champions", "dormant", "previously loyal", "new"]


def test_whoever_has_no_scores_has_no_group() -> None:
    assert build_grouping().of_scores(scores((0, 0, 0))).tolist() == [-1]
    assert short_groups(scores((0, 0, 0))).tolist() == [-1]


def test_the_short_naming_splits_by_recency_and_strength() -> None:
    cells = scores((5, 5, 5), (1, 5, 5), (5, 1, 1), (1, 1, 1))
    assert [SHORT_GROUPS[group] for group in short_groups(cells)] == list(SHORT_GROUPS)


def test_a_shop_names_its_own_groups_and_the_first_that_fits_counts() -> None:
    grouping = build_grouping([RfmGroup("gold", m=(5, 5)), RfmGroup("others")])
    assert grouping.names == ("gold", "others")
    assert grouping.of_scores(scores((1, 1, 5), (5, 5, 4))).tolist() == [0, 1]


def test_a_cell_without_a_group_is_refused_by_its_scores() -> None:
    with pytest.raises(BadSettings, match="scores 111"):
        build_grouping([RfmGroup("gold", m=(2, 5))])

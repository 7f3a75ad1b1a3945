"""A wrong name or setting of a rating model names the nearest right one."""

import pytest

from recsys.errors import BadSettings, UnknownModel
from recsys.models.ratings.item_neighbours import ItemRatings
from recsys.models.ratings.registry import rating_learner


def test_a_wrong_name_or_setting_says_what_is_near() -> None:
    with pytest.raises(UnknownModel, match="item_knn"):
        rating_learner("item_kn", {})
    with pytest.raises(BadSettings, match="shrinkage"):
        rating_learner("item_knn", {"shrinkag": "3"})
    with pytest.raises(BadSettings, match="greater than or equal to 1"):
        rating_learner("user_knn", {"k": "0"})
    assert rating_learner("item_knn", {"k": "7"}) == ItemRatings(k=7)

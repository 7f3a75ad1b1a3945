"""The one table of what predicts ratings: name to learner, and a learner from settings."""

from collections.abc import Mapping
from typing import Any, Final

from recsys.config import nearest
from recsys.errors import UnknownModel
from recsys.models.parameters import with_settings
from recsys.models.rating_base import RatingBaseline, RatingLearner
from recsys.models.rating_blend import BlendRatings
from recsys.models.rating_factors import FactorRatings
from recsys.models.rating_items import ItemRatings
from recsys.models.rating_users import UserRatings

RATING_LEARNERS: Final[Mapping[str, type[RatingLearner]]] = {
    "auto": BlendRatings,
    "baseline": RatingBaseline,
    "factors": FactorRatings,
    "item_knn": ItemRatings,
    "user_knn": UserRatings,
}


def rating_learner(name: str, params: Mapping[str, Any]) -> RatingLearner:
    """The learner of that name with those hyper-parameters, the others at their defaults.

    Raises UnknownModel or BadSettings, each naming the nearest right word.
    """
    if name not in RATING_LEARNERS:
        raise UnknownModel(f"{name!r} predicts no ratings; {nearest(name, RATING_LEARNERS)}")
    return with_settings(RATING_LEARNERS[name], name, params)

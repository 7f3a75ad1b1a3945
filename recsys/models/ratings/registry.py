"""Registry of rating models: name to learner, and a learner from settings."""

from collections.abc import Mapping
from typing import Any, Final

from recsys.config import spelling_hint
from recsys.errors import UnknownModel
from recsys.models.hyperparameters import with_settings
from recsys.models.ratings.base import RatingBaseline, RatingLearner
from recsys.models.ratings.ensemble import RatingEnsemble
from recsys.models.ratings.factors import FactorRatings
from recsys.models.ratings.item_neighbours import ItemRatings
from recsys.models.ratings.user_neighbours import UserRatings

RATING_LEARNERS: Final[Mapping[str, type[RatingLearner]]] = {
    "auto": RatingEnsemble,
    "baseline": RatingBaseline,
    "factors": FactorRatings,
    "item_knn": ItemRatings,
    "user_knn": UserRatings,
}


def rating_learner(name: str, params: Mapping[str, Any]) -> RatingLearner:
    """The learner of that name with those hyper-parameters, the others at their defaults.

    Raises UnknownModel or BadSettings, each names the nearest right word.
    """
    if name not in RATING_LEARNERS:
        raise UnknownModel(f"{name!r} predicts no ratings; {spelling_hint(name, RATING_LEARNERS)}")
    return with_settings(RATING_LEARNERS[name], name, params)

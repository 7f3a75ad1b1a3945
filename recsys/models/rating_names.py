"""The one table of what predicts ratings: name to learner, and a learner from settings."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError

from recsys.config import nearest
from recsys.errors import BadSettings, UnknownModel
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
    kind = RATING_LEARNERS[name]
    known = [field.name for field in fields(cast(Any, kind))]
    for key in params:
        if key not in known:
            raise BadSettings(f"model {name}: {key} is no parameter; {nearest(key, known)}")
    try:
        return TypeAdapter(kind).validate_python(dict(params))
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSettings(f"model {name}: {first['loc'][0]} = {first['input']!r}: {first['msg']}") from None

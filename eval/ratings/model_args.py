"""`--model` arguments of predicted ratings: a name, and hyper-parameters that differ from their defaults."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.files.model_args import LIST_MODEL_BY_RATING_MODEL, parse_settings, trimmed_words
from recsys.config import spelling_hint
from recsys.errors import UnknownModel
from recsys.models.ratings.base import RatingLearner
from recsys.models.ratings.registry import RATING_LEARNERS, rating_learner


@dataclass(frozen=True, slots=True)
class RatingModelRequest:
    """One model to evaluate, called `label` in every table."""

    label: str
    learner: RatingLearner


def rating_model_requests(words: Sequence[str]) -> list[RatingModelRequest]:
    """`item_knn:k=40` and the like.  Raises UnknownModel, BadSettings or BadInput, with the nearest name."""
    return [_parse_request(word) for word in trimmed_words(words)]


def _parse_request(word: str) -> RatingModelRequest:
    name = word.partition(":")[0]
    if name not in RATING_LEARNERS:
        twin = {list_model: rating_model for rating_model, list_model in LIST_MODEL_BY_RATING_MODEL.items()}
        hint = spelling_hint(twin.get(name, name), RATING_LEARNERS)
        raise UnknownModel(f"--model {word}: {name!r} predicts no ratings; {hint}")
    return RatingModelRequest(word, rating_learner(name, parse_settings(word)))

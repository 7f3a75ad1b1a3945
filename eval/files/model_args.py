"""`--model` arguments for lists and for predicted ratings: a name, and settings that differ from their defaults."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from recsys.config import spelling_hint
from recsys.errors import BadInput, BadSettings, UnknownModel
from recsys.models.base import Learner
from recsys.models.ratings.base import RatingLearner
from recsys.models.ratings.registry import RATING_LEARNERS, rating_learner
from recsys.models.registry import LEARNERS, learner
from recsys.progress import StepLog

AUTO = "auto"
# The model of lists that is most like each model of ratings: what to name where somebody takes one for the other.
LIST_MODEL_BY_RATING_MODEL = {"item_knn": "item_neighbours", "user_knn": "user_neighbours", "factors": "als"}
OUT_OF_MEMORY = "its settings ask for more memory than there is; make them smaller, or learn from fewer rows"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One model to evaluate, called `label` in every table.

    learner: None for `auto`.  given: the settings of the argument, by name.
    """

    label: str
    name: str
    learner: Learner | None
    given: Mapping[str, str] = field(default_factory=dict)


def model_requests(words: Sequence[str]) -> list[ModelRequest]:
    """`als:factors=64,iterations=15` and the like.

    Raises UnknownModel, BadSettings or BadInput, with the nearest name.
    """
    return [_parse_request(word) for word in _trimmed_words(words)]


def _trimmed_words(words: Sequence[str]) -> list[str]:
    """The words of several `--model`, trimmed.  Raises BadInput for a word that is given twice."""
    trimmed = [word.strip() for word in words]
    for word in trimmed:
        if trimmed.count(word) > 1:
            raise BadInput(f"--model {word} is given twice; leave one out")
    return trimmed


def _parse_settings(word: str) -> dict[str, str]:
    """The settings behind the name in `name:parameter=value,...`.  Raises BadInput."""
    name, _, settings = word.partition(":")
    params: dict[str, str] = {}
    for part in filter(None, settings.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise BadInput(f"--model {word}: {part!r} sets nothing; write {name}:parameter=value,parameter=value")
        params[key] = value
    return params


@contextmanager
def memory_errors_named(steps: StepLog) -> Iterator[None]:
    """Raises BadSettings, naming the step, where memory does not suffice for a step within."""
    show, begun = steps.on_step, ["start"]

    def note(name: str) -> None:
        begun.append(name)
        show(name)

    steps.on_step = note
    try:
        yield
    except MemoryError as error:
        raise BadSettings(f"{begun[-1]}: {OUT_OF_MEMORY} ({error})") from None


def _parse_request(word: str) -> ModelRequest:
    name, _, settings = word.partition(":")
    if name == AUTO and not settings:
        return ModelRequest(word, AUTO, None)
    if name == AUTO:
        raise BadInput(f"--model {word}: auto chooses its own settings; name a model to set some")
    if name not in LEARNERS:
        hint = spelling_hint(LIST_MODEL_BY_RATING_MODEL.get(name, name), [*LEARNERS, AUTO])
        raise UnknownModel(f"--model {word}: {name!r} is no model of lists; {hint}")
    params = _parse_settings(word)
    return ModelRequest(word, name, learner(name, params), params)


def rating_learners(words: Sequence[str]) -> dict[str, RatingLearner]:
    """`item_knn:k=40` and the like: the learner of each word.  Raises UnknownModel, BadSettings or BadInput."""
    return {word: _rating_learner(word) for word in _trimmed_words(words)}


def _rating_learner(word: str) -> RatingLearner:
    name = word.partition(":")[0]
    if name not in RATING_LEARNERS:
        twin = {list_model: rating_model for rating_model, list_model in LIST_MODEL_BY_RATING_MODEL.items()}
        hint = spelling_hint(twin.get(name, name), RATING_LEARNERS)
        raise UnknownModel(f"--model {word}: {name!r} predicts no ratings; {hint}")
    return rating_learner(name, _parse_settings(word))

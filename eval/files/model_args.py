"""The words of `--model`: a name, and hyper-parameters that differ from their defaults."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from recsys.config import nearest
from recsys.errors import BadInput, BadSettings, UnknownModel
from recsys.models.base import Learner
from recsys.models.registry import LEARNERS, learner
from recsys.progress import StepLog

AUTO = "auto"
OF_LISTS = {"item_knn": "item_neighbours", "user_knn": "user_neighbours", "factors": "als"}  # by what predicts ratings
OUT_OF_MEMORY = "its settings ask for more memory than there is; make them smaller, or learn from fewer rows"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One model to judge, called `label` in every table; learner is None for `auto`.  given: what was set in words."""

    label: str
    name: str
    learner: Learner | None
    given: Mapping[str, str] = field(default_factory=dict)


def model_requests(words: Sequence[str]) -> list[ModelRequest]:
    """`als:factors=64,iterations=15` and the like.  Raises UnknownModel, BadSettings or BadInput, with what is near."""
    return [_wanted(word) for word in each_once(words)]


def each_once(words: Sequence[str]) -> list[str]:
    """The words of several `--model`, trimmed.  Raises BadInput for one that is given twice."""
    found = [word.strip() for word in words]
    for word in found:
        if found.count(word) > 1:
            raise BadInput(f"--model {word} is given twice; leave one out")
    return found


def settings_of(word: str) -> dict[str, str]:
    """What stands behind the name in `name:parameter=value,...`.  Raises BadInput."""
    name, _, told = word.partition(":")
    params: dict[str, str] = {}
    for part in filter(None, told.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise BadInput(f"--model {word}: {part!r} sets nothing; write {name}:parameter=value,parameter=value")
        params[key] = value
    return params


@contextmanager
def enough_memory(steps: StepLog) -> Iterator[None]:
    """Raises BadSettings, naming the step, where memory does not suffice for one within."""
    shown, begun = steps.tell, ["start"]

    def tell(name: str) -> None:
        begun.append(name)
        shown(name)

    steps.tell = tell
    try:
        yield
    except MemoryError as error:
        raise BadSettings(f"{begun[-1]}: {OUT_OF_MEMORY} ({error})") from None


def _wanted(word: str) -> ModelRequest:
    name, _, told = word.partition(":")
    if name == AUTO and not told:
        return ModelRequest(word, AUTO, None)
    if name == AUTO:
        raise BadInput(f"--model {word}: auto chooses its own settings; name a model to set some")
    if name not in LEARNERS:
        hint = nearest(OF_LISTS.get(name, name), [*LEARNERS, AUTO])
        raise UnknownModel(f"--model {word}: {name!r} is no model of lists; {hint}")
    params = settings_of(word)
    return ModelRequest(word, name, learner(name, params), params)

"""Terms and results of an evaluation of files, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eval.files.file_rows import FileFacts
from eval.files.timestamps import Parting
from eval.files.users import FileUsers
from eval.replay import ReplayedLists
from eval.scoring.scorer import EntryKind, GroupResult, Result
from eval.scoring.user_samples import UserSample
from eval.stats.bootstrap import Estimate
from eval.stats.paired import Comparison
from recsys.learning.holdout import SplitKind

HEADLINE_K = 10

SeenItems = Literal["hide", "keep"]


@dataclass(frozen=True, slots=True)
class FileTerms:
    """ks: lengths of the lists, ascending.  seen: whether lists may hold items the customer has in the training file.

    seed: of everything random.  tune_seconds: time to look for better settings, on a part of the training file; with 0
    models keep their defaults.  parting: how the two files were split; None recognises it.
    optional_seconds: for `auto` to try optional models and settings.
    """

    ks: tuple[int, ...]
    seen: SeenItems
    seed: int
    tune_seconds: float = 0.0
    parting: Parting | None = None
    optional_seconds: float = 240.0

    @property
    def k(self) -> int:
        """The length that verdicts are about: 10 where that is among them, else the shortest."""
        return HEADLINE_K if HEADLINE_K in self.ks else self.ks[0]

    @property
    def compared_in(self) -> str:
        """The metric of the verdicts."""
        return f"ndcg@{self.k}"

    @property
    def is_hiding(self) -> bool:
        return self.seen == "hide"

    @property
    def placement(self) -> str:
        """The placement where a shop would show such lists."""
        return "discover" if self.is_hiding else "home"


@dataclass(frozen=True, slots=True)
class Entry:
    """One list with its figures.

    metrics, shelf: by name and k; known: the means without strangers; seconds: for all customers.
    settings: of the request; resolved: of the fitted model.  parts: the same list judged by `repeat`, the items each
    customer has in the training file, and by `new`, all other items; none where the items a customer has are hidden.
    """

    name: str
    kind: EntryKind
    settings: Mapping[str, Any]
    resolved: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float
    metrics: Mapping[str, Estimate]
    known: Mapping[str, float]
    shelf: Mapping[str, float]
    against: Mapping[str, Comparison]
    parts: Mapping[str, Result]
    groups: Sequence[GroupResult]


@dataclass(frozen=True, slots=True)
class FileEvaluation:
    """Everything an evaluation of files gives.  lists: by name, for scoring with other code.

    samples: some customers with their own list and the best-sellers.  split: what the two files were taken for.
    doubt: why times may not mean what they were taken for.
    """

    terms: FileTerms
    train: FileFacts
    test: FileFacts
    entries: Sequence[Entry]
    n_customers: int
    n_strangers: int
    n_held_back: int
    n_unknown_items: int
    n_items: int
    lists: Mapping[str, ReplayedLists]
    user_ids: Sequence[str]
    item_ids: Sequence[str]
    users: FileUsers
    samples: Sequence[UserSample] = ()
    split: SplitKind = "weeks"
    doubt: str | None = None


def own_list(entries: Sequence[Entry], k: int) -> str:
    """The name of the list that would be served; where it was not evaluated, of the model with the most hits."""
    served = [entry.name for entry in entries if entry.kind == "auto"]
    models = [entry for entry in entries if entry.kind == "model"]
    return served[0] if served else max(models or entries, key=lambda entry: entry.metrics[f"precision@{k}"].mean).name

"""Results of an evaluation of files, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.files.file_rows import FileFacts
from eval.files.terms import FileTerms
from eval.files.users import FileUsers
from eval.replay import ReplayedLists
from eval.scoring.results import EntryKind, GroupResult, Result
from eval.stats.bootstrap import Estimate
from eval.stats.paired import Comparison


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
    """Everything an evaluation of files gives.  lists: by name, for scoring with other code."""

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

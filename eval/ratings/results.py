"""Results of an evaluation of predicted ratings, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.files.file_rows import FileFacts
from eval.ratings.truth import Truth
from eval.scoring.scorer import EntryKind
from eval.stats.bootstrap import Estimate
from eval.stats.paired import ComparisonVerdict, verdict_of
from recsys.arrays import Floats


@dataclass(frozen=True, slots=True)
class RmseGain:
    """By how much smaller a model's RMSE is than another's, for the same customers: above 0 it is closer.

    low, high: 95 % interval; p: how likely luck alone makes such a difference; p_holm: the same among all that are
    compared with the same model.
    """

    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    n_customers: int

    @property
    def verdict(self) -> ComparisonVerdict:
        """Better or worse only where the interval leaves 0 out, and luck is unlikely among all compared."""
        return verdict_of((self.low, self.high), self.p_holm, self.n_customers)


@dataclass(frozen=True, slots=True)
class RatingEntry:
    """One model with its figures.  settings: as used; seconds: for learning and for all predictions."""

    name: str
    kind: EntryKind
    settings: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float
    rmse: Estimate
    mae: Estimate
    against: Mapping[str, RmseGain]


@dataclass(frozen=True, slots=True)
class RatingEvaluation:
    """Everything an evaluation gives.  predictions (N,): by name, in the order of the test file.

    names: of items, by id, where the files have them.
    """

    seed: int
    train: FileFacts
    test: FileFacts
    scale: tuple[float, float]
    entries: Sequence[RatingEntry]
    n_customers: int
    n_strangers: int
    n_unknown_items: int
    truth: Truth
    predictions: Mapping[str, Floats]
    names: Mapping[str, str] = field(default_factory=dict)

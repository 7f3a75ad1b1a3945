"""Learner and Model, the protocols of every algorithm: a learner fits, a model scores; there is no unfitted model."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar, Protocol, Self, runtime_checkable

from numpy.random import Generator

from recsys.arrays import AnyArray, Bools, Floats, Ints
from recsys.bundle.array_spec import ArraySpec
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.kernels import Kernels, Matches


class StoredModel(Protocol):
    """What a learner fitted: frozen arrays.  Every method is pure and safe in any number of threads."""

    name: ClassVar[str]

    def arrays(self) -> Mapping[str, AnyArray]:
        """The whole state, scalars as 0-d arrays, to be saved and mapped."""

    @classmethod
    def specs(cls, names: Collection[str] = ()) -> Mapping[str, ArraySpec]:
        """What each array must be, for a bundle to be opened; see StoredFields."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        """The model with that state; arrays may be read-only and mapped from a file."""


class Model(StoredModel, Protocol):
    """A model that scores items for users."""

    def score(self, histories: Histories) -> Floats:
        """How much each of Q users would like each item: (Q, I) float32, higher is better, 0 means unknown.

        Rows do not influence each other.  An empty history gives zeros, or the same scores for all users
        if the model does not use histories.
        """


Fold = tuple[AnyArray, ...]  # what a model learns from one history before it scores an item


class FoldingModel(Model, Protocol):
    """A model that first learns something small from a history, and scores items by that alone."""

    def fold(self, history: Histories) -> Fold:
        """Of one customer.  `score` and `embed` use what `Histories.keep_fold` holds of this model instead."""


@runtime_checkable
class RowsModel(Protocol):
    """A model whose score is a sum of some rows of a table, which kernels add up where they are compiled."""

    def best_of_rows(self, compiled: Kernels, history: Histories, mask: Bools, k: int) -> Matches:
        """The k best items of the mask, (I,), for one history, with scores above 0."""


@runtime_checkable
class VectorModel(Model, Protocol):
    """A model of embeddings: score = embed(histories) @ item_vectors.T"""

    item_vectors: Floats

    def embed(self, histories: Histories) -> Floats:
        """The fold-in, an embedding of each user: (Q, F) float32, zeros for an empty history."""


@runtime_checkable
class ItemModel(Model, Protocol):
    """A model that knows which items go together."""

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        """Up to k other items with their similarity above 0, best first, ties by position."""


class BesideModel(Model, Protocol):
    """An item model that scores what goes with one item without going through the whole catalogue."""

    def score_beside(self, item: int) -> tuple[Ints, Floats]:
        """The other items that `score` puts above 0 for a history of this item alone with weight 1, and their scores.

        Best first, ties by position.
        """


@runtime_checkable
class OwnItemsModel(Protocol):
    """A model that scores only the items of the history: no need to go through the whole catalogue."""

    def score_own(self, history: Histories) -> tuple[Ints, Floats]:
        """The items of one history with a score above 0, by position, and that score, as in `score`."""


class Learner(Protocol):
    """A frozen dataclass of hyper-parameters."""

    def fit(self, data: Interactions, rng: Generator) -> Model:
        """Learns from everything in `data`; as of `data.histories.now`.  Raises NotEnoughData without any event."""


@runtime_checkable
class ResumableLearner(Learner, Protocol):
    """A learner whose fit takes long, and goes on where it was stopped."""

    def fit_with_checkpoints(self, data: Interactions, rng: Generator, folder: Path | None) -> Model:
        """As `fit`; the state stands in a file of that folder until the fit is done."""

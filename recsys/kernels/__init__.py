"""Compiled kernels: steps of an answer in C, where this installation could compile them; else None.

Each caller has the same step in NumPy beside it, which gives the same items: see `docs/decisions`.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from recsys.arrays import AnyArray, Bools, Doubles, Floats, Ints, Kinds

VERSION = 3  # of the arguments of all kernels together, as in `module.c`
Argument = AnyArray | float | None
Matches = tuple[Ints, Floats]  # positions, best first, and their scores


class Kernels(Protocol):
    """The functions of the compiled module, which checks its arguments: the headers beside it say what each takes."""

    def item_weights(self, *arguments: Argument) -> Matches:
        """`Histories.item_weights`."""

    def merged(self, *columns: AnyArray) -> tuple[Ints, Doubles, Floats, Kinds]:
        """The columns of `Histories.with_events`."""

    def buy_again(self, *arguments: Argument) -> tuple[Matches, Ints, Ints]:
        """`BuyAgainModel.best_own`."""

    def als_vector(self, *arguments: Argument) -> Floats:
        """`AlsModel.fold`, from items and weights."""

    def voters(self, *arguments: Argument) -> Matches:
        """`UserNeighboursModel.fold`, from items and weights."""

    def best_of_rows(self, *arguments: Argument) -> Matches:
        """The k best of a mask above 0 by the sum of weighted rows of a table, each at most once."""

    def best_of_votes(self, *arguments: Argument) -> Matches:
        """The same by the votes of the heaviest items of a history, for a `VotingModel`."""

    def search(self, *arguments: Argument) -> Matches:
        """`ExactIndex.search_rows`."""

    def blended(self, parts: Sequence[tuple[Ints, Floats, float]], k: int, /) -> Matches:
        """Lists with their weights, blended."""

    def nearest_liked(self, items: Sequence[int], *arguments: Argument) -> list[int | None]:
        """The liked item that is nearest to each item."""

    def cleared(self, mask: Bools, items: Ints, /) -> Bools:
        """The flags of those items before; now they are false."""

    def interpolated(self, scores: Floats, curve_scores: Doubles, curve: Doubles, /) -> Doubles:
        """`np.interp`, whose checks take longer than the curve."""


def _load() -> Kernels | None:
    try:
        module = import_module("recsys.kernels._compiled")
    except ImportError:  # installed without a compiler
        return None
    # Compiled in a checkout that has other arguments by now: `pip install --editable .` compiles again.
    return cast(Kernels, module) if getattr(module, "VERSION", 0) == VERSION else None


compiled = _load()

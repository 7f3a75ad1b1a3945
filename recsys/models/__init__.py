"""Recommendation models: one algorithm per file, a learner and the model it fits.

Shared by all: base, candidates, event_weights, hyperparameters, neighbour_table, serialization, als_solver, ridge.
registry: the table of algorithms; search_space: the values that a hyperparameter search tries.
matrix: the learners on a SciPy matrix; `from recsys.models import ALS` gives one, and so does every learner's name.
"""

from typing import Any

_ACRONYMS = {"ALS": "Als", "EASE": "Ease"}


def __getattr__(name: str) -> Any:
    """A learner for a matrix by its name, such as `ItemNeighbours`; it is loaded when it is first used."""
    if name[:1].isupper():
        from functools import partial

        from recsys.models.matrix import matrix_learner
        from recsys.models.registry import LEARNERS

        names = {learner.__name__: key for key, learner in LEARNERS.items()}
        if _ACRONYMS.get(name, name) in names:
            return partial(matrix_learner, names[_ACRONYMS.get(name, name)])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

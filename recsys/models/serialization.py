"""Serialization of models: the state as named arrays and back; and the check that there are events."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.arrays import AnyArray
from recsys.data.dataset.interactions import Interactions
from recsys.errors import NotEnoughData

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def state(model: "DataclassInstance") -> dict[str, AnyArray]:
    """Every field of a frozen dataclass by name; numbers as 0-d arrays."""
    return {field.name: np.asarray(getattr(model, field.name)) for field in fields(model)}


def restored(arrays: Mapping[str, AnyArray]) -> dict[str, Any]:
    """The fields from the arrays of `state`: 0-d arrays become numbers again, all others stay arrays."""
    return {name: array.item() if array.ndim == 0 else array for name, array in arrays.items()}


def require_events(data: Interactions) -> None:
    """Raises NotEnoughData without any event; when only one kind of event is missing, scores are 0."""
    if not len(data.histories.item) or not data.n_items:
        raise NotEnoughData("there are no events to learn from; import some, then train again")

"""Serialization of models: their fields as named arrays and back; and the check that there are events."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self, cast

import numpy as np

from recsys.arrays import AnyArray
from recsys.data.dataset.interactions import Interactions
from recsys.errors import NotEnoughData


class StoredFields:
    """Base of frozen dataclasses that are stored field by field: arrays by name, numbers as 0-d arrays.

    NESTED: fields that are stored as several arrays, each with the prefix of their names and its class.
    A field without a stored array gets its default: the release was made before the field existed.
    """

    __slots__ = ()
    NESTED: ClassVar[Mapping[str, tuple[str, type[Any]]]] = {}

    def arrays(self) -> Mapping[str, AnyArray]:
        """The whole state."""
        arrays: dict[str, AnyArray] = {}
        for field in fields(cast(Any, self)):
            value = getattr(self, field.name)
            if field.name in self.NESTED:
                arrays |= {f"{self.NESTED[field.name][0]}{key}": array for key, array in value.arrays().items()}
            else:
                arrays[field.name] = np.asarray(value)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        """The inverse of `arrays`; arrays may be read-only and mapped from a file."""
        own, values = dict(arrays), dict[str, Any]()
        names = {field.name for field in fields(cast(Any, cls))}
        for name, (prefix, kind) in cls.NESTED.items():
            below = [key for key in own if key.startswith(prefix) and key not in names]
            values[name] = kind.from_arrays({key.removeprefix(prefix): own.pop(key) for key in below})
        values |= {name: array.item() if array.ndim == 0 else array for name, array in own.items()}
        return cls(**values)


def require_events(data: Interactions) -> None:
    """Raises NotEnoughData without any event; when only one kind of event is missing, scores are 0."""
    if not len(data.histories.item) or not data.n_items:
        raise NotEnoughData("there are no events to learn from; import some, then train again")

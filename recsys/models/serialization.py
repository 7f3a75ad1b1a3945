"""Serialization of models: their fields as named arrays and back, with what each array must be."""

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields, replace
from typing import Annotated, Any, ClassVar, Self, cast, get_args, get_origin

import numpy as np

from recsys.arrays import AnyArray
from recsys.bundle.array_spec import ArraySpec, below
from recsys.data.dataset.interactions import Interactions
from recsys.errors import NotEnoughData

StoredCount = Annotated[int, ArraySpec(low=1)]
StoredDays = Annotated[float, ArraySpec(low=1e-9, inf=True)]  # a half-life; infinite where nothing is forgotten
StoredAmount = Annotated[float, ArraySpec(low=0)]
StoredSaturation = Annotated[float, ArraySpec(low=0, inf=True)]  # infinite where every repeat counts
StoredShare = Annotated[float, ArraySpec(low=0, high=1 + 1e-9)]


class StoredFields:
    """Base of frozen dataclasses that are stored field by field: arrays by name, numbers as 0-d arrays.

    A field that is an array is `Annotated` with its ArraySpec, whose type is that of the field.
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
    def specs(cls, names: Collection[str] = ()) -> dict[str, ArraySpec]:
        """What each array must be.  names: those of the group, for classes that store one array for each of a name."""
        specs: dict[str, ArraySpec] = {}
        for field in fields(cast(Any, cls)):
            if field.name in cls.NESTED:
                prefix, kind = cls.NESTED[field.name]
                specs |= below(prefix, kind.specs())
            else:
                specs[field.name] = _spec_of(field)
        return specs

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


def _spec_of(field: Field[Any]) -> ArraySpec:
    """The specification in the annotation of a field; that of a number where there is none."""
    kind: Any = field.type
    notes: tuple[Any, ...] = getattr(kind, "__metadata__", ())
    spec = next((note for note in notes if isinstance(note, ArraySpec)), ArraySpec())
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    scalars = {float: "number", int: "count"}
    dtype = scalars[kind] if kind in scalars else np.dtype(get_args(get_args(kind)[1])[0]).name
    has_default = field.default is not MISSING or field.default_factory is not MISSING
    return replace(spec, dtype=dtype, is_optional=has_default)


def require_events(data: Interactions) -> None:
    """Raises NotEnoughData without any event; when only one kind of event is missing, scores are 0."""
    if not len(data.histories.item) or not data.n_items:
        raise NotEnoughData("there are no events to learn from; import some, then train again")

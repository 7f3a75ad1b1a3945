"""Hyperparameter types: allowed values, validated when a learner is made from settings."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, TypeVar, cast

from pydantic import Field, TypeAdapter, ValidationError

from recsys.config import spelling_hint
from recsys.errors import BadSettings

HalfLifeDays = Annotated[float, Field(gt=0, description="days; inf never forgets")]
PositiveAmount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
AboveZero = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]  # share of what a fit leaves out
DecayFactor = Annotated[float, Field(gt=0, le=1)]  # weight of a step relative to the next one
Count = Annotated[int, Field(ge=1)]
VectorSize = Annotated[int, Field(ge=1, le=8_192)]  # of vectors: more would need too much memory and improve nothing

T = TypeVar("T")


def with_settings(kind: type[T], name: str, params: Mapping[str, Any]) -> T:
    """A learner of that kind with those hyper-parameters, the others at their defaults.

    Raises BadSettings, which names the model, the value and the nearest right word.
    """
    known = [field.name for field in fields(cast(Any, kind))]
    for key in params:
        if key not in known:
            raise BadSettings(f"model {name}: {key} is no parameter; {spelling_hint(key, known)}")
    try:
        return TypeAdapter(kind).validate_python(dict(params))
    except ValidationError as error:
        first, *others = error.errors()
        key = str(first["loc"][0])  # the rest of `loc` says which type of a union was tried
        why = [first["msg"], *(other["msg"] for other in others if other["loc"][0] == key)]
        raise BadSettings(f"model {name}: {key} = {first['input']!r}: {' or '.join(dict.fromkeys(why))}") from None

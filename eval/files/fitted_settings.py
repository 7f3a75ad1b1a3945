"""Settings of a fitted model: the values that the model really has, where `auto` left them to the data."""

from dataclasses import fields
from typing import Any

from recsys.models.base import Model, VectorModel


def fitted_settings(model: Model) -> dict[str, Any]:
    """Every number and text that the model keeps, by name, and `factors` for a vector model; no arrays.

    Settings that only shaped the arrays while learning are not kept by the model, so they are missing here.
    """
    kept = {field.name: getattr(model, field.name) for field in fields(model)}  # type: ignore[arg-type]
    settings = {name: value for name, value in kept.items() if isinstance(value, bool | int | float | str)}
    return settings | ({"factors": model.item_vectors.shape[1]} if isinstance(model, VectorModel) else {})

"""The settings that a model really has once it is fitted, where `auto` left them to the data."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from recsys.models.base import Model, VectorModel


def resolved_of(model: Model) -> dict[str, Any]:
    """Every number and text that the model keeps, by name, and `factors` for one of vectors; no arrays.

    What only shaped the arrays while learning is not known to the model, and not there.
    """
    kept = {field.name: getattr(model, field.name) for field in fields(model)}  # type: ignore[arg-type]
    found = {name: value for name, value in kept.items() if isinstance(value, bool | int | float | str)}
    return found | ({"factors": model.item_vectors.shape[1]} if isinstance(model, VectorModel) else {})


def all_resolved(models: Mapping[str, Model]) -> dict[str, dict[str, Any]]:
    """The same of several, by name."""
    return {name: resolved_of(model) for name, model in models.items()}

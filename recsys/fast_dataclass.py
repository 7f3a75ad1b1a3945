"""Records made with every answer: immutable to whoever reads the code, and made at the price of mutable ones."""

from dataclasses import field, fields, make_dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def fast_frozen(record: type[T]) -> type[T]:
    """The same frozen dataclass, five times as fast to make; that nobody writes to it, the type checker holds.

    A frozen one sets every field through `object.__setattr__`: a tenth of an answer went into that.
    """
    columns = [
        (one.name, one.type, field(default=one.default, default_factory=one.default_factory, init=one.init))
        for one in fields(record)
    ]
    record.__init__ = make_dataclass(record.__name__, columns).__init__  # type: ignore[method-assign, misc]
    del record.__setattr__, record.__delattr__
    return record

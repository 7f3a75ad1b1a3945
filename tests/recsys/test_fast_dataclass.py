"""A fast frozen dataclass has the constructor of a frozen dataclass, and a fast tuple is the named tuple."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import pytest

from recsys.fast_dataclass import fast_frozen, fast_tuple


@fast_frozen
@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list)


def test_it_has_the_fields_defaults_and_equality_of_a_dataclass() -> None:
    assert Point(1) == Point(x=1, y=2, tags=[])
    assert Point(1) != Point(1, 3)
    assert Point(1).tags is not Point(1).tags
    assert replace(Point(1), y=5) == Point(1, 5)
    assert repr(Point(1)) == "Point(x=1, y=2, tags=[])"


def test_it_takes_no_other_fields() -> None:
    with pytest.raises(TypeError):
        Point(1, z=2)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Point(1).z = 3  # type: ignore[attr-defined]


class Place(NamedTuple):
    item: int
    rank: int = 1


def test_a_fast_tuple_is_that_named_tuple() -> None:
    place = fast_tuple(Place)((7, 3))
    assert place == Place(7, 3)
    assert place.rank == 3
    assert type(place) is Place

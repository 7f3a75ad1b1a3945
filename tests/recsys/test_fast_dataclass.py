"""A fast frozen dataclass has the constructor of a frozen dataclass."""

from dataclasses import dataclass, field, replace

import pytest

from recsys.fast_dataclass import fast_frozen


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

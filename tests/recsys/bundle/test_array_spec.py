"""Each promise of a specification is checked, and the message names the array and what is wrong."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import AnyArray
from recsys.bundle.array_spec import ArraySpec, below, check_arrays, offsets, positions, texts
from recsys.errors import BadBundle

SIZES = {"I": 3, "U": 2}
RAGGED = {
    "starts": offsets("U", "P"),
    "item": positions("P", "I", rows="starts", order="each once"),
    "score": ArraySpec("P", "float32", rows="starts", order="falling"),
}


def ragged() -> dict[str, AnyArray]:
    return {
        "starts": np.array([0, 2, 4]),
        "item": np.array([2, 0, 0, 1], np.int32),
        "score": np.array([2, 1, 3, 3], np.float32),
    }


def texts_of(*words: str) -> dict[str, AnyArray]:
    parts = [word.encode("utf-8", "surrogateescape") for word in words]
    starts = np.cumsum([0, *map(len, parts)])
    return {"offsets": starts, "blob": np.frombuffer(b"".join(parts), np.uint8)}


def test_arrays_as_they_are_declared_pass() -> None:
    check_arrays(ragged(), RAGGED, SIZES)
    check_arrays({"a/" + name: array for name, array in ragged().items()}, below("a/", RAGGED), SIZES)


@pytest.mark.parametrize(
    ("name", "changed", "fault"),
    [
        ("starts", np.array([0, 2, 4], np.int32), "int32, not int64"),
        ("starts", np.array([0, 4]), "2 long, not 3"),
        ("starts", np.array([1, 2, 4]), "offsets from 1 to 4, not from 0 to 4"),
        ("starts", np.array([0, 5, 4]), "offsets fall"),
        ("item", np.array([2, 0, 0], np.int32), "3 long, not 4|4 long, not 3"),
        ("item", np.array([[2, 0, 0, 1]], np.int32), "2 axes, not 1"),
        ("item", np.array([3, 0, 0, 1], np.int32), r"values from 0 to 3, not in \[0, 3\)"),
        ("item", np.array([-1, 0, 0, 1], np.int32), "values from -1"),
        ("item", np.array([1, 1, 0, 1], np.int32), "a value occurs twice"),
        ("score", np.array([1, 2, 3, 3], np.float32), "not falling"),
        ("score", np.array([np.nan, 1, 3, 3], np.float32), "not finite"),
        ("score", np.array([np.inf, 1, 3, 3], np.float32), "not finite"),
        ("score", np.array([1e30, 1, 3, 3], np.float32), "not in"),
        ("score", np.array([2, 1, 3, 3], ">f4"), ">f4, not float32|float32, not float32"),
    ],
)
def test_another_array_is_refused(name: str, changed: AnyArray, fault: str) -> None:
    with pytest.raises(BadBundle, match=fault):
        check_arrays({**ragged(), name: changed}, RAGGED, SIZES)


@pytest.mark.parametrize("name", RAGGED)
def test_a_missing_array_is_named(name: str) -> None:
    arrays = ragged()
    del arrays[name]
    with pytest.raises(BadBundle, match=f"here/{name}: missing"):
        check_arrays(arrays, RAGGED, SIZES, where="here")


def test_flags_are_true_or_false() -> None:
    check_arrays({"a": np.array([True, False, True])}, {"a": ArraySpec("I", "bool")}, SIZES)
    with pytest.raises(BadBundle, match="neither true nor false"):
        check_arrays({"a": np.array([1, 0, 2], np.uint8).view(bool)}, {"a": ArraySpec("I", "bool")}, SIZES)


def test_a_triangle_has_as_many_numbers_as_half_a_square() -> None:
    specs = {"a": ArraySpec("I F", "float32"), "b": ArraySpec("I tri(F)", "float32")}
    check_arrays({"a": np.ones((3, 4), np.float32), "b": np.ones((3, 10), np.float32)}, specs, SIZES)
    with pytest.raises(BadBundle, match="9 long, not 10"):
        check_arrays({"a": np.ones((3, 4), np.float32), "b": np.ones((3, 9), np.float32)}, specs, SIZES)


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        (texts_of("a", "\udcff", "b"), "no UTF-8"),
        ({**texts_of("a", "ä", "b"), "offsets": np.array([0, 2, 3, 4])}, "inside a character"),
        (texts_of("a", "c", "b"), "b'c' is before b'b'"),
        (texts_of("a", "b", "b"), "b'b' is before b'b'"),
        (texts_of("12345678b", "12345678a", "2"), "b'12345678b' is before"),
    ],
)
def test_ids_are_sorted_texts(arrays: dict[str, AnyArray], fault: str) -> None:
    with pytest.raises(BadBundle, match=fault):
        check_arrays(arrays, texts("", "I", order="rising strictly"), SIZES)


@given(st.lists(st.text(st.sampled_from("ab\0ä"), max_size=20), min_size=1, max_size=6))
def test_texts_pass_as_sorted_where_each_is_below_the_next(words: list[str]) -> None:
    is_sorted = all(before.encode() < after.encode() for before, after in pairwise(words))
    specs, sizes = texts("", "n", order="rising strictly"), {"n": len(words)}
    if is_sorted:
        check_arrays(texts_of(*words), specs, sizes)
    else:
        with pytest.raises(BadBundle, match="is before"):
            check_arrays(texts_of(*words), specs, sizes)

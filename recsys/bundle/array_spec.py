"""Array specification: type, shape, bounds and order of every array of a bundle, declared beside what reads it.

A shape is letters: I items, U users, N events, everywhere; another letter is a size of its group, which the first array
that has it sets.  "U+1" is one more, "tri(F)" the upper triangle of F x F, a number stands for itself, "" is a scalar.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import AnyArray, Bools
from recsys.errors import BadBundle

GLOBAL = frozenset("IUN")
NO_LIMIT = np.inf
LARGEST = 1e12  # of a number without another limit: sums of squares of such numbers stay finite in float32

Arrays = Mapping[str, AnyArray]
Rule = Callable[[Arrays], str | None]  # the arrays of the group -> what is wrong

_SIZE = re.compile(r"(tri\()?([^+()]+)\)?(\+\d+)?")


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """What an array must be.  dtype: its type; "number" and "count" are scalars of any float or integer type.

    low, high: values lie in [low, high); high may be a size.  nan, inf: whether these may occur.
    end: the array holds offsets, from 0, never falling, to the size of that letter.
    order: "rising", "rising strictly", "falling", or "each once"; rows: the offsets of the rows in which it holds.
    text: the array is UTF-8 cut by the offsets `rows`; its texts follow `order`, if any.
    is_optional: older releases lack it.  may_be_empty: or it has no values at all.
    rule: a further check of the whole group.
    """

    shape: str = ""
    dtype: str = "number"
    low: float = -LARGEST
    high: float | str = LARGEST
    nan: bool = False
    inf: bool = False
    end: str = ""
    order: str = ""
    rows: str = ""
    text: bool = False
    is_optional: bool = False
    may_be_empty: bool = False
    rule: Rule | None = None

    def below(self, prefix: str, letters: Mapping[str, str]) -> "ArraySpec":
        """The same in a larger group: its letters are others, those of `letters` by name."""

        def renamed(letter: str) -> str:
            return letter if letter in GLOBAL or letter.isdigit() else letters.get(letter, prefix + letter)

        def resized(part: str) -> str:
            is_triangle, letter, more = _parsed(part)
            return f"tri({renamed(letter)})" if is_triangle else renamed(letter) + f"+{more}" * bool(more)

        rule = self.rule
        return replace(
            self,
            shape=" ".join(map(resized, self.shape.split())),
            end=renamed(self.end) if self.end else "",
            high=resized(self.high) if isinstance(self.high, str) else self.high,
            rows=prefix + self.rows if self.rows else "",
            rule=None if rule is None else lambda arrays: rule(without_prefix(arrays, prefix)),
        )


Specs = Mapping[str, ArraySpec]


def offsets(rows: str, end: str, **more: Any) -> ArraySpec:
    """Where each of the rows begins among `end` values, and where the last one ends."""
    return ArraySpec(f"{rows}+1", "int64", end=end, **more)


def positions(shape: str, high: str, **more: Any) -> ArraySpec:
    """Positions below the size of that letter."""
    return ArraySpec(shape, "int32", low=0, high=high, **more)


def texts(prefix: str, n: str, *, order: str = "", **more: Any) -> dict[str, ArraySpec]:
    """n texts as a blob and its offsets; ids are in strictly rising order."""
    return {
        f"{prefix}offsets": offsets(n, f"{prefix}bytes", **more),
        f"{prefix}blob": ArraySpec(f"{prefix}bytes", "uint8", rows=f"{prefix}offsets", text=True, order=order, **more),
    }


def below(prefix: str, specs: Specs, **letters: str) -> dict[str, ArraySpec]:
    """Those specifications in a larger group, where all names have that prefix."""
    return {f"{prefix}{name}": spec.below(prefix, letters) for name, spec in specs.items()}


def without_prefix(arrays: Arrays, prefix: str) -> dict[str, AnyArray]:
    """The arrays whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def check_arrays(arrays: Arrays, specs: Specs, sizes: Mapping[str, int], *, where: str = "array") -> None:
    """Checks a group of arrays; one without a specification is not looked at.  sizes: of the letters of all groups.

    Raises BadBundle with the name of the array below `where`, and what is wrong.
    """
    for name, fault in _faults(arrays, specs, dict(sizes)):
        if fault is not None:
            raise BadBundle(f"{where}/{name}: {fault}; `recsys rollback` to another version, or train again")


def _faults(arrays: Arrays, specs: Specs, sizes: dict[str, int]) -> Iterator[tuple[str, str | None]]:
    """The outcome of every check, in an order in which each may rely on those before it."""
    for name, spec in specs.items():
        if name in arrays:
            yield name, _form_fault(arrays[name], spec, sizes)
        elif not spec.is_optional:
            yield name, "missing"
    held = {name: spec for name, spec in specs.items() if name in arrays}
    for name, spec in sorted(held.items(), key=lambda row: not row[1].end):  # rows first, then what stands in them
        yield name, _content_fault(arrays, arrays[name], spec, sizes)
    for name, spec in held.items():
        if spec.rule is not None:
            yield name, spec.rule(arrays)


def _form_fault(array: AnyArray, spec: ArraySpec, sizes: dict[str, int]) -> str | None:
    """What is wrong with type or shape; sets the letters that have no size yet."""
    if not _is_type(array.dtype, spec.dtype):
        return f"{array.dtype}, not {spec.dtype}"
    if not array.flags.c_contiguous:
        return "not in C order"
    parts = spec.shape.split()
    if spec.may_be_empty and not array.size:
        return None
    if len(parts) != array.ndim:
        return f"{array.ndim} axes, not {len(parts)}"
    for part, n in zip(parts, array.shape, strict=True):
        is_triangle, letter, more = _parsed(part)
        if letter not in sizes and not letter.isdigit() and not is_triangle:
            sizes[letter] = n - more
        if letter in sizes or letter.isdigit():
            size = int(letter) if letter.isdigit() else sizes[letter]
            expected = size * (size + 1) // 2 if is_triangle else size + more
        if n != expected:
            return f"{n} long, not {expected}"
    return None


def _parsed(part: str) -> tuple[bool, str, int]:
    match = _SIZE.fullmatch(part)
    assert match is not None, part
    return match[1] is not None, match[2], int(match[3] or 0)


def _is_type(dtype: np.dtype[Any], name: str) -> bool:
    if name in ("number", "count"):
        return dtype.kind in ("iuf" if name == "number" else "iu") and dtype.isnative
    return dtype == np.dtype(name)


def _content_fault(arrays: Arrays, array: AnyArray, spec: ArraySpec, sizes: Mapping[str, int]) -> str | None:
    if not array.size and not spec.text:
        return None
    if spec.end:
        return _offsets_fault(array, sizes.get(spec.end, 0))
    if spec.rows and spec.rows not in arrays:
        return f"without {spec.rows}"
    if spec.text:
        return _text_fault(array, arrays[spec.rows], spec.order)
    high = spec.high
    if isinstance(high, str):
        _, letter, more = _parsed(high)
        high = sizes.get(letter, 0) + more
    fault = _range_fault(array, spec, high)
    if fault is None and spec.order:
        starts = arrays[spec.rows] if spec.rows else np.array([0, len(array)])
        fault = _order_fault(array, starts, spec.order)
    return fault


def _offsets_fault(array: AnyArray, end: int) -> str | None:
    if array[0] != 0 or array[-1] != end:
        return f"offsets from {array[0]} to {array[-1]}, not from 0 to {end}"
    return "offsets fall" if (array[1:] < array[:-1]).any() else None


def _range_fault(array: AnyArray, spec: ArraySpec, high: float) -> str | None:
    """What is wrong with the least or the largest value: two passes, and nothing of the size of the array is made."""
    if array.dtype == np.bool_:
        return "a value that is neither true nor false" if array.view(np.uint8).max() > 1 else None
    if spec.nan or spec.inf:
        return _loose_range_fault(array, spec, high)
    least, most = array.min(), array.max()
    if not (np.isfinite(least) and np.isfinite(most)):
        return "a value that is not finite"
    if least < spec.low or most >= high:
        return f"values from {least} to {most}, not in [{spec.low:g}, {high:g})"
    return None


def _loose_range_fault(array: AnyArray, spec: ArraySpec, high: float) -> str | None:
    if not spec.nan and np.isnan(array).any():
        return "a value is NaN"
    if not spec.inf and np.isinf(array).any():
        return "a value is infinite"
    finite = array[np.isfinite(array)]
    is_outside = finite.size and (finite.min() < spec.low or finite.max() >= high)
    return f"a value outside [{spec.low:g}, {high:g})" if is_outside else None


def _order_fault(array: AnyArray, starts: AnyArray, order: str) -> str | None:
    if order == "each once" and len(starts) == 2:
        return "a value occurs twice" if (np.bincount(array) > 1).any() else None
    if order == "each once":
        row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        key = np.sort(row * (int(array.max()) + 1) + array)
        return "a value occurs twice" if (key[1:] == key[:-1]).any() else None
    before, after = array[:-1], array[1:]
    compare: Mapping[str, Callable[[AnyArray, AnyArray], Bools]] = {
        "rising": np.less_equal, "rising strictly": np.less, "falling": np.greater_equal
    }  # fmt: skip
    is_right = compare[order](before, after)
    inner = starts[1:-1]
    is_right[inner[(inner > 0) & (inner < len(array))] - 1] = True
    return None if is_right.all() else f"not {order}"


def _text_fault(blob: AnyArray, starts: AnyArray, order: str) -> str | None:
    whole = blob.tobytes()
    try:
        whole.decode()
    except UnicodeDecodeError as error:
        return f"no UTF-8 ({error.reason} at byte {error.start})"
    inner = starts[(starts > 0) & (starts < len(blob))]
    if ((blob[inner] & 0xC0) == 0x80).any():
        return "a text begins inside a character"
    if order and len(starts) > 2:
        at = _first_unsorted(blob, starts)
        if at is not None:
            return (
                f"{whole[starts[at] : starts[at + 1]][:40]!r} is before {whole[starts[at + 1] : starts[at + 2]][:40]!r}"
            )
    return None


def _first_unsorted(blob: AnyArray, starts: AnyArray) -> int | None:
    """The first text that is not below the next one in the order of their bytes; None if all rise strictly.

    Eight bytes of all texts are compared at once, the next eight only where these are equal.
    """
    begins, ends = starts[:-1], starts[1:]
    tied = np.arange(len(begins) - 1)
    wrong = []
    for skip in range(0, int((ends - begins).max()) + 1, 8):
        before, after = (_eight_bytes(blob, begins[tied + side] + skip, ends[tied + side]) for side in (0, 1))
        wrong += tied[before > after][:1].tolist()
        tied = tied[before == after]
    lengths = ends - begins
    wrong += tied[lengths[tied] >= lengths[tied + 1]][:1].tolist()
    return min(wrong, default=None)


def _eight_bytes(blob: AnyArray, at: AnyArray, ends: AnyArray) -> NDArray[np.uint64]:
    """The bytes from each place on as one number, the first one highest, 0 behind the end of its text.  (n,)"""
    keys = np.zeros(len(at), np.uint64)
    for place in range(8):
        is_inside = at + place < ends
        keys <<= np.uint64(8)
        keys[is_inside] |= blob[at[is_inside] + place]
    return keys

"""Mutations of a bundle that are sealed with right digests, as a faulty or hostile trainer would leave them."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from recsys.arrays import AnyArray
from recsys.bundle import MANIFEST, MANIFEST_CHECKSUM

Change = Callable[[AnyArray, np.random.Generator], AnyArray]
DTYPES = ("float32", "float64", "int32", "int64", "int8", "uint8", "bool", ">f4", ">i4", "complex64", "U3")
EXTREMES = (np.nan, np.inf, -np.inf, -1, 0, 2**31 - 1, -(2**31), 2**62, 3.4e38, 1e300, 127)
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, -1e308, 2**53, "", "other", [], {}, [1], {"a": 1}),
    *("20990101T000000Z-beef", {"als": {}}, {"popularity": 1.0}, {"items": 1, "users": 1, "events": 1}),
)


def _flip_a_bit(array: AnyArray, rng: np.random.Generator) -> AnyArray:
    raw = bytearray(array.tobytes())
    at = int(rng.integers(8 * len(raw)))
    raw[at // 8] ^= 1 << at % 8
    return np.frombuffer(bytes(raw), array.dtype).reshape(array.shape)


def _set_an_extreme(array: AnyArray, rng: np.random.Generator) -> AnyArray:
    changed = array.copy()
    with np.errstate(invalid="ignore", over="ignore"):
        value = np.array(rng.choice(np.array(EXTREMES))).astype(array.dtype)
    some = rng.random(array.shape) < 0.5 if rng.random() < 0.3 else None
    if some is not None:
        changed[some] = value
    else:
        changed.reshape(-1)[int(rng.integers(array.size))] = value
    return changed


def _swap_two(array: AnyArray, rng: np.random.Generator) -> AnyArray:
    changed = array.reshape(-1).copy()
    here, there = rng.integers(array.size, size=2)
    changed[[here, there]] = changed[[there, here]]
    return changed.reshape(array.shape)


def _copy_one(array: AnyArray, rng: np.random.Generator) -> AnyArray:
    changed = array.reshape(-1).copy()
    here, there = rng.integers(array.size, size=2)
    changed[here] = changed[there]
    return changed.reshape(array.shape)


def _change_type(array: AnyArray, rng: np.random.Generator) -> AnyArray:
    with np.errstate(all="ignore"):
        return array.astype(rng.choice(DTYPES))


def _reshape(array: AnyArray, rng: np.random.Generator) -> AnyArray:
    return (array[None], array.reshape(-1), array[..., None], array.T.copy())[int(rng.integers(4))]


def _shift_by_one(array: AnyArray, rng: np.random.Generator) -> AnyArray:
    return (array - 1 if rng.random() < 0.5 else array + 1).astype(array.dtype)


CHANGES: tuple[Change, ...] = (
    _flip_a_bit,
    _flip_a_bit,
    _set_an_extreme,
    _set_an_extreme,
    _swap_two,
    _copy_one,
    _change_type,
    _reshape,
    _shift_by_one,
    lambda array, rng: array.reshape(-1)[:-1],
    lambda array, rng: array.reshape(-1)[: array.size // 2],
    lambda array, rng: np.concatenate((array.reshape(-1), array.reshape(-1)[-1:])),
    lambda array, rng: np.ascontiguousarray(array.reshape(-1)[::-1]).reshape(array.shape),
    lambda array, rng: rng.permutation(array.reshape(-1)).reshape(array.shape),
    lambda array, rng: np.zeros_like(array),
    lambda array, rng: array[:0] if array.ndim else array.reshape(1),
)


class Mutations:
    """Mutation n of a bundle, always the same: of one or two arrays, of the manifest, of a file, or a missing one.

    other: a bundle of another release, whose arrays are taken, too.
    """

    def __init__(self, original: Path, other: Path) -> None:
        self._original = original
        self._other = other
        self._names = sorted(file.relative_to(original).as_posix() for file in original.rglob("*") if file.is_file())
        self._arrays = [name for name in self._names if name.endswith(".npy")]

    @property
    def arrays(self) -> list[str]:
        """The names of the files that hold an array."""
        return self._arrays

    def without(self, name: str, directory: Path) -> None:
        """Writes the bundle without that file."""
        self._link(directory)
        (directory / name).unlink()
        _seal(directory, orjson.loads((directory / MANIFEST).read_bytes()))

    def _link(self, directory: Path) -> None:
        for name in self._names:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(self._original / name, directory / name)

    def make(self, n: int, directory: Path) -> str:
        """Writes it into a new directory; returns what was changed."""
        rng = np.random.default_rng(n)
        self._link(directory)
        fields = orjson.loads((directory / MANIFEST).read_bytes())
        kind = rng.random()
        if kind < 0.12:
            what = self._change_manifest(fields, rng)
        elif kind < 0.16:
            what = self._change_file(directory, rng)
        elif kind < 0.19:
            name = str(rng.choice(self._arrays))
            (directory / name).unlink()
            what = f"{name} is missing"
        else:
            what = " and ".join(self._change_array(directory, rng) for _ in range(1 + (rng.random() < 0.2)))
        _seal(directory, fields)
        return what

    def _change_array(self, directory: Path, rng: np.random.Generator) -> str:
        name = str(rng.choice(self._arrays))
        array = np.load(directory / name)
        kind = rng.random()
        if kind < 0.12:
            source = str(rng.choice(self._arrays))
            changed, how = np.load(self._original / source), f"is {source}"
        elif kind < 0.24 and (self._other / name).exists():
            changed, how = np.load(self._other / name), "is of another release"
        else:
            change = int(rng.integers(len(CHANGES)))
            changed, how = (CHANGES[change](array, rng) if array.size else np.zeros(3)), f"change {change}"
        _replace(directory / name, changed)
        return f"{name} {how}"

    def _change_file(self, directory: Path, rng: np.random.Generator) -> str:
        name = str(rng.choice([name for name in self._names if not name.startswith(MANIFEST)]))
        raw = bytearray((directory / name).read_bytes())
        if rng.random() < 0.3:
            raw = raw[: int(rng.integers(len(raw)))]
        else:
            raw[int(rng.integers(min(len(raw), 200)))] ^= 1 << int(rng.integers(8))
        (directory / name).unlink()
        (directory / name).write_bytes(raw)
        return f"bytes of {name}"

    def _change_manifest(self, fields: dict[str, Any], rng: np.random.Generator) -> str:
        holder, key = fields, str(rng.choice(sorted(fields.keys() - {"files"})))
        while isinstance(holder[key], dict) and holder[key] and rng.random() < 0.7:
            holder, key = holder[key], str(rng.choice(sorted(holder[key])))
        value = VALUES[int(rng.integers(len(VALUES)))]
        if rng.random() < 0.3:
            del holder[key]
            return f"manifest without {key}"
        holder[key] = value
        return f"manifest {key} = {value!r}"


def _replace(file: Path, array: AnyArray) -> None:
    file.unlink()
    np.save(file, array, allow_pickle=False)


def _seal(directory: Path, fields: dict[str, Any]) -> None:
    """Writes the manifest with the digests of the files as they are."""
    for name, checksum in list(fields["files"].items()):
        file = directory / name
        if not file.exists():
            del fields["files"][name]
        elif file.stat().st_nlink == 1:  # those that did not change are links
            checksum.update(sha256=hashlib.sha256(file.read_bytes()).hexdigest(), bytes=file.stat().st_size)
    text = orjson.dumps(fields)
    for name in (MANIFEST, MANIFEST_CHECKSUM):
        (directory / name).unlink()
    (directory / MANIFEST).write_bytes(text)
    (directory / MANIFEST_CHECKSUM).write_text(f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n")

"""Bundle: all files of a release in a directory that is written once and mapped by many processes."""

import hashlib
import re
import secrets
import shutil
import stat
import tokenize
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from io import BytesIO
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import orjson
from numpy.lib import format as npy
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from recsys.arrays import AnyArray, frozen
from recsys.atomic_file import make_private, sync
from recsys.bundle.array_spec import Specs, check_arrays
from recsys.bundle.signature import SIGNATURE, TrustedKeys
from recsys.errors import BadBundle

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_CHECKSUM = "manifest.json.sha256"  # in the format of sha256sum, so that an operator can check it
LIVE = "LIVE"
ELSEWHERE = ".elsewhere"  # folder beside the releases: manifests of those that only the shared registry holds
SIZES = {"U": "users", "I": "items", "N": "events"}  # the letters of specifications in the manifest
SUFFIX = ".npy"
MAX_DAYS = 2_900_000.0  # since 1970: the year 9909, the last that dates of Python can hold but for a margin
MAX_MS = 86_400_000 * 2_900_000
MAP_FROM_BYTES = 4096  # a process may hold a limited number of maps, so smaller files are read

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
_NAME = re.compile(rf"{_PART}(/{_PART})*")
_VERSION = re.compile(_PART)
_FORMAT_1 = npy.magic(1, 0)
# NumPy's errors for a damaged header, whose dictionary it parses as Python.
_READ_ERRORS = (
    *(ValueError, TypeError, OSError, EOFError, OverflowError, MemoryError),
    *(SyntaxError, RecursionError, tokenize.TokenError),
)


class FileChecksum(BaseModel):
    """Size and SHA-256 digest of a file."""

    model_config = ConfigDict(frozen=True)
    sha256: str
    bytes: int


class Manifest(BaseModel):
    """Metadata of the bundle, and the checksum of each of its files.

    Times are days since 1970, Unix milliseconds UTC where the name ends in `_ms`.
    sizes: users, items, events.  window: from, until of the events, in days.  models: hyper-parameters by name.
    steps: seconds and peak MiB by step.  settings: digest of the settings it was trained with.
    given: digest of the settings that a person gave, before a training chose; "" in older bundles.
    build: version of this program that learnt it; "" in older bundles.
    log_id, log_seq, item_revision: the log it was learnt from, and up to where; log_id is "" in older bundles.
    data_digest: of all that it was learnt from, with the settings; "" in older bundles.
    models_of: the release whose models a refresh took over, "" where they were learnt with everything else.
    engine: what fitted the models, `native` or `spark`.  fold_in: formula of a customer's vector, with its numbers, by
    model; empty in older bundles.
    """

    model_config = ConfigDict(frozen=True)
    format: int = FORMAT
    version: str
    made_at_ms: int = Field(ge=0, le=MAX_MS)
    now: float = Field(ge=-MAX_DAYS, le=MAX_DAYS, allow_inf_nan=False)
    log_id: str = ""
    log_seq: int = 0
    item_revision: int = 0
    data_digest: str = ""
    models_of: str = ""
    engine: str = "native"
    fold_in: dict[str, dict[str, str | float]] = {}
    sizes: dict[str, NonNegativeInt] = {}
    window: dict[str, Any] = {}
    models: dict[str, Any] = {}
    blend: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    index: dict[str, Any] = {}
    steps: dict[str, Any] = {}
    settings: str = ""
    given: str = ""
    build: str = ""
    files: dict[str, FileChecksum] = {}


@dataclass(frozen=True)
class Bundle:
    """An open bundle.  Arrays are read-only and mapped at their first use.

    An array in use stays valid even after the directory is deleted.
    """

    path: Path
    manifest: Manifest
    _opened: dict[str, AnyArray] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all arrays, sorted."""
        return tuple(sorted(name.removesuffix(SUFFIX) for name in self.manifest.files if name.endswith(SUFFIX)))

    def names_below(self, prefix: str) -> list[str]:
        """Names of all arrays with that prefix, by the rest of their names, sorted."""
        start = prefix.rstrip("/") + "/"
        names = islice(self.names, bisect_left(self.names, start), None)
        return [name.removeprefix(start) for name in takewhile(lambda name: name.startswith(start), names)]

    def array(self, name: str) -> AnyArray:
        """The array of that name.  Raises BadBundle when it is missing or its header is damaged."""
        array = self._opened.get(name)
        if array is None:
            array = self._opened[name] = _load(self.file(name + SUFFIX))
        return array

    def group(self, prefix: str) -> dict[str, AnyArray]:
        """All arrays with that prefix, by the rest of their names.  Raises BadBundle when there is none."""
        arrays = {name: self.array(f"{prefix.rstrip('/')}/{name}") for name in self.names_below(prefix)}
        if not arrays:
            raise BadBundle(f"{self.path}: it has no arrays below {prefix!r}; train again")
        return arrays

    def checked(self, prefix: str, specs: Specs) -> dict[str, AnyArray]:
        """The same, each as its specification says.  Raises BadBundle with the array and what is wrong with it."""
        try:
            sizes = {letter: self.manifest.sizes[name] for letter, name in SIZES.items()}
        except KeyError as error:
            _refuse(self.path / MANIFEST, f"sizes lacks {error}")
        arrays = self.group(prefix)
        check_arrays(arrays, specs, sizes, where=f"{self.path}/{prefix}")
        return arrays

    def file(self, name: str) -> Path:
        """Path of a file, such as an index.  Raises BadBundle when there is none of that name."""
        if name not in self.manifest.files:
            raise BadBundle(f"{self.path}: it has no file {name!r}; train again")
        return self.path / name


def write_bundle(
    directory: Path,
    arrays: Mapping[str, AnyArray],
    manifest: Manifest,
    extra: Callable[[Path], None] | None = None,
    *,
    durable: bool = True,
) -> Bundle:
    """Writes the bundle into `directory`, which must be empty or absent; `extra` may add files.

    durable: it is on disk when this returns; not needed for one that is read and deleted.

    The array "models/als/item_vectors" becomes models/als/item_vectors.npy; `manifest.files` is filled in here.
    Raises BadBundle for a name that is no plain relative path, for arrays of objects, and for a directory in use.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise BadBundle(f"{directory}: not empty; a bundle is written once, into a directory of its own")
    for name, array in arrays.items():
        _save(directory, name, array)
    if extra is not None:
        extra(directory)  # nosec B610 # a writer of files, no query of Django
    files = {file.relative_to(directory).as_posix(): file for file in directory.rglob("*") if not file.is_dir()}
    checksums = {
        _plain_name(name): FileChecksum(sha256=_digest(file), bytes=file.stat().st_size)
        for name, file in sorted(files.items())
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    text = orjson.dumps(manifest.model_copy(update={"files": checksums}).model_dump(), option=options)
    (directory / MANIFEST).write_bytes(text)
    (directory / MANIFEST_CHECKSUM).write_text(f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n")
    if durable:
        _make_durable(directory)
        sync(directory.parent)
    return Bundle(directory, Manifest.model_validate_json(text))


def link_files(source: Bundle, directory: Path, names: Iterable[str]) -> None:
    """Puts these files of a bundle into another one that is being made: as hard links, or copied where links cannot be.

    Neither bundle is ever written again, so they may share their files.
    """
    for name in names:
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(source.file(name))
        except OSError:  # another file system, or one without links
            shutil.copyfile(source.file(name), target)


def open_bundle(path: Path, *, verify: bool = True, trusted: TrustedKeys | None = None) -> Bundle:
    """The bundle in that directory.  Checks the size of every file, and with `verify` also its digest.

    trusted: the keys of which one must have signed the manifest; None where signatures are not asked for.
    Raises BadBundle with the wrong file and what to do; UntrustedBundle for a signature.
    """
    manifest = read_manifest(path, trusted)
    for name, checksum in manifest.files.items():
        _check(path, name, checksum, verify)
    return Bundle(path, manifest)


def open_release(bundles: Path, version: str, *, verify: bool = True, trusted: TrustedKeys | None = None) -> Bundle:
    """The published release of that version, see `open_bundle`.  Raises BadBundle also for another one in its place."""
    bundle = open_bundle(bundle_path(bundles, version), verify=verify, trusted=trusted)
    if bundle.manifest.version != version:
        _refuse(bundle.path, f"it holds the release {bundle.manifest.version[:80]!r}")
    return bundle


def release_folders(bundles: Path) -> list[Path]:
    """The directory of every published release, oldest first; below `ELSEWHERE` those that only others hold."""
    places = (place for place in (bundles, bundles / ELSEWHERE) if place.is_dir())
    folders = (path for place in places for path in place.iterdir() if path.is_dir() and is_version(path.name))
    return list({path.name: path for path in sorted(folders, key=lambda path: (path.name, -len(path.parts)))}.values())


def published_manifest(folder: Path) -> Manifest:
    """The manifest in a directory of `release_folders`.  Raises BadBundle where a file of this host is missing."""
    is_elsewhere = folder.parent.name == ELSEWHERE
    return read_manifest(folder) if is_elsewhere else open_bundle(folder, verify=False).manifest


def live_version(bundles: Path) -> str | None:
    """The version in the file LIVE, None before the first promotion.  Raises BadBundle when LIVE is damaged."""
    file = bundles / LIVE
    try:
        version = file.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BadBundle(f"{file}: cannot be read ({error}); write it anew with `recsys rollback VERSION`") from None
    if not is_version(version):
        raise BadBundle(f"{file}: {version[:40]!r} is no version; write it anew with `recsys rollback VERSION`")
    return version


def bundle_path(bundles: Path, version: str) -> Path:
    """The directory of that version, also before it exists.  Raises BadBundle for a text that is no version."""
    if not is_version(version):
        raise BadBundle(f"{version[:40]!r} is no version; `recsys releases` lists them")
    return bundles / version


def version_name(made_at_ms: int, tail: str | None = None) -> str:
    """A name that sorts by time, such as 20171231T235959Z-3f9a; the tail is drawn at random unless given."""
    made_at = datetime.fromtimestamp(made_at_ms // 1000, UTC)
    return f"{made_at:%Y%m%dT%H%M%SZ}-{tail or secrets.token_hex(2)}"


def is_version(text: str) -> bool:
    """Whether the text is a plain file name without a leading dot, and not LIVE."""
    return _VERSION.fullmatch(text) is not None and text != LIVE


def _plain_name(name: str) -> str:
    if _NAME.fullmatch(name) is None or name in (MANIFEST, MANIFEST_CHECKSUM, SIGNATURE):
        raise BadBundle(f"{name[:80]!r} is no name for a file of a bundle; use letters, digits, '_', '-', '.' and '/'")
    return name


def _save(directory: Path, name: str, array: AnyArray) -> None:
    file = directory / (_plain_name(name) + SUFFIX)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        # np.ascontiguousarray would turn a scalar into a list of one.
        np.save(file, np.asarray(array, order="C"), allow_pickle=False)
    except ValueError as error:
        raise BadBundle(f"array {name!r} of {array.dtype} cannot be stored: {error}") from None


def _digest(file: Path) -> str:
    if file.stat().st_size < MAP_FROM_BYTES:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _make_durable(directory: Path) -> None:
    """Makes every file and folder private, and writes it to disk, children before their parents."""
    paths = sorted((directory, *directory.rglob("*")))
    for path in paths:
        make_private(path)
    for path in reversed(paths):
        sync(path)


def read_manifest(path: Path, trusted: TrustedKeys | None = None) -> Manifest:
    """The manifest of the bundle in that directory, whose other files need not be there.  Raises as `open_bundle`."""
    try:
        text, checksum = (path / MANIFEST).read_bytes(), (path / MANIFEST_CHECKSUM).read_bytes()
    except OSError as error:
        _refuse(path / MANIFEST, f"cannot be read ({error.strerror})")
    if checksum.split(b" ")[0] != hashlib.sha256(text).hexdigest().encode():
        _refuse(path / MANIFEST, f"does not match {MANIFEST_CHECKSUM}")
    if trusted is not None:
        trusted.check(path, text)
    manifest = _parse_manifest(path, text)
    for name in manifest.files:
        _plain_name(name)
    return manifest


def _parse_manifest(path: Path, text: bytes) -> Manifest:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        _refuse(path / MANIFEST, f"no JSON ({error})")
    version = fields.get("format") if isinstance(fields, dict) else None
    if version != FORMAT:
        raise BadBundle(f"{path / MANIFEST}: format {version!r}, this build reads {FORMAT}; train again or upgrade")
    try:
        return Manifest.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        _refuse(path / MANIFEST, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _check(path: Path, name: str, checksum: FileChecksum, verify: bool) -> None:
    file = path / name
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode):
            _refuse(file, "no regular file")
        if status.st_size != checksum.bytes:
            _refuse(file, f"{status.st_size} bytes, the manifest says {checksum.bytes}")
        if verify and _digest(file) != checksum.sha256:
            _refuse(file, "its content is not what was published (sha256 differs)")
    except OSError as error:
        _refuse(file, f"cannot be read ({error.strerror})")


def _load(file: Path) -> AnyArray:
    try:
        if file.stat().st_size >= MAP_FROM_BYTES:
            # A plain array: slices of the memmap class are slower.
            return np.asarray(npy.open_memmap(file, mode="r"))
        return _small_array(file.read_bytes())
    except _READ_ERRORS as error:
        _refuse(file, f"no array ({error})")


def _small_array(content: bytes) -> AnyArray:
    """The array in the content of a file.  A release has hundreds of such files, most with headers like another's."""
    if content[: len(_FORMAT_1)] != _FORMAT_1:
        return frozen(npy.read_array(BytesIO(content), allow_pickle=False))
    start = 10 + int.from_bytes(content[8:10], "little")
    shape, is_fortran, dtype = _small_header(content[8:start])
    return np.frombuffer(content, dtype, offset=start).reshape(shape, order="F" if is_fortran else "C")


@lru_cache(maxsize=2_000)
def _small_header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    return npy.read_array_header_1_0(BytesIO(content))


def _refuse(file: Path, what: str) -> NoReturn:
    raise BadBundle(f"{file}: {what}; restore it from a copy, `recsys rollback` to another version, or train again")

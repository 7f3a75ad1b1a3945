"""API keys: created, listed and revoked in one file that holds only their digests."""

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.settings import ServerConfig
from recsys.atomic_file import file_lock, replace_file
from recsys.errors import BadFile, BadInput, BadSettings

ScopeName = Literal["read", "events", "catalogue", "users", "viewer", "marketing", "admin"]
SCOPES: tuple[ScopeName, ...] = ("read", "events", "catalogue", "users", "viewer", "marketing", "admin")
BROWSER_SCOPES: frozenset[ScopeName] = frozenset({"read", "events"})

PREFIX = "rk"
MAX_LENGTH = 128  # characters of a key; a longer text cannot be one of our keys and is not hashed
_SECRET_BYTES = 32
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?")


class ApiKey(BaseModel):
    """One key as it is stored.  Times are Unix milliseconds.

    digest: SHA-256 of the whole key, hex; 256 random bits need no slower hash.  origins: the pages that may use it; a
    key without origins is for servers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[tuple[ScopeName, ...], Field(min_length=1)]
    origins: tuple[str, ...] = ()
    made_at_ms: int
    expires_at_ms: int | None = None
    revoked_at_ms: int | None = None

    def state(self, now_ms: int) -> str:
        """`valid`, `expired` or `revoked` at that time."""
        if self.revoked_at_ms is not None:
            return "revoked"
        return "expired" if self.expires_at_ms is not None and self.expires_at_ms <= now_ms else "valid"


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    keys: tuple[ApiKey, ...] = ()


def digest_of(key: bytes) -> bytes:
    """The digest that is stored of a key."""
    return sha256(key).digest()


def read_keys(file: Path) -> Sequence[ApiKey] | None:
    """The keys in the order they were made, None without a file.  Raises BadFile; a damaged file grants nothing."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadFile(f"{file}: the keys cannot be read: {error.strerror}; let the service's user read it") from None
    try:
        return _Keys.model_validate_json(raw).keys
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadFile(f"{file}: no file of keys: {where}: {first['msg']}; restore a copy") from None


def keys_in_force(config: ServerConfig) -> Sequence[ApiKey] | None:
    """The keys, None for a home that never had any.  Raises BadFile.

    A home that had keys, or whose settings name their file, is never open because the file is missing: it may be moved,
    or its volume not mounted yet.
    """
    keys = read_keys(config.keys_file)
    if keys is None and (config.serve.keys_file is not None or config.keys_marker.exists()):
        cause = "the settings name it" if config.serve.keys_file is not None else "this home has had keys"
        advice = "restore it, or make a key with `recsys keys create`; `recsys keys forget` opens the home to everybody"
        raise BadFile(f"{config.keys_file}: the file of keys is missing, and {cause}; {advice}")
    return keys


def mark_required(marker: Path) -> None:
    """Notes in the home that it has keys.  Raises BadFile."""
    if marker.exists():
        return
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        replace_file(marker, b"This home has had API keys: without them nothing is served.\n")
    except OSError as error:
        raise BadFile(f"{marker}: cannot be written: {error.strerror}") from None


def forget_keys(config: ServerConfig) -> None:
    """Removes all keys and the note that there were any: the next start serves everybody, on loopback.

    Raises BadSettings while the settings name a file of keys, BadInput without a home, BadFile.
    """
    if config.serve.keys_file is not None:
        raise BadSettings(f"serve.keys_file names {config.keys_file}; take it out of the settings first")
    if not config.home.is_dir():
        raise BadInput(f"{config.home}: there is no home here; check --home")
    try:
        with file_lock(_lock_file(config.keys_file)):
            config.keys_file.unlink(missing_ok=True)
            config.keys_marker.unlink(missing_ok=True)
    except OSError as error:
        raise BadFile(f"{config.home}: the keys cannot be removed: {error.strerror}") from None


def create_key(
    file: Path,
    name: str,
    scopes: Sequence[str],
    *,
    now_ms: int,
    origins: Sequence[str] = (),
    expires_at_ms: int | None = None,
) -> tuple[ApiKey, str]:
    """A new key, added to the file, and its text, which is stored nowhere.  Raises BadInput, BadFile."""
    key, text = _new_key(name, scopes, origins, now_ms, expires_at_ms)
    with _changes(file):
        _write(file, [*(read_keys(file) or ()), key])
    return key, text


def _new_key(
    name: str, scopes: Sequence[str], origins: Sequence[str], now_ms: int, expires_at_ms: int | None
) -> tuple[ApiKey, str]:
    _check(name, scopes, origins)
    key_id = secrets.token_hex(4)
    text = f"{PREFIX}_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    key = ApiKey(
        id=key_id,
        name=name,
        digest=digest_of(text.encode()).hex(),
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        origins=tuple(dict.fromkeys(origins)),
        made_at_ms=now_ms,
        expires_at_ms=expires_at_ms,
    )
    return key, text


def revoke_key(file: Path, key_id: str, *, now_ms: int) -> ApiKey:
    """The revoked key; it stays in the file, so that the list shows its state.

    Raises BadInput for an unknown id, BadFile.
    """
    with _known_key(file, key_id) as (keys, current):
        if current.revoked_at_ms is not None:
            return current
        revoked = current.model_copy(update={"revoked_at_ms": now_ms})
        _write(file, [revoked if key is current else key for key in keys])
    return revoked


@dataclass(frozen=True, slots=True)
class RotatedKey:
    """The new key with its text, which is stored nowhere, and the old one with the moment at which it ends."""

    new: ApiKey
    text: str
    old: ApiKey


def rotate_key(file: Path, key_id: str, *, now_ms: int, keep_ms: int) -> RotatedKey:
    """Another key with the name, scopes, origins and lifetime of this one, which ends `keep_ms` later.

    Raises BadInput for an unknown id and for a key that is not valid any more, BadFile.
    """
    with _known_key(file, key_id) as (keys, old):
        if old.state(now_ms) != "valid":
            raise BadInput(f"key {key_id} is {old.state(now_ms)}: there is nothing to rotate; make a new key")
        lives_ms = None if old.expires_at_ms is None else old.expires_at_ms - old.made_at_ms
        new, text = _new_key(old.name, old.scopes, old.origins, now_ms, None if lives_ms is None else now_ms + lives_ms)
        ends_ms = min(now_ms + keep_ms, old.expires_at_ms or now_ms + keep_ms)
        ending = old.model_copy(update={"expires_at_ms": ends_ms})
        _write(file, [*(ending if key is old else key for key in keys), new])
    return RotatedKey(new, text, ending)


@contextmanager
def _known_key(file: Path, key_id: str) -> Iterator[tuple[Sequence[ApiKey], ApiKey]]:
    """All keys and that one, while nobody else changes them.  Raises BadInput for an unknown id, BadFile."""
    if not file.exists():  # the lock would make its folder
        raise BadInput(f"no key {key_id!r}, for there is no {file}; check --home; `recsys keys list` shows the ids")
    with _changes(file):
        keys = read_keys(file) or ()
        current = next((key for key in keys if key.id == key_id), None)
        if current is None:
            raise BadInput(f"no key {key_id!r}; `recsys keys list` shows the ids")
        yield keys, current


@contextmanager
def _changes(file: Path) -> Iterator[None]:
    """Nobody else changes the keys meanwhile.  Raises BadFile where they cannot be written."""
    try:
        with file_lock(_lock_file(file)):
            yield
    except OSError as error:
        advice = "let this user write there; a mounted secret is changed where it is made"
        raise BadFile(f"{file}: the keys cannot be changed: {error.strerror}; {advice}") from None


def _check(name: str, scopes: Sequence[str], origins: Sequence[str]) -> None:
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise BadInput(f"{name!r}: a key is named in 1 to 100 printable characters, such as the program that uses it")
    if not scopes:
        raise BadInput(f"a key without scopes opens nothing; give some of {', '.join(SCOPES)}")
    for scope in scopes:
        if scope not in SCOPES:
            raise BadInput(f"{scope!r} is no scope; known: {', '.join(SCOPES)}")
    for origin in origins:
        if _ORIGIN.fullmatch(origin) is None:
            raise BadInput(f"{origin!r} is no origin; write it as a browser does: https://shop.example, without a path")
    if origins and not BROWSER_SCOPES.issuperset(scopes):
        raise BadInput("a key that browsers hold can be read by anybody: it may have the scopes read and events only")


def _write(file: Path, keys: Sequence[ApiKey]) -> None:
    replace_file(file, _Keys(keys=tuple(keys)).model_dump_json(indent=1, exclude_none=True).encode() + b"\n")


def _lock_file(file: Path) -> Path:
    return file.with_name(f".{file.name}.lock")

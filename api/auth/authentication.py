"""Who asks, and what they may: the key of a request, looked up by its digest among those in force now."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path

import structlog

from api.auth.api_keys import LONGEST, SCOPES, ApiKey, digest_of, read_keys
from api.errors.refused import Refused
from api.polling import Poller
from recsys.errors import BadFile

log = structlog.get_logger()

LOOK_EVERY_S = 0.25  # a revoked key is refused within a second, whatever else is set
KeyFileStamp = tuple[int, int, int]
Headers = Mapping[bytes, bytes]
_BEARER = b"bearer "


@dataclass(frozen=True, slots=True)
class Grant:
    """What one key may do.  why: code of the refusal when it may do nothing at all.

    tag: what its requests are counted under.  may_read, may_send: whether the scopes hold `read` and `events`, for the
    shortcuts.
    """

    key_id: str
    scopes: frozenset[str]
    digest: bytes = b""
    origins: frozenset[bytes] = frozenset()
    expires_at_ms: float = float("inf")
    why: str = ""
    tag: int = 0
    may_read: bool = False
    may_send: bool = False

    def refusal(self, need: str, *, servers_only: bool) -> Refused | None:
        """Why this grant does not open what needs that scope; None when it does."""
        if need in self.scopes:
            if servers_only and self.origins:
                return Refused("missing_scope", "a browser's key does not open this; use a key without origins")
            return None
        if self.why:
            return Refused(self.why, _WHY[self.why])
        said = f"this needs the scope {need}, and key {self.key_id} has {', '.join(sorted(self.scopes))}"
        return Refused("missing_scope", f"{said}; make another with `recsys keys create`")


_WHY = {
    "no_key": "a key is needed; send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`",
    "unknown_key": "this key is not known, or was revoked; `recsys keys list` shows those there are",
    "expired_key": "this key has expired; `recsys keys create` makes another",
    "wrong_origin": "this key may be used from certain pages only, and the Origin header names none of them",
}
ANONYMOUS, UNKNOWN, EXPIRED, WRONG_ORIGIN = (Grant("", frozenset(), why=why) for why in _WHY)
# Without keys the service listens on loopback only, and whoever reaches it may do everything.
EVERYBODY = Grant("", frozenset(SCOPES), may_read=True, may_send=True)


class Authenticator:
    """The keys in force, read anew when their file is replaced.  Belongs to one event loop.

    A file that is damaged or taken away changes nothing: the keys known last stay in force, and `complaint` says so.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: KeyFileStamp | None = None
        self._by_digest: dict[bytes, Grant] = {}
        self._watch = Poller("keys", self._look_again, LOOK_EVERY_S)
        self.is_on = False
        self.origins: frozenset[bytes] = frozenset()
        self.complaint: str | None = None

    async def start(self) -> None:
        """Takes the keys there are, and from then on those there will be.  Raises BadFile: nothing opens unguarded."""
        self.look()
        if self.complaint is not None:
            raise BadFile(self.complaint)
        self._watch.start()

    async def close(self) -> None:
        await self._watch.close()

    def grant_of(self, headers: Headers) -> Grant:
        """What a request with those headers may.

        The table is asked by digest, so how long it takes tells nothing of any key, and no key is kept in memory.
        """
        if not self.is_on:
            return EVERYBODY
        shown = headers.get(b"x-api-key") or _bearer(headers.get(b"authorization"))
        if not shown:
            return ANONYMOUS
        if len(shown) > LONGEST:
            return UNKNOWN
        digest = digest_of(shown)
        grant = self._by_digest.get(digest)
        if grant is None or not compare_digest(grant.digest, digest):
            return UNKNOWN
        if grant.expires_at_ms <= time.time() * 1_000:
            return EXPIRED
        if grant.origins and headers.get(b"origin") not in grant.origins:
            return WRONG_ORIGIN
        return grant

    def look(self) -> None:
        """Takes the keys of the file when it is another one than before."""
        stamp = _stamp(self._file)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            keys = read_keys(self._file)
        except BadFile as error:
            self._complain(str(error))
            return
        if keys is None:
            self._complain(f"{self._file} was taken away; the keys known last stay in force until a restart")
            return
        self._take(keys)

    def _take(self, keys: Iterable[ApiKey]) -> None:
        grants = [_grant(key) for key in keys if key.revoked_at_ms is None]
        self._by_digest = {grant.digest: grant for grant in grants}
        self.origins = frozenset(origin for grant in grants for origin in grant.origins)
        self.is_on, self.complaint = True, None
        log.info("keys_in_force", keys=len(grants))

    def _complain(self, what: str) -> None:
        self.complaint = what
        log.error("keys_unreadable", detail=what)

    async def _look_again(self) -> None:
        self.look()


def _grant(key: ApiKey) -> Grant:
    scopes = frozenset(SCOPES if "admin" in key.scopes else key.scopes)
    return Grant(
        key_id=key.id,
        scopes=scopes,
        digest=bytes.fromhex(key.digest),
        tag=int(key.digest[:16], 16),
        origins=frozenset(origin.encode() for origin in key.origins),
        expires_at_ms=float("inf") if key.expires_at_ms is None else key.expires_at_ms,
        may_read="read" in scopes,
        may_send="events" in scopes,
    )


def _bearer(value: bytes | None) -> bytes | None:
    """What follows `Bearer`; another kind of authorization is for somebody else."""
    if value is None or value[:7].lower() != _BEARER:
        return None
    return value[7:].strip()


def _stamp(file: Path) -> KeyFileStamp | None:
    """Tells one file from the next: it is replaced, never written in place.  None when it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size

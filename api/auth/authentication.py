"""Authentication: the API key of a request, looked up by its digest among the valid keys."""

import re
import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from hmac import compare_digest

import structlog

from api.auth.api_keys import (
    MAX_LENGTH,
    SCOPES,
    ApiKey,
    ScopeName,
    digest_of,
    keys_in_force,
    mark_required,
    read_keys,
)
from api.errors.refused import Refused
from api.polling import FileStamp, Poller, stamp_of
from api.settings import ServerConfig
from recsys.errors import BadFile

log = structlog.get_logger()

POLL_EVERY_S = 0.25  # a revoked key is refused within a second, whatever else is set
Headers = Mapping[bytes, bytes]
_BEARER = b"bearer "
_ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}")


@dataclass(frozen=True, slots=True)
class Grant:
    """The permissions of one key.  denial: error code when the key permits nothing.

    tag: the rate limit counts its requests under this number.  may_read, may_send: whether the scopes hold `read` and
    `events`, for the fast path.  reading: scopes that it holds only where nothing is changed.
    """

    key_id: str
    scopes: frozenset[str]
    digest: bytes = b""
    origins: frozenset[bytes] = frozenset()
    expires_at_ms: float = float("inf")
    denial: str = ""
    tag: int = 0
    may_read: bool = False
    may_send: bool = False
    reading: frozenset[str] = frozenset()

    def refusal(self, need: str, *, servers_only: bool, is_reading: bool = False) -> Refused | None:
        """The refusal when this grant does not include that scope; None when it does."""
        if need in self.scopes or (is_reading and need in self.reading):
            if servers_only and self.origins:
                return Refused("missing_scope", "a browser's key does not open this; use a key without origins")
            return None
        if self.denial:
            return Refused(self.denial, _DENIALS[self.denial])
        reason = f"this needs the scope {need}, and key {self.key_id} has {', '.join(sorted(self.scopes))}"
        return Refused("missing_scope", f"{reason}; make another with `recsys keys create`")


_DENIALS = {
    "no_key": "a key is needed; send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`",
    "unknown_key": "this key is not known, or was revoked; `recsys keys list` shows those there are",
    "expired_key": "this key has expired; `recsys keys create` makes another",
    "wrong_origin": "this page may not ask: a key with origins is for these alone, and a service without keys is for "
    "its own machine; make a key with `recsys keys create`, or name your gateway in `[serve] own_names`",
}
ANONYMOUS, UNKNOWN, EXPIRED, WRONG_ORIGIN = (Grant("", frozenset(), denial=code) for code in _DENIALS)
# Without keys the service listens on loopback only, and every request of this machine is permitted.
EVERYBODY = Grant("", frozenset(SCOPES), may_read=True, may_send=True)


class Authenticator:
    """The valid keys, read again when their file is replaced.  Belongs to one event loop.

    A damaged or deleted file changes nothing: the keys read last stay valid, and `problem` says so.  A worker that
    starts without the file of a home that had keys refuses to start.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._file = config.keys_file
        self._stamp: FileStamp | None = None
        self._by_digest: dict[bytes, Grant] = {}
        self._uses: dict[str, float] = {}
        self._poller = Poller("keys", self._poll, POLL_EVERY_S)
        self._own_names = frozenset((config.serve.host.lower(), *map(str.lower, config.serve.own_names)))
        self._own_host: bytes | None = None  # the Host that was found to be of this machine last
        self.is_on = False
        self.origins: frozenset[bytes] = frozenset()
        self.problem: str | None = None

    async def start(self) -> None:
        """Reads the keys, and from then on every change of them.  Raises BadFile: nothing opens without a check."""
        self._stamp = stamp_of(self._file)
        keys = keys_in_force(self._config)
        if keys is not None:
            self._take(keys)
        self._poller.start()

    async def close(self) -> None:
        await self._poller.close()

    def authenticate(self, headers: Headers) -> Grant:
        """The grant of a request with those headers.

        The lookup is by digest, so its time reveals nothing of any key, and no key is kept in memory.
        """
        if not self.is_on:
            return EVERYBODY if self._is_of_this_machine(headers) else WRONG_ORIGIN
        key = headers.get(b"x-api-key") or _bearer(headers.get(b"authorization"))
        if not key:
            return ANONYMOUS
        if len(key) > MAX_LENGTH:
            return UNKNOWN
        digest = digest_of(key)
        grant = self._by_digest.get(digest)
        if grant is None or not compare_digest(grant.digest, digest):
            return UNKNOWN
        now = time.time()
        if grant.expires_at_ms <= now * 1_000:
            return EXPIRED
        if grant.origins and headers.get(b"origin") not in grant.origins:
            return WRONG_ORIGIN
        self._uses[grant.key_id] = now
        return grant

    def take_uses(self) -> dict[str, int]:
        """When each key was last used since the call before (Unix ms)."""
        uses, self._uses = self._uses, {}
        return {key_id: int(1_000 * at_s) for key_id, at_s in uses.items()}

    def _is_of_this_machine(self, headers: Headers) -> bool:
        """Whether no page of another site sent it, though a browser of this machine did.

        Such a page names itself as the origin, or its own name as the host, after it has let that name point at this
        machine (DNS rebinding).
        """
        host, origin = headers.get(b"host"), headers.get(b"origin")
        if host != self._own_host and not is_own_name(host or b"", self._own_names):
            return False
        self._own_host = host
        _, is_page, page = (origin or b"").partition(b"://")
        return origin is None or (bool(is_page) and is_own_name(page, self._own_names))

    def reload_if_changed(self) -> None:
        """Reads the keys if the file was replaced."""
        stamp = stamp_of(self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            keys = read_keys(self._file)
        except BadFile as error:
            self._report(str(error))
            self.is_on = True  # a service that was open is closed: somebody meant to make keys
            return
        if keys is None:
            self._report(f"{self._file} was taken away; the keys read last stay in force; no worker starts without it")
            return
        self._take(keys)

    def _take(self, keys: Iterable[ApiKey]) -> None:
        grants = [_grant(key) for key in keys if key.revoked_at_ms is None]
        self._by_digest = {grant.digest: grant for grant in grants}
        self.origins = frozenset(origin for grant in grants for origin in grant.origins)
        self.is_on, self.problem = True, None
        try:
            mark_required(self._config.keys_marker)
        except BadFile as error:
            log.warning("keys_not_marked", detail=str(error))
        log.info("keys_in_force", keys=len(grants))

    def _report(self, problem: str) -> None:
        self.problem = problem
        log.error("keys_unreadable", detail=problem)

    async def _poll(self) -> None:
        self.reload_if_changed()


def is_own_name(host: bytes, own: Container[str]) -> bool:
    """Whether a host, with or without a port, is no name that a stranger could own: an address, a name without a dot.

    own: names of the service, in lower case.
    """
    name = host.decode("latin-1").lower()
    if name.startswith("["):
        return True  # an IPv6 address
    name = name.partition(":")[0].removesuffix(".")
    return "." not in name or name in own or name.endswith(".localhost") or _ADDRESS.fullmatch(name) is not None


# What people in the console work with.  A viewer's key opens the same routes where they change nothing.
MARKETING: frozenset[ScopeName] = frozenset({"read", "catalogue", "users", "viewer", "marketing"})
_INCLUDED: Mapping[ScopeName, frozenset[ScopeName]] = {
    "admin": frozenset(SCOPES),
    "marketing": MARKETING,
    "viewer": frozenset({"read", "viewer"}),
}


def _grant(key: ApiKey) -> Grant:
    scopes = frozenset[str]().union(*(_INCLUDED.get(scope, {scope}) for scope in key.scopes))
    return Grant(
        key_id=key.id,
        scopes=scopes,
        digest=bytes.fromhex(key.digest),
        tag=int(key.digest[:16], 16),
        origins=frozenset(origin.encode() for origin in key.origins),
        expires_at_ms=float("inf") if key.expires_at_ms is None else key.expires_at_ms,
        may_read="read" in scopes,
        may_send="events" in scopes,
        reading=MARKETING if "viewer" in scopes else frozenset(),
    )


def _bearer(value: bytes | None) -> bytes | None:
    """The token after `Bearer`; None for another kind of authorization."""
    if value is None or value[:7].lower() != _BEARER:
        return None
    return value[7:].strip()

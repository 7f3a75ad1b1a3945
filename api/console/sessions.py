"""Sessions of signed-in people: in the memory of the console, found by a random token in a cookie.

The cookie holds no key.  A session ends after a while without a click, after a day's work in any case, when its key is
revoked or expires, and with the console's process.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from api.auth.authentication import Authenticator, Grant
from api.console.roles import Role, role_of
from api.console.settings import ConsoleSettings
from recsys.client import AsyncClient

COOKIE = "recsys_console"
MAX_SESSIONS = 1_000
Connect = Callable[[str], AsyncClient]  # the service, with that key


@dataclass(slots=True)
class Session:
    """Somebody who is signed in.  Times are seconds of the clock that the caller reads.

    person: who it is where an OpenID provider said so, else "".  csrf: the token that every form sends back.  notice:
    words for the next page.
    """

    key: bytes
    key_id: str
    person: str
    role: Role
    client: AsyncClient
    ends_s: float
    seen_s: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    notice: str = ""

    @property
    def who(self) -> str:
        """The person, or their key."""
        return self.person or f"key {self.key_id}"


class Sessions:
    """The sessions of one console.  Belongs to one event loop."""

    def __init__(self, settings: ConsoleSettings, connect: Connect, authenticator: Authenticator) -> None:
        self._settings = settings
        self._connect = connect
        self._authenticator = authenticator
        self._by_digest: dict[bytes, Session] = {}

    def grant(self, key: bytes) -> Grant:
        """What that key permits now."""
        return self._authenticator.authenticate({b"x-api-key": key})

    async def open(self, key: bytes, person: str, now_s: float) -> str:
        """The token of a new session, with a key that opens the console.  The oldest makes room for one too many."""
        for digest, session in [*self._by_digest.items()]:
            if self._has_ended(session, now_s):
                await self._drop(digest)
        if len(self._by_digest) >= MAX_SESSIONS:
            await self._drop(next(iter(self._by_digest)))
        grant = self.grant(key)
        role = role_of(grant)
        assert role is not None
        ends_s = now_s + 3_600 * self._settings.session_hours
        session = Session(key, grant.key_id, person, role, self._connect(key.decode()), ends_s, now_s)
        token = secrets.token_urlsafe(32)
        self._by_digest[_digest(token)] = session
        return token

    async def current(self, token: str, now_s: float) -> Session | None:
        """The session of that token, None when there is none or it has ended; a click makes it last longer."""
        digest = _digest(token)
        session = self._by_digest.get(digest)
        if session is None:
            return None
        role = role_of(self.grant(session.key))
        if role is None or self._has_ended(session, now_s):
            await self._drop(digest)
            return None
        session.role, session.seen_s = role, now_s
        return session

    async def end(self, token: str) -> None:
        """Ends the session of that token, if there is one."""
        await self._drop(_digest(token))

    async def close(self) -> None:
        """Ends all of them."""
        for digest in [*self._by_digest]:
            await self._drop(digest)

    def _has_ended(self, session: Session, now_s: float) -> bool:
        return now_s >= min(session.ends_s, session.seen_s + 60 * self._settings.idle_minutes)

    async def _drop(self, digest: bytes) -> None:
        session = self._by_digest.pop(digest, None)
        if session is not None:
            await session.client.close()


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()

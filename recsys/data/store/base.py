"""The one place where a shop's data lives: event log, items and customers behind one handle."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

from recsys.data.entities import Attribute, ItemStore, UserStore
from recsys.data.events import Event, EventLog
from recsys.data.store.identity import IdentityStore
from recsys.errors import BadSettings


class Store(EventLog, ItemStore, UserStore, IdentityStore, Protocol):
    """Events, items and customers in one database.

    `is_local` says that a read costs microseconds and may run on an event loop; otherwise it goes over a network.
    """

    is_local: bool

    def changed(self) -> bool:
        """Whether anybody, this process included, wrote since the last call; True when that cannot be told cheaply."""

    def close(self) -> None:
        """Ends the connection; later calls raise `LogUnavailable`."""


class KnownUser(NamedTuple):
    """What a question may say of a customer: under which id a release knows them, what they did since and are."""

    user_id: str | None
    recent: Sequence[Event] = ()
    attributes: Mapping[str, Attribute] = MappingProxyType({})


def known_user(store: Store, user_id: str, log_seq: int) -> KnownUser:
    """That, for a release whose log ends there: nothing without consent, no past that was forgotten since."""
    identity = store.identity(user_id)
    if not identity.is_personal:
        return KnownUser(None)
    user = store.user(identity.owner_id)
    return KnownUser(
        identity.owner_id if identity.forgotten_seq <= log_seq else None,
        store.user_events(identity.owner_id, after_seq=log_seq),
        user.attributes if user is not None else {},
    )


def open_store(home: Path, database_url: str | None) -> Store:
    """PostgreSQL when a URL is given, else the SQLite file `shop.db` in `home`, made when it is not there.

    Raises BadSettings for a URL that cannot be used here; LogUnavailable or BadFile for a file that cannot.
    """
    if database_url:
        return _postgres(database_url)
    from recsys.data.store.sqlite import SqliteStore

    return SqliteStore(home / "shop.db")


def _postgres(url: str) -> Store:
    try:
        from recsys.data.store.postgres import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise BadSettings("database_url is set, but psycopg is not here; pip install 'recsys[postgres]'") from None
    return PostgresStore(url)

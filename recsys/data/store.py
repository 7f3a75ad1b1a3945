"""The one place where a shop's data lives: event log, items and customers behind one handle."""

from pathlib import Path
from typing import Protocol

from recsys.data.catalogue import ItemStore, UserStore
from recsys.data.events import EventLog
from recsys.data.standing import StandingStore
from recsys.errors import BadSettings


class Store(EventLog, ItemStore, UserStore, StandingStore, Protocol):
    """Events, items and customers in one database.

    `is_local` says that a read costs microseconds and may run on an event loop; otherwise it goes over a network.
    """

    is_local: bool

    def changed(self) -> bool:
        """Whether anybody, this process included, wrote since the last call; True when that cannot be told cheaply."""

    def close(self) -> None:
        """Ends the connection; later calls raise `LogUnavailable`."""


def open_store(home: Path, database_url: str | None) -> Store:
    """PostgreSQL when a URL is given, else the SQLite file `shop.db` in `home`, made when it is not there.

    Raises BadSettings for a URL that cannot be used here; LogUnavailable or BadFile for a file that cannot.
    """
    if database_url:
        return _postgres(database_url)
    from recsys.data.sqlite_log import SqliteStore

    return SqliteStore(home / "shop.db")


def _postgres(url: str) -> Store:
    try:
        from recsys.data.postgres_log import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise BadSettings("database_url is set, but psycopg is not here; pip install 'recsys[postgres]'") from None
    return PostgresStore(url)

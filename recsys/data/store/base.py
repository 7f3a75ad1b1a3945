"""Store of a shop: event log, items and customers behind one interface."""

from pathlib import Path
from typing import Protocol

from recsys.data.entities import ItemStore, UserStore
from recsys.data.events import EventLog
from recsys.data.store.identity import IdentityStore
from recsys.errors import BadSettings


class Store(EventLog, ItemStore, UserStore, IdentityStore, Protocol):
    """Events, items and customers in one database.

    is_local: a read takes microseconds and may run on an event loop; otherwise it goes over a network.
    """

    is_local: bool

    def changed(self) -> bool:
        """Whether any process, also this one, wrote since the last call; True when that is expensive to find out."""

    def close(self) -> None:
        """Closes the connections; later calls raise `LogUnavailable`."""


def open_store(home: Path, database_url: str | None) -> Store:
    """The PostgreSQL database of the URL, else the SQLite file `shop.db` in `home`, which is made if missing.

    Raises BadSettings for a URL that cannot be used; LogUnavailable or BadFile for a file that cannot.
    """
    if not database_url:
        from recsys.data.store.sqlite import SqliteStore

        return SqliteStore(home / "shop.db")
    try:
        from recsys.data.store.postgres import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise BadSettings("database_url is set, but psycopg is not here; pip install 'recsys[postgres]'") from None
    return PostgresStore(database_url)

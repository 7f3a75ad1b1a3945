"""An import from a source that is killed at any moment and run again: every row of the source is stored once."""

import os
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import psycopg
import pytest
from typer.testing import CliRunner

from recsys.cli.app import application
from recsys.data.store.open import open_store
from training.importing import events
from training.sources import postgres

if TYPE_CHECKING:
    from s3fs import S3FileSystem

N_USERS = 120  # each with two equal lines
SCRIPT = """
import os, signal, sys
import polars as pl
from recsys.cli.__main__ import main
from training.importing import events
from training.sources import postgres, state

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def kill_after(function, n):
    calls = []
    def run(*args, **more):
        result = function(*args, **more)
        calls.append(1)
        return kill() if len(calls) == n else result
    return run

events.CHUNK_ROWS, postgres.PAGE_BYTES = 50, 2_000
moment = sys.argv.pop(1)
if moment == "copying":
    postgres._frame = kill_after(postgres._frame, 2)
    events.open_source = kill
elif moment == "storing":
    events.count_results = kill_after(events.count_results, 2)
elif moment == "before the mark":
    state.SourceState.save = kill
elif moment == "after the mark":
    state.SourceState.save = kill_after(state.SourceState.save, 1)
main()
"""
MOMENTS = [
    pytest.param("copying", marks=pytest.mark.slow),
    "storing",
    pytest.param("before the mark", marks=pytest.mark.slow),
    pytest.param("after the mark", marks=pytest.mark.slow),
]


def rows(part: int) -> pl.DataFrame:
    """Half of the rows of a source."""
    users = [f"u{n}" for n in range(part, N_USERS, 2) for _ in range(2)]
    return pl.DataFrame({"user_id": users, "item_id": "i", "at": "2023-01-01T00:00:00Z", "updated_at": part})


@pytest.fixture
def table(postgres_url: str) -> list[str]:
    """The options of a table in PostgreSQL with all rows."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS shop_lines")
        connection.execute("CREATE TABLE shop_lines (user_id text, item_id text, at text, updated_at int)")
        connection.cursor().executemany(
            "INSERT INTO shop_lines VALUES (%s, %s, %s, %s)", [*rows(0).rows(), *rows(1).rows()]
        )
    return ["--from", postgres_url, "--query", "SELECT * FROM shop_lines", "--watermark", "updated_at"]


@pytest.fixture
def objects(bucket: "S3FileSystem") -> list[str]:
    """The options of two objects in S3 with all rows."""
    for part in (0, 1):
        content = BytesIO()
        rows(part).write_parquet(content)
        bucket.pipe_file(f"shop/{part}.parquet", content.getvalue())
    return ["--from", "s3://shop/*.parquet"]


@pytest.fixture
def folder(tmp_path: Path) -> list[str]:
    """The options of a folder with two files with all rows."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for part in (0, 1):
        rows(part).write_csv(inbox / f"{part}.csv")
        os.utime(inbox / f"{part}.csv", (1, 1))
    return ["--from", f"folder:{inbox}", "--move-done"]


def killed(home: Path, moment: str, words: list[str]) -> bool:
    command = [sys.executable, "-c", SCRIPT, moment, *arguments(home, words)]
    return subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL


def run(home: Path, words: list[str]) -> int:
    """The exit code of an import within this process, in as small steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "CHUNK_ROWS", 50)
        patch.setattr(postgres, "PAGE_BYTES", 2_000)
        return CliRunner().invoke(application(), arguments(home, words)).exit_code


def arguments(home: Path, words: list[str]) -> list[str]:
    return ["--home", str(home), "import", "events", "--kind", "view", *words]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("source", ["table", "objects", "folder"])
def test_an_import_that_was_killed_and_run_again_stores_each_row_once(
    source: str, moment: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    words: list[str] = request.getfixturevalue(source)
    home = tmp_path / "home"
    assert killed(home, moment, words)
    assert run(home, words) == 0
    store = open_store(home, None)
    assert store.head() == 2 * N_USERS
    assert len(store.user_events("u0")) == 2
    assert [file.name for file in (home / "exports").glob("*/parts/*")] == []
    assert run(home, words) == 0
    assert store.head() == 2 * N_USERS

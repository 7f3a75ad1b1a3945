"""A query of PostgreSQL as a source: what is newer than the last import comes in, once."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.store.open import open_store

QUERY = "SELECT customer AS user_id, sku AS item_id, bought AS at, price, updated_at FROM orders -- all of them"
WORDS = ("--query", QUERY, "--watermark", "updated_at", "--kind", "purchase")
SECRET = "s3cret-word"


@pytest.fixture
def orders(postgres_url: str) -> Iterator[psycopg.Connection]:
    """An empty table of order lines in the database of a shop."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS orders")
        connection.execute(
            "CREATE TABLE orders (customer int, sku text, bought timestamptz, price numeric, updated_at timestamp)"
        )
        yield connection
        connection.execute("DROP TABLE orders")


def buy(orders: psycopg.Connection, customers: range, updated: str = "2026-01-01 12:00") -> None:
    orders.execute(
        "INSERT INTO orders SELECT n, 'sku-' || n %% 7, '2025-12-31 23:30:00.25+01'::timestamptz, 3.50, %s::timestamp "
        "FROM generate_series(%s::int, %s::int) AS n",
        (updated, customers.start, customers.stop - 1),
    )


def run(home: Path, url: str, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "import", "events", "--from", url, *words, "--json"])


def counts(result: Result) -> list[tuple[int, int]]:
    """Accepted and known lines."""
    assert result.exit_code == 0, result.output
    return [(file["accepted"], file["known"]) for file in json.loads(result.stdout)["files"]]


def test_every_import_reads_what_is_newer_than_the_last(
    orders: psycopg.Connection, postgres_url: str, tmp_path: Path
) -> None:
    buy(orders, range(1, 301))
    assert counts(run(tmp_path, postgres_url, *WORDS)) == [(300, 0)]
    (event,) = open_store(tmp_path, None).user_events("7")
    assert (event.price, event.at_ms % 60_000) == (3.5, 250)
    buy(orders, range(301, 303), updated="2026-01-02 12:00")
    buy(orders, range(401, 402), updated="2026-01-01 09:00")  # older: read by --again only
    assert counts(run(tmp_path, postgres_url, *WORDS)) == [(2, 300)]
    assert counts(run(tmp_path, postgres_url, *WORDS)) == [(0, 2)]
    assert counts(run(tmp_path, postgres_url, *WORDS, "--again")) == [(1, 302)]


def test_a_row_that_was_committed_late_is_within_the_overlap(
    orders: psycopg.Connection, postgres_url: str, tmp_path: Path
) -> None:
    buy(orders, range(1, 4))
    run(tmp_path, postgres_url, *WORDS, "--overlap", "2 hours")
    buy(orders, range(4, 6), updated="2026-01-01 10:30")
    orders.execute("INSERT INTO orders VALUES (9, 'sku-1', '2025-01-01', 1, NULL)")  # no watermark: read each time
    assert counts(run(tmp_path, postgres_url, *WORDS)) == [(3, 3)]


def test_numbers_are_watermarks_too(orders: psycopg.Connection, postgres_url: str, tmp_path: Path) -> None:
    buy(orders, range(1, 4))
    words = ("--query", QUERY, "--watermark", "user_id", "--overlap", "1", "--kind", "view")
    assert counts(run(tmp_path, postgres_url, *words)) == [(3, 0)]
    buy(orders, range(4, 6))
    assert counts(run(tmp_path, postgres_url, *words)) == [(2, 2)]


def test_a_log_that_was_restored_gets_what_it_lost(
    orders: psycopg.Connection, postgres_url: str, tmp_path: Path
) -> None:
    buy(orders, range(1, 4))
    run(tmp_path, postgres_url, *WORDS)
    for file in tmp_path.glob("shop.db*"):
        file.unlink()
    assert counts(run(tmp_path, postgres_url, *WORDS)) == [(3, 0)]


def test_rows_of_any_number_and_size_come_in_pages(
    orders: psycopg.Connection, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.sources.postgres.PAGE_BYTES", 2_000)
    buy(orders, range(1, 1_001))
    wide = QUERY.replace("SELECT", "SELECT repeat('x', customer) AS note, array[1, 2] AS sizes, true AS is_new,")
    result = run(tmp_path, postgres_url, "--query", wide, "--kind", "purchase")
    assert counts(result) == [(1_000, 0)]
    assert not list((tmp_path / "exports").iterdir())


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--query", "SELECT nothing FROM nowhere"), "nowhere"),
        (("--query", QUERY, "--watermark", "updatet_at"), "did you mean 'updated_at'"),
        (("--query", QUERY, "--watermark", "item_id"), "neither a time nor a number"),
        (("--query", QUERY, "--watermark", "updated_at", "--overlap", "soon"), "soon"),
        (("--query", "SELECT 1 AS a, 2 AS a"), "two columns are called a"),
        (("--query", "DELETE FROM orders RETURNING *"), "syntax error"),
        ((), "--query 'select ...'"),
        (("--query", QUERY, "--move-done"), "--move-done: such a source has none"),
    ],
)
def test_what_cannot_be_read_is_named(
    words: tuple[str, ...], error: str, orders: psycopg.Connection, postgres_url: str, tmp_path: Path
) -> None:
    buy(orders, range(1, 2))
    result = run(tmp_path, postgres_url, *words, "--kind", "view")
    assert (result.exit_code, error in result.stderr) == (1, True), result.stderr
    assert orders.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_no_password_is_printed_or_kept(tmp_path: Path) -> None:
    url = f"postgresql://reader:{SECRET}@127.0.0.1:1/shop"
    result = run(tmp_path, url, *WORDS)
    assert result.exit_code == 1
    assert "does not answer" in result.stderr
    runs = CliRunner().invoke(application(), ["--home", str(tmp_path), "runs", "--json"])
    assert json.loads(runs.stdout)[0]["verdict"] == "failed"
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert SECRET not in result.output + runs.output
    assert [content for content in kept if SECRET.encode() in content] == []

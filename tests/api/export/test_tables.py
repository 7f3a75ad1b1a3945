"""Export of tables: what was written reads back, an import takes it, and nothing half stays."""

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from api.export import tables
from api.export.customers import Segments, chosen_users, consenting
from api.export.tables import Table, TableSummary, events_table, export_table, items_table, people_table
from recsys.cli.app import application
from recsys.data.entities import Item, User
from recsys.data.events import Event, Kind
from recsys.data.files.destination import Destination
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadInput

AT = 1_700_000_000_123
EVENTS = [
    Event("e-1", "=u", "i-1", Kind.PURCHASE, AT, 2.0, 1.25, "o-1", None, "web", "r-1", 0.3, "=SPRING", "mail-7"),
    Event("e-2", "v", "i-2", Kind.RATING, AT + 1, rating=4.5),
    Event("e-3", "v", "i-1", Kind.VIEW, AT + 2),
]
ITEMS = [
    Item("i-1", "Tea, green", "drinks", None, 2.5, 0.0, AT, None, {"colour": "red", "name": "x", "sizes": ["S", "M"]}),
    Item("i-2", "=1+1", attributes={"weight": 2.0, "new": True}, cost=1.25),
    Item("i-3", deleted=True),
]
USERS = [User("a", {"age": "young", "visits": 3.0}, {"marketing": False}), User("b", {}, {"personalisation": True})]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "shop", None)
    store.append(EVENTS)
    store.put_items(ITEMS)
    store.put_users(USERS)
    yield store
    store.close()


def write(table: Table, file: Path, progress: Callable[[int, int], Any] = lambda done, total: None) -> TableSummary:
    return export_table(table, Destination(str(file)), file.parent, progress)


def everything(store: Store) -> Table:
    return events_table(store, since_ms=None, until_ms=None, kinds=())


def test_events_come_back_through_an_import(store: Store, tmp_path: Path) -> None:
    for ending in ("csv", "jsonl", "parquet"):
        file, home = tmp_path / f"events.{ending}", tmp_path / ending
        assert write(everything(store), file).rows == 3
        words = ["--home", str(home), "import", "events", str(file)]
        result = CliRunner().invoke(application(), words)
        assert result.exit_code == 0, result.output
        again = [
            Event._make(row) for frame in open_store(home, None).scan() for row in frame.select(Event._fields).rows()
        ]
        assert again == [event._replace(request_id=None) for event in EVENTS]


def test_events_are_chosen_by_time_and_kind(store: Store, tmp_path: Path) -> None:
    def ids(**more: Any) -> list[str]:
        table = events_table(store, **{"since_ms": None, "until_ms": None, "kinds": (), **more})
        write(table, tmp_path / "events.parquet")
        return pl.read_parquet(tmp_path / "events.parquet")["event_id"].to_list()

    assert ids(since_ms=AT + 1) == ["e-2", "e-3"]
    assert ids(until_ms=AT + 1) == ["e-1"]
    assert ids(kinds=["view", "purchase"]) == ["e-1", "e-3"]
    assert ids(since_ms=AT + 9) == []
    with pytest.raises(BadInput, match=r"--kind purchses.*purchase"):
        ids(kinds=["purchses"])


def test_items_have_a_column_for_each_attribute(store: Store, tmp_path: Path) -> None:
    assert write(items_table(store), tmp_path / "items.csv").rows == 2
    assert (tmp_path / "items.csv").read_text().splitlines() == [
        "item_id,name,category,brand,price,stock,cost,available_from,available_until,colour,attributes.name,new,sizes,weight",
        'i-1,"Tea, green",drinks,,2.5,0.0,,2023-11-14T22:13:20.123Z,,red,x,,"[""S"",""M""]",',
        "i-2,'=1+1,,,,,1.25,,,,,true,,2",
    ]
    write(items_table(store), tmp_path / "items.jsonl")
    first, second = map(json.loads, (tmp_path / "items.jsonl").read_text().splitlines())
    assert first["attributes"] == {"colour": "red", "name": "x", "sizes": ["S", "M"]}
    assert (first["available_from"], second["attributes"]) == (
        "2023-11-14T22:13:20.123000Z",
        {"weight": 2.0, "new": True},
    )


def test_people_are_those_with_a_record_or_an_event_and_their_consent_is_marked(store: Store, tmp_path: Path) -> None:
    write(people_table(lambda: chosen_users()(store)), tmp_path / "people.parquet")
    table = pl.read_parquet(tmp_path / "people.parquet")
    assert table.columns == ["user_id", "personalisation", "marketing", "age", "visits"]
    assert table.rows() == [
        ("=u", None, None, None, None),
        ("a", None, False, "young", "3"),
        ("b", True, None, None, None),
        ("v", None, None, None, None),
    ]
    young = chosen_users(Segments({"age": ["young"]}))
    assert write(people_table(lambda: young(store)), tmp_path / "young.csv").rows == 1
    assert write(people_table(lambda: consenting(young(store))), tmp_path / "campaign.csv").rows == 0


def test_pages_make_one_table(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = people_table(lambda: chosen_users()(store))
    for ending in ("csv", "jsonl", "parquet"):
        monkeypatch.setattr(tables, "PAGE_ROWS", 1)
        done: list[tuple[int, int]] = []
        write(table, tmp_path / f"pages.{ending}", lambda *counts: done.append(counts))  # noqa: B023
        monkeypatch.setattr(tables, "PAGE_ROWS", 10_000)
        write(table, tmp_path / f"whole.{ending}")
        assert [n for n, _ in done] == [1, 2, 3, 4]
    assert (tmp_path / "pages.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (tmp_path / "pages.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert pl.read_parquet(tmp_path / "pages.parquet").equals(pl.read_parquet(tmp_path / "whole.parquet"))


def test_a_broken_export_leaves_the_file_of_before_and_nothing_else(store: Store, tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "out" / "events.csv"
    file.parent.mkdir()
    file.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write(everything(store), file, stop)
    assert file.read_text() == "before"
    write(everything(store), file)
    assert list(file.parent.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_audience_is_the_one_of_the_audience_command(home: Path, tmp_path: Path) -> None:
    for words in (["audience", "item-003", "--csv"], ["export", "audience", "item-003", "--out"]):
        result = CliRunner().invoke(application(), ["--home", str(home), *words, str(tmp_path / f"{words[0]}.csv")])
        assert result.exit_code == 0, result.output
    assert (tmp_path / "export.csv").read_bytes() == (tmp_path / "audience.csv").read_bytes()


def exported(home: Path, *words: str, code: int = 0) -> dict[str, Any]:
    """The newest run after `recsys export` with these words."""
    result = CliRunner().invoke(application(), ["--home", str(home), "export", *words])
    assert result.exit_code == code, result.output
    with closing(open_store(home, None)) as store:
        (run,) = store.runs(job="export", newest=1)
    return {"verdict": run.verdict, "cause": run.cause, **run.result}


@pytest.mark.parametrize("table", ["recommendations", "audience", "events", "items", "people"])
def test_every_export_keeps_a_run(home: Path, tmp_path: Path, table: str) -> None:
    file, more = tmp_path / f"{table}.csv", {"audience": ["item-003"], "recommendations": ["--workers", "1"]}
    run = exported(home, table, *more.get(table, []), "--out", str(file), "--cause", "cron")
    assert (run["verdict"], run["cause"], run["table"], run["file"]) == ("done", "cron", table, str(file))
    assert run["rows"] == len(pl.read_csv(file, infer_schema=False)) > 0


def test_an_export_that_fails_keeps_a_run_that_says_so(home: Path, tmp_path: Path) -> None:
    run = exported(home, "items", "--out", str(tmp_path / "no" / "items.csv"), code=1)
    assert (run["verdict"], run["table"]) == ("failed", "items")


def test_figures_of_people_are_those_of_the_live_release_without_who_refused(home: Path, tmp_path: Path) -> None:
    with closing(open_store(home, None)) as store:
        store.put_users([User("user-002", {}, {"personalisation": False}), User("user-003", {"age": "=1+1"})])
    for ending in ("parquet", "csv", "jsonl"):
        exported(home, "people", "--figures", "--out", str(tmp_path / f"people.{ending}"))
    people = pl.read_parquet(tmp_path / "people.parquet")
    assert {"user_id", "orders", "money", "stage"} <= set(people.columns)
    assert "user-002" not in people["user_id"].to_list()
    assert (
        len(pl.read_csv(tmp_path / "people.csv")) == len(pl.read_ndjson(tmp_path / "people.jsonl")) == len(people) > 2
    )
    exported(home, "people", "--figures", "--segment", "age==1+1", "--out", str(tmp_path / "one.parquet"))
    assert pl.read_parquet(tmp_path / "one.parquet")["user_id"].to_list() == ["user-003"]

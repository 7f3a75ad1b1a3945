"""Export of recommendations: equal to the service byte by byte, resumable, and whole or not there."""

import json
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

from api.export.customers import Segments, chosen_customers
from recsys.bundle.key_rotation import create_signing_key
from recsys.data.entities import Item, UserChange
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadFile, BadInput, NoBundle, UnknownPlacement, UntrustedBundle
from recsys.privacy.erasure import erase_user_data
from recsys.ranking.rules.repository import open_rule_repository
from recsys.time_units import now_ms
from tests.api.conftest import Worker
from tests.api.export.conftest import Export

RULES = """
[[rules]]
id = "pin-tea"
kind = "pin"
items = ["item-005"]
slot = 2
reason = "tea week"

[[rules]]
id = "no-7"
kind = "block"
items = ["item-007"]
reason = "recalled"

[[rules]]
id = "young"
kind = "boost"
categories = ["category-1"]
factor = 5.0
segment = { age = "young" }
reason = "for the young"
"""
PLACEMENTS = ("home", "discover", "buy-again", "trending", "new-arrivals")


class Stopped(Exception):
    """In place of a kill: the export ends between two parts."""


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    store = open_store(home, None)
    yield store
    store.close()


@pytest.fixture
def lively(home: Path, store: Store) -> Path:
    """The small shop some time after its training: rules, stock, dates, new items, and customers who did things."""
    open_rule_repository(home, None).replace(RULES)
    at_ms = now_ms()
    store.put_items(
        [
            Item("item-002", name="Product 2", category="category-2", price=3.0, stock=0.0),
            Item("item-003", name="=SUM(A1)", category="category-3", price=4.0, stock=9.0),
            Item("item-004", name="Product 4", category="category-0", available_until_ms=at_ms - 1),
            Item("item-new", name="Brand new", category="category-1", price=2.0, available_from_ms=at_ms - 1_000),
        ]
    )
    done = [("user-000", "item-008", Kind.PURCHASE), ("user-001", "item-009", Kind.DISMISS)]
    done += [("user-002", "item-010", Kind.VIEW), ("visitor-1", "item-011", Kind.VIEW)]
    done += [("new-1", "item-012", Kind.CART)]
    store.append([Event(f"e-{at}", user, item, kind, at_ms - 5_000) for at, (user, item, kind) in enumerate(done)])
    store.change_users(
        [
            UserChange("user-003", consent={"personalisation": False}),
            UserChange("user-004", consent={"marketing": False}),
            UserChange("user-006", attributes={"age": "young", "visits": 3.0}),
            UserChange("never-seen", attributes={"age": "young"}),
        ]
    )
    store.merge_users("visitor-1", "user-005")
    store.erase_user("user-007")
    return home


def lines(file: Path) -> dict[str, bytes]:
    """The line of each customer."""
    return {json.loads(line)["user_id"]: line for line in file.read_bytes().splitlines()}


def items_part(answer: bytes) -> bytes:
    return answer[answer.index(b'"items":') : answer.rindex(b',"request_id"') if b"request_id" in answer else -1]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_list_is_the_answer_of_the_service_byte_by_byte(
    lively: Path, export: Export, client: TestClient, tmp_path: Path, placement: str
) -> None:
    export(tmp_path / "lists.jsonl", placement=placement, k=8)
    exported = lines(tmp_path / "lists.jsonl")
    assert {"user-003", "never-seen", "new-1", "user-005"} < exported.keys()
    assert not {"visitor-1", "user-007"} & exported.keys()
    for user_id, line in exported.items():
        answer = client.get(f"/v1/users/{user_id}/recommendations", params={"placement": placement, "k": 8}).content
        assert items_part(line) == items_part(answer), user_id


def test_named_customers_get_what_the_service_answers_for_their_ids(
    lively: Path, export: Export, client: TestClient, tmp_path: Path
) -> None:
    named = ["visitor-1", "user-007", "nobody", "user-006", "user-005", "user-006"]
    (tmp_path / "ids.txt").write_text("\n".join(named))
    export(tmp_path / "lists.jsonl", choice=chosen_customers(tmp_path / "ids.txt"))
    exported = lines(tmp_path / "lists.jsonl")
    assert list(exported) == named[:-1]
    for user_id, line in exported.items():
        answer = client.get(f"/v1/users/{user_id}/recommendations", params={"k": 5}).content
        assert items_part(line) == items_part(answer), user_id


def test_rules_stock_and_dates_are_obeyed(lively: Path, export: Export, tmp_path: Path) -> None:
    export(tmp_path / "lists.parquet", k=20)
    table = pl.read_parquet(tmp_path / "lists.parquet")
    assert not {"item-002", "item-004", "item-007"} & set(table["item_id"])
    assert set(table.filter(pl.col("rank") == 2)["item_id"]) == {"item-005"}


def test_for_marketing_those_who_refused_it_are_left_out(lively: Path, export: Export, tmp_path: Path) -> None:
    export(tmp_path / "all.jsonl")
    export(tmp_path / "campaign.jsonl", needs_consent=True)
    before, after = lines(tmp_path / "all.jsonl"), lines(tmp_path / "campaign.jsonl")
    assert before.keys() - after.keys() == {"user-003", "user-004"}


def test_the_three_formats_hold_the_same_rows(lively: Path, export: Export, tmp_path: Path) -> None:
    for ending in ("csv", "jsonl", "parquet"):
        export(tmp_path / f"lists.{ending}", at_ms=1_800_000_000_123)
    table = pl.read_parquet(tmp_path / "lists.parquet")
    assert table.columns == [
        "user_id", "rank", "item_id", "name", "score", "source", "reason", "model_version", "made_at",
    ]  # fmt: skip
    rows = table.with_columns(pl.col("made_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")).rows()
    read = pl.read_csv(tmp_path / "lists.csv", schema_overrides={"user_id": pl.String})
    assert [(*row[:3], row[3].removeprefix("'"), *row[4:]) for row in read.rows()] == rows
    documents = [json.loads(line) for line in (tmp_path / "lists.jsonl").read_bytes().splitlines()]
    assert rows == [
        (
            *(document["user_id"], item["rank"], item["item_id"], item["name"], item["score"], item["source"]),
            *(item["reason"]["text"], document["model_version"], document["made_at"]),
        )
        for document in documents
        for item in document["items"]
    ]


def test_a_spreadsheet_runs_no_cell_as_a_formula(lively: Path, export: Export, tmp_path: Path) -> None:
    export(tmp_path / "lists.csv", k=20)
    assert "'=SUM(A1)" in (tmp_path / "lists.csv").read_text()
    assert ",=SUM" not in (tmp_path / "lists.csv").read_text()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_killed_export_goes_on_and_ends_with_the_same_bytes(
    lively: Path, export: Export, tmp_path: Path, ending: str
) -> None:
    at_ms, file = now_ms(), tmp_path / f"killed.{ending}"
    export(tmp_path / f"whole.{ending}", at_ms=at_ms)

    def stop(done: int, _total: int) -> None:
        if done >= 30:
            raise Stopped

    with pytest.raises(Stopped):
        export(file, at_ms=at_ms, progress=stop)
    assert not file.exists()
    summary = export(file, at_ms=at_ms + 60_000)
    assert (summary.resumed, summary.started_again) == (30, [])
    assert file.read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [f"killed.{ending}", f"whole.{ending}"]
    assert not list(tmp_path.glob(".*"))


def stopped(export: Export, file: Path | str) -> None:
    def stop(_done: int, _total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        export(file, progress=stop)


def test_customers_who_changed_since_the_kill_are_answered_anew(
    lively: Path, export: Export, store: Store, client: TestClient, tmp_path: Path
) -> None:
    file = tmp_path / "lists.jsonl"
    stopped(export, file)
    store.append([Event("late", "user-000", "item-013", Kind.PURCHASE, now_ms())])
    store.change_users([UserChange("user-001", consent={"personalisation": False})])
    store.erase_user("user-002")
    assert export(file).resumed == 0
    exported = lines(file)
    assert "user-002" not in exported
    for user_id in ("user-000", "user-001"):
        answer = client.get(f"/v1/users/{user_id}/recommendations", params={"k": 5}).content
        assert items_part(exported[user_id]) == items_part(answer)


def test_other_rules_or_another_question_begin_the_export_again(lively: Path, export: Export, tmp_path: Path) -> None:
    file = tmp_path / "lists.jsonl"
    stopped(export, file)
    (lively / "rules.toml").write_text(RULES.replace("item-005", "item-006"))
    assert export(file, k=4).started_again == ["k", "rules"]
    stopped(export, file)
    assert export(file, at_ms=now_ms() + 7 * 3_600_000).started_again == ["its age"]


def test_a_part_damaged_on_disk_is_made_again(lively: Path, export: Export, tmp_path: Path) -> None:
    at_ms, file = now_ms(), tmp_path / "lists.jsonl"
    export(tmp_path / "whole.jsonl", at_ms=at_ms)

    def stop(done: int, _total: int) -> None:
        if done >= 20:
            raise Stopped

    with pytest.raises(Stopped):
        export(file, at_ms=at_ms, progress=stop)
    part = tmp_path / ".lists.jsonl.export" / "part-000000"
    part.write_bytes(part.read_bytes()[:-100])
    assert export(file).resumed == 10
    assert file.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_stock_that_changes_during_an_export_does_not_divide_it(
    lively: Path, export: Export, store: Store, tmp_path: Path
) -> None:
    at_ms = now_ms()
    export(tmp_path / "before.jsonl", at_ms=at_ms)

    def sell_out(_done: int, _total: int) -> None:
        store.put_items([Item("item-005", stock=0.0), Item("item-009", stock=0.0)])

    export(tmp_path / "during.jsonl", at_ms=at_ms, progress=sell_out)
    assert (tmp_path / "during.jsonl").read_bytes() == (tmp_path / "before.jsonl").read_bytes()


def test_the_file_is_for_its_owner_only(export: Export, tmp_path: Path) -> None:
    export(tmp_path / "lists.csv")
    assert stat.S_IMODE((tmp_path / "lists.csv").stat().st_mode) == 0o600


def test_a_second_export_to_the_same_file_is_refused_meanwhile(export: Export, tmp_path: Path) -> None:
    refusals = []

    def again(_done: int, _total: int) -> None:
        with pytest.raises(BadInput, match="under way") as refusal:
            export(tmp_path / "lists.csv")
        refusals.append(refusal)

    export(tmp_path / "lists.csv", progress=again)
    assert len(refusals) == 6


def test_nobody_to_export_gives_a_table_without_rows(export: Export, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("")
    nobody = chosen_customers(tmp_path / "ids.txt")
    assert export(tmp_path / "lists.csv", choice=nobody).customers == 0
    assert (tmp_path / "lists.csv").read_text().startswith("user_id,rank,item_id,")
    export(tmp_path / "lists.parquet", choice=nobody)
    assert pl.read_parquet(tmp_path / "lists.parquet").columns[0] == "user_id"
    export(tmp_path / "lists.jsonl", choice=nobody)
    assert (tmp_path / "lists.jsonl").read_bytes() == b""


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(home: Path, export: Export, tmp_path: Path) -> None:
    with pytest.raises(UnknownPlacement):
        export(tmp_path / "lists.csv", placement="hme")
    with pytest.raises(BadFile, match="no such folder"):
        export(tmp_path / "missing" / "lists.csv")
    with pytest.raises(BadInput, match="must end with .csv, .jsonl, .parquet"):
        export(tmp_path / "lists.xlsx")
    (home / "bundles" / "LIVE").unlink()
    with pytest.raises(NoBundle):
        export(tmp_path / "lists.csv")
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] in ([], [".lists.csv.export"])


def test_a_release_that_the_service_would_not_take_is_not_exported(home: Path, export: Export, tmp_path: Path) -> None:
    (home / "other").mkdir()  # a key that has signed nothing of the home
    create_signing_key(home, home / "other", now_ms=now_ms())
    with pytest.raises(UntrustedBundle):
        export(tmp_path / "lists.csv")


def test_an_erasure_deletes_what_a_broken_export_left_in_the_home(
    lively: Path, export: Export, store: Store, tmp_path: Path
) -> None:
    stopped(export, "s3://shop/lists.jsonl")
    parts = list((lively / "exports").glob("*/part-000000"))
    assert b"user-000" in parts[0].read_bytes()
    erase_user_data(store, lively, "user-000")
    assert not list((lively / "exports").iterdir())


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_as_one(lively: Path, export: Export, tmp_path: Path) -> None:
    at_ms = now_ms()
    for n_workers in (1, 2):
        export(tmp_path / f"lists-{n_workers}.jsonl", at_ms=at_ms, n_workers=n_workers)
    assert (tmp_path / "lists-2.jsonl").read_bytes() == (tmp_path / "lists-1.jsonl").read_bytes()


def test_segments_and_filters_choose_customers_by_their_attributes(
    lively: Path, export: Export, tmp_path: Path, worker: Worker
) -> None:
    export(tmp_path / "young.jsonl", choice=chosen_customers(segment=Segments({"age": ["young"]})))
    assert list(lines(tmp_path / "young.jsonl")) == ["never-seen", "user-006"]
    saved = Segments({"age": ["young"]}, (("some", frozenset({"user-006", "user-007"})),))
    export(tmp_path / "some.jsonl", choice=chosen_customers(segment=saved))
    assert list(lines(tmp_path / "some.jsonl")) == ["user-006"]
    assert chosen_customers(segment=saved).text != chosen_customers(segment=Segments(saved.attributes)).text


@pytest.mark.slow
def test_an_export_killed_by_the_system_leaves_no_process_and_goes_on(lively: Path, tmp_path: Path) -> None:
    file, folder = tmp_path / "lists.jsonl", tmp_path / ".lists.jsonl.export"
    (tmp_path / "ids.txt").write_text("\n".join(f"c-{n:06d}" for n in range(20_000)))
    words = f"--home {lively} export recommendations --out {file} --users {tmp_path / 'ids.txt'} --json --workers 2"
    command = [sys.executable, "-c", "from recsys.cli.app import main; main()", *words.split()]
    first = subprocess.Popen(command)
    while not list(folder.glob("part-*.json")):
        assert first.poll() is None
        time.sleep(0.01)
    workers = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
    first.kill()
    first.wait()
    until = time.monotonic() + 30.0
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not file.exists()
    summary = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (summary["customers"], summary["resumed"] > 0, summary["started_again"]) == (20_000, True, [])
    assert len(lines(file)) == 20_000

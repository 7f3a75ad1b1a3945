"""Audit: every read of a customer and every change is a row, and an erased customer is a digest."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.console.page import ConsolePage
from api.console.table import PAGES
from recsys.cli.app import application
from recsys.data.audit import AuditRow
from recsys.data.store.open import open_store
from recsys.privacy.export import export_user_data
from tests.api.console.conftest import Browser, SignedIn

READING = [page for page in PAGES if page.reads]
ACTIONS = [(page, name) for page in PAGES for name in page.actions]


def rows_of(home: Path, user_id: str = "") -> list[AuditRow]:
    with closing(open_store(home, None)) as store:
        return store.audit(user_id=user_id, newest=100_000)


def test_a_list_of_customers_is_a_row_for_each_that_is_shown(console: Browser, console_home: Path) -> None:
    before = len(rows_of(console_home))
    text = console.get("/console/customers").text
    new = rows_of(console_home)[: len(rows_of(console_home)) - before]
    assert {row.user_id for row in new} == set(_shown(text))
    assert {(row.kind, row.role, row.page) for row in new} == {("read", "marketer", "/customers")}


@pytest.mark.parametrize("page", READING, ids=lambda page: page.path)
def test_a_page_about_a_customer_is_a_row_whatever_it_answers(
    signed_in: SignedIn, console_home: Path, page: ConsolePage
) -> None:
    who = f"looked-at-{page.path}"
    signed_in("operator").get(page.url, params={page.reads: who})
    assert [(row.kind, row.role, row.page) for row in rows_of(console_home, who)] == [("read", "operator", page.path)]


@pytest.mark.parametrize(("page", "name"), ACTIONS, ids=[f"{page.path}/{name}" for page, name in ACTIONS])
def test_every_change_that_is_tried_is_a_row_before_it_is_made(
    signed_in: SignedIn, console_home: Path, page: ConsolePage, name: str
) -> None:
    before = len(rows_of(console_home))
    signed_in("operator").submit(f"{page.url}/{name}")
    new = rows_of(console_home)[: len(rows_of(console_home)) - before]
    assert ("change", "operator", f"{page.path}/{name}") in {(row.kind, row.role, row.page) for row in new}


def test_an_access_request_says_who_saw_the_customer(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, None)) as store:
        store.add_audit([AuditRow(7, "k", "viewer", "read", "/customer", "ann")])
        document = json.loads(b"".join(export_user_data(store, tmp_path, None, "ann")))
    assert document["audit"] == [{"at": 7, "role": "viewer", "kind": "read", "page": "/customer"}]


def test_the_audit_is_read_on_the_command_line_and_deleted_by_age(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, None)) as store:
        store.add_audit([AuditRow(at, "k", "viewer", "read", "/customer", f"u{at}") for at in (5, 10)])
    words = ["--home", str(tmp_path), "audit", "u10", "--json"]
    result = CliRunner().invoke(application(), words)
    assert [row["user_id"] for row in json.loads(result.stdout)] == ["u10"]
    with closing(open_store(tmp_path, None)) as store:
        assert store.count_audit(before_ms=10) == 1
        store.drop_audit_before(10)
        assert [row.at_ms for row in store.audit()] == [10]


def _shown(text: str) -> list[str]:
    return [part.partition('"')[0] for part in text.split("/console/customer?id=")[1:]]

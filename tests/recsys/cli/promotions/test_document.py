"""`recsys promotions`: refused with line and reason, saved, shown, restored."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.facts import Fact, FactKind
from recsys.data.store.open import open_store
from tests.homes import copy_home

TEXT = """[[promotions]]
id = "first"
title = "10 % off"
kind = "discount"
categories = ["category-0"]
percent = 10
budget = 20
"""


@pytest.fixture(scope="module")
def home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("promotions") / "home"
    copy_home(trained_home, home)
    return home


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


def written(home: Path, text: str) -> str:
    file = home.parent / "promotions.toml"
    file.write_text(text)
    return str(file)


def test_promotions_are_saved_shown_with_their_budget_and_restored(home: Path) -> None:
    assert run(home, "promotions", "put", written(home, TEXT)).exit_code == 0
    store = open_store(home, None)
    store.add_facts([Fact("f", "user-000", FactKind.COUPON, 1_000, 4.5, "redeemed", "first")])
    store.close()
    shown = json.loads(run(home, "promotions", "show", "first", "--json").stdout)
    assert (shown["redeemed"], shown["spent"], shown["left"]) == (1, 4.5, 15.5)
    assert run(home, "promotions", "put", written(home, "")).exit_code == 0
    assert json.loads(run(home, "promotions", "list", "--json").stdout)["promotions"] == []
    assert run(home, "promotions", "restore", "1").exit_code == 0
    assert [row["id"] for row in json.loads(run(home, "promotions", "list", "--json").stdout)["promotions"]] == [
        "first"
    ]


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("percent = 10", "percent = 0", "line 6: first: percent: Input should be greater than 0, not 0"),
        ("category-0", "category-9", "line 5: first: categories: no item has the category 'category-9'; did you mean"),
        ('categories = ["category-0"]', 'items = ["nothing"]', "line 5: first: items: no item nothing"),
        (
            "percent = 10",
            "percent = 10\ncustomers = { stge = 1 }",
            "line 7: first: customers: no customer has the",
        ),
    ],
)
def test_a_fault_is_shown_with_its_line_and_nothing_changes(home: Path, before: str, after: str, problem: str) -> None:
    file = written(home, TEXT.replace(before, after))
    checked = run(home, "promotions", "check", file)
    assert (checked.exit_code, problem in checked.output) == (1, True), checked.output
    versions = run(home, "promotions", "history").output
    assert run(home, "promotions", "put", file).exit_code == 1
    assert run(home, "promotions", "history").output == versions

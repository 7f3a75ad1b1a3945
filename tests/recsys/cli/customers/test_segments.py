"""`recsys segments`: refused with line and reason, previewed, saved, restored, and used by rules."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.entities import User
from recsys.data.store.open import open_store
from tests.homes import copy_home

EVEN = '[[segments]]\nname = "even"\nwhere = { bought = { where = { category = "category-0" } } }\n'
BOOST = '[[rules]]\nid = "r"\nkind = "pin"\nslot = 1\nitems = ["item-021"]\nreason = "x"\ncustomers = "segment:even"\n'


@pytest.fixture(scope="module")
def home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("segments") / "home"
    copy_home(trained_home, home)
    store = open_store(home, None)
    store.put_users([User("user-000", {"country": "AT"})])
    store.close()
    return home


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


def written(home: Path, name: str, text: str) -> str:
    file = home.parent / name
    file.write_text(text)
    return str(file)


def test_segments_are_checked_saved_and_used_by_a_rule(home: Path) -> None:
    file = written(home, "even.toml", EVEN)
    assert run(home, "segments", "check", file).output.startswith("even: 30 customers")
    assert run(home, "segments", "put", file).exit_code == 0
    assert json.loads(run(home, "segments", "list", "--json").stdout)["segments"][0]["customers"] == 30
    assert json.loads(run(home, "segments", "try", "even", "--json").stdout)["customers"] == 30
    assert run(home, "rules", "put", written(home, "rules.toml", BOOST)).exit_code == 0
    first = {
        user: json.loads(run(home, "recommend", user, "--json").stdout)["items"][0]["item_id"]
        for user in ("user-002", "user-003")
    }
    assert first["user-002"] == "item-021"
    assert first["user-003"] != "item-021"
    gone = run(home, "segments", "put", written(home, "none.toml", ""))
    assert gone.exit_code == 1
    assert "the rule 'r' is meant for it" in gone.output


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('stage = "nwe"', "line 3: even: where: stage: 'nwe' is none of its values; did you mean 'new'?"),
        ('bought = { where = { categry = "a" } }', "line 3: even: where: no item has the attribute 'categry'"),
        ('not = { bought = { where = { category = "category-" } } }', "no item has the category 'category-'; did you"),
        ('any = [{ contry = "AT" }]', "no customer has the attribute 'contry'; did you mean 'country'?"),
    ],
)
def test_a_check_names_line_and_reason_and_the_nearest_name(home: Path, text: str, problem: str) -> None:
    file = written(home, "bad.toml", f'[[segments]]\nname = "even"\nwhere = {{ {text} }}\n')
    result = run(home, "segments", "check", file)
    assert result.exit_code == 1
    assert problem in result.output


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('customers = "segment:even"', 'customers = "segment:evn"', "line 7: r: customers: no segment 'evn'"),
        ('customers = "segment:even"', 'customers = "nwe"', "no customers 'nwe'; did you mean 'new'?"),
        (
            'customers = "segment:even"',
            'segment = { contry = "AT" }',
            "line 7: r: segment: no customer has",
        ),
        ('items = ["item-021"]', 'where = { colr = "red" }', "line 5: r: where: no item has the attribute 'colr'"),
        ('items = ["item-021"]', 'categories = ["category-"]', "line 5: r: categories: no item has the category"),
        ('items = ["item-021"]', 'where = { brand = "Acm" }', "line 5: r: where: no item has the brand 'Acm'"),
    ],
)
def test_rules_with_a_name_that_there_is_not_are_refused(home: Path, old: str, new: str, problem: str) -> None:
    run(home, "segments", "put", written(home, "even.toml", EVEN))
    result = run(home, "rules", "check", written(home, "bad-rules.toml", BOOST.replace(old, new)))
    assert result.exit_code == 1
    assert problem in result.output

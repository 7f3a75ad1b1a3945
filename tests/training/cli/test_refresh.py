"""`recsys refresh` says what it made, and ends with an exit code of its own where there was nothing to do."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.cli.context import GATE_REFUSED, NOTHING_NEW, OK, USER_ERROR
from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from recsys.testing import NOW
from recsys.time_units import DAY_MS
from tests.homes import copy_home


@pytest.fixture
def home(trained_home: Path, tmp_path: Path) -> Path:
    return copy_home(trained_home, tmp_path / "home")


def refresh(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "refresh", *words])


def sell(home: Path, *user_ids: str) -> None:
    at_ms = round((NOW + 1) * DAY_MS)
    with closing(open_store(home, None)) as store:
        store.append([Event(f"e-{name}", name, "item-005", Kind.PURCHASE, at_ms, price=1.0) for name in user_ids])


def test_it_names_the_release_and_whose_models_it_has(home: Path) -> None:
    live = (home / "bundles" / "LIVE").read_text().strip()
    sell(home, "user-001")
    result = refresh(home, "--json")
    made = json.loads(result.stdout)
    assert (result.exit_code, made["is_new"], made["models_of"]) == (OK, True, live)
    assert (home / "bundles" / "LIVE").read_text().strip() == made["version"]


def test_nothing_new_has_an_exit_code_of_its_own(home: Path) -> None:
    result = refresh(home)
    assert result.exit_code == NOTHING_NEW
    assert "nothing new" in result.stdout
    assert refresh(home, "--always").exit_code == OK


def test_a_release_with_something_wrong_has_another_one_and_says_what(home: Path) -> None:
    sell(home, *(f"new-{n}" for n in range(40)))
    result = refresh(home)
    assert result.exit_code == GATE_REFUSED
    assert "customers: 100 after 60" in " ".join(result.stdout.split())


def test_before_the_first_training_it_says_what_to_do(tmp_path: Path) -> None:
    sell(tmp_path, "user-001")
    result = refresh(tmp_path)
    assert result.exit_code == USER_ERROR
    assert "recsys train" in result.output

"""Look-alikes of a list on the command line: members out, consent obeyed, unknown ids told, small lists refused."""

import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.entities import User
from recsys.data.store.open import open_store
from tests.homes import copy_home

NO_MARKETING, NO_PERSONALISATION = "user-058", "user-057"
MEMBERS = [f"user-{number:03}" for number in range(52)]


@pytest.fixture(scope="module")
def home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of 60 customers of whom one refuses marketing, and one any use."""
    home = copy_home(trained_home, tmp_path_factory.mktemp("alike") / "home")
    store = open_store(home, None)
    refusals = {NO_MARKETING: "marketing", NO_PERSONALISATION: "personalisation"}
    store.put_users([User(user_id, consent={purpose: False}) for user_id, purpose in refusals.items()])
    store.close()
    return home


def run(home: Path, folder: Path, ids: Iterable[str], *words: str) -> Result:
    file = folder / "ids.csv"
    file.write_text("\n".join(ids))
    return CliRunner().invoke(application(), ["--home", str(home), "lookalikes", str(file), *words])


def test_members_and_who_refused_are_left_out_and_unknown_ids_are_told(home: Path, tmp_path: Path) -> None:
    result = json.loads(run(home, tmp_path, ["user_id", *MEMBERS, "nobody"], "--json").stdout)
    alike = {row["user_id"] for row in result["lookalikes"]}
    assert alike == {f"user-{number:03}" for number in range(52, 60)} - {NO_MARKETING, NO_PERSONALISATION}
    assert (result["members"], result["unknown_ids"]) == (52, ["nobody"])
    assert 0 <= result["held_out_auc"] <= 1


def test_a_file_takes_the_most_alike_and_the_terminal_says_how_sure_it_is(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    text = run(home, tmp_path, ["user_id", *MEMBERS, "nobody"], "--limit", "3", "--csv", str(out)).stdout
    assert len(pl.read_csv(out)) == 3
    assert f"3 customers written to {out}, like 52 of the list" in text
    assert "Held-out AUC" in text
    assert "Not known to the release: nobody" in text


def test_a_list_below_fifty_is_refused(home: Path, tmp_path: Path) -> None:
    result = run(home, tmp_path, ["user_id", *MEMBERS[:49]])
    assert result.exit_code == 1
    assert "49 customers of the list have an order" in result.stderr

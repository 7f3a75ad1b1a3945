"""Import of facts: each line is accepted, already known, or refused with its reason."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from recsys.cli.app import application
from recsys.data.entities import User
from recsys.data.facts import Fact, FactKind
from recsys.data.store.open import open_store

AT = "2023-01-01T00:00:00Z"
AT_MS = 1_672_531_200_000
MAPS = ("--map", "user_id=customer,at=time,text=query,value=hits")


def run(home: Path, *words: object) -> dict[str, Any]:
    result = CliRunner().invoke(application(), ["--home", str(home), *map(str, words), "--json"])
    assert result.exit_code in (0, 3), result.output
    return dict(json.loads(result.stdout))


def stored(home: Path, user_id: str) -> list[Fact]:
    return open_store(home, None).user_facts(user_id)


def test_a_file_of_searches_becomes_facts_once(tmp_path: Path) -> None:
    file = tmp_path / "searches.csv"
    file.write_text(
        f"customer,time,query,hits\nu,{AT},oat milk,0\nu,{AT},oat milk,0\n,{AT},x,1\nu,{AT},,1\nu,late,x,1\n"
    )
    first = run(tmp_path, "import", "facts", file, "--kind", "search", *MAPS)["files"][0]
    assert (first["accepted"], first["known"]) == (2, 0)
    assert first["reasons"] == {
        "no user_id": 1,
        "a time that cannot be read": 1,
        "text: of a search it is the query": 1,
    }
    again = run(tmp_path, "import", "facts", file, "--kind", "search", *MAPS)["files"][0]
    assert (again["accepted"], again["known"]) == (0, 2)
    facts = [fact._replace(fact_id="") for fact in stored(tmp_path, "u")]
    assert facts == [Fact("", "u", FactKind.SEARCH, AT_MS, 0.0, "oat milk")] * 2


def test_kinds_stand_in_the_file_and_consent_changes_its_customer(tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    rows = [
        {"user_id": "u", "kind": "message", "at": AT, "ref": "spring", "channel": "email", "text": "opened"},
        {"user_id": "u", "kind": "consent", "at": AT, "ref": "marketing", "channel": "email", "value": 0},
        {"user_id": "u", "kind": "dance", "at": AT},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tally = run(tmp_path, "import", "facts", file)["files"][0]
    assert (tally["accepted"], tally["reasons"]) == (2, {"an unknown kind": 1})
    assert open_store(tmp_path, None).user("u") == User("u", consent={"marketing/email": False})


def test_a_misspelt_kind_is_told_with_the_nearest(tmp_path: Path) -> None:
    result = CliRunner().invoke(application(), ["--home", str(tmp_path), "import", "facts", "x.csv", "--kind", "serch"])
    assert result.exit_code != 0
    assert "search" in f"{result.output} {result.exception}"

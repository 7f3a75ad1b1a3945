"""`recsys campaign` as a marketer uses it: planned in a file, drawn, exported, closed."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from tests.homes import copy_home

PLAN = """
id = "spring"
name = "Spring"
channel = "email"
starts = 2018-01-03T10:00:00Z
reading = 2018-01-31T10:00:00Z
control_share = 0.5
effect = 2.0
salt = "fixed"
audience = { where = {} }
offer = { text = "10 % off", coupon = "=cmd()" }
"""


@pytest.fixture
def home(trained_home: Path, tmp_path: Path) -> Path:
    copy_home(trained_home, tmp_path / "home")
    (tmp_path / "spring.toml").write_text(PLAN)
    return tmp_path / "home"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "campaign", *words])


def test_a_campaign_goes_from_a_file_to_the_list_of_the_treated(home: Path) -> None:
    file, out = str(home.parent / "spring.toml"), home.parent / "treated.csv"
    tried = run(home, "plan", file, "--try")
    assert "nothing was stored" in tried.output
    assert "in the hold-out of the shop" in tried.output
    assert "spring" not in run(home, "list").output
    planned = json.loads(run(home, "plan", file, "--set", "name=Other", "--json").stdout)
    assert planned["campaign"]["name"] == "Other"
    drawn = json.loads(run(home, "draw", "spring", "--force", "--json").stdout)
    assert drawn["is_new"]
    assert drawn["draw"]["eligible"] == planned["eligible"] < planned["audience"]
    assert "nothing changed" in run(home, "draw", "spring").output
    assert f"{drawn['draw']['treated']} customers" in run(home, "export", "spring", "--out", str(out)).output
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert len(rows) == drawn["draw"]["treated"]
    assert {row["coupon"] for row in rows} == {"'=cmd()"}, "no spreadsheet runs it as a formula"
    assert "closed" in run(home, "close", "spring").output
    refused = run(home, "export", "spring", "--out", str(out))
    assert refused.exit_code == 1
    assert "is closed: nobody is exported" in refused.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("export c1", "give one of both"),
        ("show c1", "no campaign 'c1'"),
        ("plan --set id=c1", "audience: Field required"),
        ("plan --set id", "write it as FIELD=VALUE"),
        ("plan --set audience={", "no JSON"),
        ("plan {file} --set audience.segment=x", "give one of where, segment and item"),
        ("plan {file} --set reading=2017-01-01", "must be after starts"),
        ("plan {file} --set cost_per_contact=2 --set budget=1", "does not pay for one contact"),
        ("plan {file} --set chanel=sms", "chanel"),
    ],
)
def test_a_mistake_is_named(home: Path, words: str, message: str) -> None:
    file = str(home.parent / "spring.toml")
    result = run(home, *words.format(file=file).split()) if "={" not in words else run(home, *words.split())
    assert (result.exit_code, message in result.output.replace("\n", " ")) == (1, True), result.output

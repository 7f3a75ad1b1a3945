"""Every command of the tree: one JSON document with --json, and no home made by a command that only reads."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner, Result

from recsys.bundle import live_version
from recsys.cli.app import application
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer
from recsys.time_units import now_ms
from tests.homes import copy_home

NO_RESULT = {"console", "serve"}  # runs until it is stopped
RULES = '[[rules]]\nid = "no-7"\nkind = "block"\nitems = ["item-007"]\nreason = "recalled"\n'
SEGMENTS = '[[segments]]\nname = "lately"\nwhere = { recency_days = { lte = 30 } }\n'
PROMOTIONS = '[[promotions]]\nid = "coffee-10"\ntitle = "x"\nkind = "discount"\nitems = ["item-001"]\npercent = 10\n'
CAMPAIGN = (
    "--set id=c1 --set audience.where={{}} --set channel=email --set starts=2018-01-03 --set reading=2018-02-01"
    " --set control_share=0.5 --set effect=1"
)
EXPERIMENT = 'id = "popular"\nshare = 50\n[b.placements.home]\nsources = ["popular"]\nmix = "in-order"\n'
ORDERS = "user_id,item_id,at,order_id\nnew-user,item-001,2017-11-01,o-1\n"
ARGUMENTS = {
    "recommend": "user-003 -k 3",
    "similar": "item-003 -k 3",
    "why": "user-003 item-003",
    "predict": "user-003 item-003",
    "audience": "item-003",
    "customer": "user-003",
    "customers list": "",
    "customers summary": "",
    "customers changes": "--since 2017-11-01",
    "pairs": "--by category --least 2",
    "movers": "--days 28",
    "kpis": "--by month",
    "cohorts": "",
    "settings": "",
    "expected-units": "",
    "reminders": "",
    "customers clusters": "",
    "lookalikes": "{ids}",
    "segments check": "{segments}",
    "segments try": "lately",
    "segments put": "{segments}",
    "segments history": "",
    "segments restore": "1",
    "segments list": "",
    "offers": "user-003",
    "promotions bundles": "--least 2",
    "promotions upsell": "item-003",
    "promotions table": "",
    "promotions loyalty": "",
    "promotions effect": "{orders} --week-one 2017-10-30 --map item_id=item_id,channel=user_id,week=at,on=at",
    "promotions responses": "c-1 c-2",
    "promotions check": "{promotions}",
    "promotions put": "{promotions}",
    "promotions list": "",
    "promotions show": "coffee-10",
    "promotions history": "",
    "promotions restore": "1",
    "experiment plan": "{experiment}",
    "experiment list": "",
    "experiment read": "",
    "experiment stop": "popular",
    "experiment start": "{experiment_2}",
    "campaign plan": f"--try {CAMPAIGN}",
    "campaign list": "",
    "campaign show": "c1",
    "campaign draw": "c1 --force",
    "campaign export": "c1 --out {folder}/treated.csv",
    "campaign close": "c1",
    "campaign result": "c1",
    "rules check": "{rules}",
    "rules try": "{rules}",
    "rules put": "{rules}",
    "rules history": "",
    "rules restore": "1",
    "import events": "{orders} --kind purchase",
    "import items": "{items}",
    "import users": "{users}",
    "import facts": "{facts} --kind sign_up",
    "facts summary": "",
    "import profiles": "",
    "import look": "{orders}",
    "check": "",
    "train": "",
    "refresh": "--always",
    "tune": "--seconds 1 --model popularity",
    "backup": "{backups}",
    "restore": "{backups} --list",
    "releases": "",
    "promote": "{live}",
    "canary judge": "",
    "canary stop": "",
    "rollback": "",
    "schedule": "--next",
    "runs notify": "",
    "runs show": "{run}",
    "warn": "--since 2017-11-01",
    "sweep": "",
    "evaluate": "--windows 1 --days 21",
    "compare": "{live} {live}",
    "audit": "",
    "doctor": "",
    "keys create": "storefront --scope read",
    "keys list": "",
    "keys rotate": "{key}",
    "keys revoke": "{key}",
    "keys forget": "--yes",
    "keys signing": "",
    "users export": "user-003",
    "users erase": "user-004 --yes",
    "users unmerge": "user-003",
    "users receipt": "{receipt}",
    "shown": "",
    "export audience": "item-003 --out {folder}/audience.csv",
    "export events": "--kind purchase --out {folder}/events.csv",
    "export items": "--out {folder}/items.jsonl",
    "export people": "--out {folder}/people.parquet",
    "export recommendations": "--out {folder}/lists.csv -k 3 --workers 1",
}
# In this small shop: nobody merged, no release before, no canary, no ratings, no later weeks, too few to learn from.
FAILS = {
    "experiment start",
    "campaign result",  # its reading date has not come by the end of the log
    "expected-units",
    "customers clusters",
    "reminders",
    "users unmerge",
    "rollback",
    "canary stop",
    "predict",
    "compare",
    "promotions effect",
    "promotions responses",
}
MAY_FIND_FAULTS = {"doctor", "sweep"}  # exit code 1 with a result
MAKES_A_HOME = {
    "import events",
    "import items",
    "import users",
    "import facts",
    "keys create",
    "rules put",
    "rules restore",
    "segments put",
    "segments restore",
    "promotions put",
    "promotions restore",
    "serve",
}


def leaves(command: Any, name: str = "") -> Iterator[str]:
    """The full names of all commands that have none below."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name.strip()
        return
    for word, inner in below.items():
        yield from leaves(inner, f"{name} {word}")


def run(home: Path, name: str, words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *name.split(), *words.split()])


@pytest.fixture(scope="module")
def shop(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A home with a release, a logged answer, a key, a receipt and two versions of rules; and words for arguments."""
    folder = tmp_path_factory.mktemp("tree")
    home = folder / "home"
    copy_home(trained_home, home)
    (home / "recsys.toml").write_text("[notify]\ncommand = ['true']\n")
    texts = {"rules": RULES, "orders": ORDERS, "items": "item_id,name\nitem-001,Tea\n", "users": "user_id\nu-1\n"}
    texts["ids"] = "user_id\n" + "".join(f"user-{number:03}\n" for number in range(55))
    texts["segments"], texts["promotions"] = SEGMENTS, PROMOTIONS
    texts["experiment"], texts["experiment_2"] = EXPERIMENT, EXPERIMENT.replace('popular"\nshare', 'second"\nshare')
    texts["facts"] = "user_id,at,ref\nu-1,2017-11-01,newsletter\n"
    for name, text in texts.items():
        (folder / name).with_suffix(".csv").write_text(text)
    words = {name: str((folder / name).with_suffix(".csv")) for name in texts}
    run(home, "rules put", words["rules"])
    run(home, "segments put", words["segments"])
    run(home, "promotions put", words["promotions"])
    run(home, "campaign plan", CAMPAIGN.format())
    run(home, "campaign draw", "c1 --force")
    run(home, "experiment start", words["experiment"])
    words["backups"] = str(folder / "backups")
    run(home, "backup", words["backups"])
    answer = run(home, "recommend", "user-003 --json").stdout.encode()
    AnswerLog(home / ANSWER_LOG_FILE).append([LoggedAnswer("r-1", now_ms() - 1_000, "user-003", answer)])
    key = json.loads(run(home, "keys create", "first --scope read --json").stdout)["id"]
    receipt = json.loads(run(home, "users erase", "user-005 --yes").stdout)["receipt_id"]
    return home, {
        **words,
        "key": key,
        "receipt": receipt,
        "run": json.loads(run(home, "runs", "--json").stdout)[0]["run_id"],
        "live": str(live_version(home / "bundles")),
        "folder": str(folder),
    }


def test_the_table_below_holds_every_command() -> None:
    assert set(leaves(typer.main.get_command(application()))) - NO_RESULT == set(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_command_with_json_prints_exactly_one_document(name: str, shop: tuple[Path, dict[str, str]]) -> None:
    home, words = shop
    result = run(home, name, f"{ARGUMENTS[name].format(**words)} --json")
    if name in FAILS and not result.stdout:
        assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
        return
    assert result.exit_code in ((0, 1) if name in MAY_FIND_FAULTS else (0,)), result.output
    assert isinstance(json.loads(result.stdout), dict | list)


@pytest.mark.parametrize("name", sorted(ARGUMENTS.keys() - MAKES_A_HOME))
def test_a_mistyped_home_is_told_and_not_made(name: str, shop: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    result = run(tmp_path / "mistyped", name, ARGUMENTS[name].format(**shop[1]))
    assert list(tmp_path.iterdir()) == []
    needs_none = {"restore", "rules check", "import profiles", "import look", "rules history", "keys list", "releases"}
    needs_none |= {"settings", "segments check", "segments history", "promotions check", "promotions history"}
    assert (result.exit_code == 0) == (name in needs_none), result.output
    assert name in needs_none or str(tmp_path / "mistyped") in result.output.replace("\n", "")


def test_files_are_checked_without_making_a_home(shop: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    result = run(tmp_path / "none", "check", f"--events {shop[1]['orders']} --kind purchase --json")
    assert isinstance(json.loads(result.stdout), dict)
    assert list(tmp_path.iterdir()) == []


def test_a_question_is_no_part_of_the_document(shop: tuple[Path, dict[str, str]]) -> None:
    words = ["--home", str(shop[0]), "users", "erase", "user-006", "--json"]
    result = CliRunner().invoke(application(), words, input="y\n")
    document = result.stdout.strip().removeprefix("y")  # the runner repeats what is typed
    assert json.loads(document)["kind"] == "erasure"
    assert "Erase customer user-006" in result.stderr

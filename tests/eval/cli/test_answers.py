"""`recsys evaluate --from-answers` on lists that the trained home itself drew and logged."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.cli.context import CliContext, live_recommender, query_for
from recsys.data.answer_log.answer_log import AnswerLog, LoggedAnswer
from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from recsys.ranking.query import ListOptions, to_json
from recsys.time_units import now_ms
from tests.homes import copy_home

USERS, ROUNDS = 24, 10


@pytest.fixture(scope="module")
def home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten explored lists of three to each of 24 customers, and one list that was not; every first item is clicked."""
    return logged(trained_home, tmp_path_factory.mktemp("answers") / "home", rounds=ROUNDS, has_clicks=True)


def logged(trained_home: Path, folder: Path, *, rounds: int, has_clicks: bool) -> Path:
    copy_home(trained_home, folder)
    answers, clicks, at_ms = list[LoggedAnswer](), list[Event](), now_ms() - 1_000_000
    with closing(open_store(folder, None)) as store:
        recommender = live_recommender(CliContext(folder, folder), store)
        for n in range(USERS * rounds + 1):
            user = f"user-{n % USERS:03}"
            options = ListOptions(seed=n) if n else None
            query = replace(query_for(store, recommender, user, placement="home", k=3), options=options)
            shown = recommender.recommend(query)
            answers.append(LoggedAnswer(f"r{n}", at_ms + n, user, orjson.dumps(to_json(shown))))
            item = shown.items[0].item_id
            # At the end of the time, so that no replay knows of it.
            clicks.append(Event(f"c{n}", user, item, Kind.CLICK, at_ms + 900_000, 1.0, request_id=f"r{n}"))
        store.append(clicks if has_clicks else [])
    with closing(AnswerLog(folder / "shown.db")) as log:
        log.append(answers)
    return folder


def evaluated(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "evaluate", "--from-answers", *words])


def rules(folder: Path, text: str) -> str:
    (folder / "rules.toml").write_text(text)
    return str(folder / "rules.toml")


def test_no_rules_earn_what_the_log_earned(home: Path, tmp_path: Path) -> None:
    result = evaluated(home, "--rules", rules(tmp_path, ""), "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    clicks = figures["rewards"]["clicks"]
    assert (figures["answers"], figures["customers"], figures["places"]) == (USERS * ROUNDS, USERS, 3)
    assert figures["effective_sample_size"] == pytest.approx(USERS * ROUNDS)
    assert clicks["log"]["value"] == pytest.approx(1)
    assert clicks["ips"]["value"] == clicks["snips"]["value"] == pytest.approx(1, rel=0.01)
    assert clicks["difference"]["value"] == pytest.approx(0, abs=0.01)
    assert ([*figures["rewards"]], figures["never_seen"]) == (["clicks"], ["purchases", "money"])
    assert figures["left_out"] == {"nothing was left to chance in them": 1}


def test_a_boost_changes_weights_and_is_told_with_its_evidence(home: Path, tmp_path: Path) -> None:
    boost = '[[rules]]\nid = "b"\nkind = "boost"\nfactor = 1.5\nitems = ["item-001"]\nreason = "New"\n'
    result = evaluated(home, "--rules", rules(tmp_path, boost), "-k", "1")
    assert result.exit_code == 0, result.output
    assert f"{USERS * ROUNDS} explored answers of home to {USERS} customers" in result.output
    assert "evidence: worth" in result.output
    assert "left out: 1 answers: nothing was left to chance" in result.output


def test_what_was_never_left_to_chance_is_refused_in_words(home: Path, tmp_path: Path) -> None:
    pin = '[[rules]]\nid = "p"\nkind = "pin"\nslot = 1\nitems = ["item-001"]\nreason = "New"\n'
    result = evaluated(home, "--rules", rules(tmp_path, pin))
    assert result.exit_code == 1
    assert "evidence about the candidate" in result.output or "cannot be known" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rules", "R", "--placement", "product"), "depends on the item on the page"),
        (("--rules", "R", "--placement", "discover"), "nothing was left to chance in any"),
        ((), "nothing to try"),
    ],
)
def test_what_cannot_be_known_is_refused(home: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    file = rules(tmp_path, "")
    result = evaluated(home, *(file if word == "R" else word for word in words))
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())


def test_lists_that_led_to_nothing_are_compared_with_nothing(trained_home: Path, tmp_path: Path) -> None:
    quiet = logged(trained_home, tmp_path / "home", rounds=3, has_clicks=False)
    result = evaluated(quiet, "--rules", rules(tmp_path, ""))
    assert result.exit_code == 1
    assert "none led to clicks, purchases, money" in " ".join(result.output.split())


def test_options_of_the_other_ways_are_refused(home: Path) -> None:
    assert evaluated(home, "--days", "7").exit_code == 2
    assert CliRunner().invoke(application(), ["--home", str(home), "evaluate", "--placement", "home"]).exit_code == 2

"""Experiments in the console: planned and started by a form, read with verdict, split and looks, and stopped."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.live import log_reports
from api.live.log_reports import Words
from api.openapi.experiment_examples import EXPERIMENT_EXAMPLES
from tests.api.console.conftest import Browser, SignedIn

PLAN, URL = "/console/experiment-plan", "/console/experiment"
FORM = {"name": "more-new", "goal": "do new things sell?", "days": "14", "looks": "2", "lift": "5"}
DISCOVER = '[placements.home]\nsources = ["discover"]\nmix = "in-order"\n'


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the service's commands print: each takes seconds."""
    found = json.loads(json.dumps(EXPERIMENT_EXAMPLES["ExperimentResultOut"]))
    found["experiment"]["salt"] = "secret"

    async def answer(_home: Path, words: Words, given: bytes = b"") -> bytes:
        trial = EXPERIMENT_EXAMPLES["ExperimentTrialOut"]
        return json.dumps(trial if words == ("experiment", "plan", "-") else found).encode()

    monkeypatch.setattr(log_reports, "run_command", answer)


@pytest.fixture
def running(signed_in: SignedIn, result: None) -> Iterator[Browser]:
    """An operator whose experiment runs."""
    operator = signed_in("operator")
    started = operator.submit(f"{PLAN}/start", **FORM, variant=DISCOVER)
    assert "It runs; only the planned looks decide." in started.text
    yield operator
    operator.submit(f"{URL}/stop", experiment="more-new", sure="1")


@pytest.mark.usefixtures("result")
def test_a_plan_says_whether_the_customers_are_enough_and_starts_nothing(
    console: Browser,
) -> None:
    answer = console.submit(f"{PLAN}/preview", **FORM, variant=DISCOVER)
    assert all(words in answer.text for words in ("Too few: 3,607 customers", "8.7 %", 'value="more-new"'))
    assert "No experiment was started yet." in console.get("/console/judge").text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"days": "a week"}, "is no number"),
        ({"days": "0"}, "days"),
        ({"variant": "placements ="}, "is no TOML"),
        ({"variant": "nothing = 1"}, "nothing"),
        ({"rules": "[[rules]]"}, "rules"),
    ],
)
def test_a_wrong_plan_is_told_in_words_with_what_was_typed(
    signed_in: SignedIn, wrong: dict[str, str], words: str
) -> None:
    answer = signed_in("operator").submit(f"{PLAN}/start", **FORM | {"variant": DISCOVER} | wrong)
    assert (answer.status_code, words in answer.text, 'value="more-new"' in answer.text) == (422, True, True)


def test_a_running_experiment_shows_its_verdict_split_effects_and_looks_until_it_is_stopped(
    running: Browser, console: Browser
) -> None:
    plan = running.get(URL, params={"experiment": "more-new"}).text
    assert all(words in plan for words in ("do new things sell?", "placement home", "/experiment/result?experiment="))
    text = running.get(f"{URL}/result", params={"experiment": "more-new"}).text
    assert "Stop: B is better by 3-6.8 % in money for each customer" in text
    assert all(words in text for words in ("5,012", "Is the split chance?", "p 0.810", "decided", "not judged"))
    assert "Stop this experiment" in plan
    assert "Stop this experiment" not in console.get(URL, params={"experiment": "more-new"}).text
    assert "/console/experiment?experiment=more-new" in console.get("/console/judge").text
    assert "tick that everybody" in running.submit(f"{URL}/stop", experiment="more-new").text
    answer = running.submit(f"{URL}/stop", experiment="more-new", sure="1", reason="seen enough")
    assert all(words in answer.text for words in ("It is stopped", "Seen enough"))


def test_an_experiment_that_was_not_started_is_told_in_words(console: Browser) -> None:
    answer = console.get(URL, params={"experiment": "nobody"})
    assert (answer.status_code, "no experiment" in answer.text) == (404, True)

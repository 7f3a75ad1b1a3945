"""Terminal card: `recsys customer`, in words and as JSON."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from recsys.cli.app import application


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "customer", *words])


def test_the_card_says_who_the_customer_is(trained_home: Path) -> None:
    text = run(trained_home, "user-003").stdout
    for words in ("Customer user-003, as of", "growing since", "score", "offer now", "not known: "):
        assert words in text


def test_the_card_as_json_is_that_of_the_service(trained_home: Path) -> None:
    card = json.loads(run(trained_home, "user-003", "--json").stdout)
    assert card["user_id"] == "user-003"
    assert card["stage"]["name"] == "growing"


def test_a_customer_whom_nobody_knows_is_an_error(trained_home: Path) -> None:
    result = run(trained_home, "nobody")
    assert result.exit_code == 1
    assert "no customer 'nobody'" in result.stderr

"""Off-policy over HTTP: rules are checked first, and the command is given their text and nothing else."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.live import log_reports
from api.live.log_reports import Words

URL = "/v1/evaluations:try"


def test_the_rules_are_given_to_the_command_on_its_standard_input(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = list[tuple[Words, bytes]]()

    async def answer(_home: Path, words: Words, text: bytes = b"") -> bytes:
        given.append((words, text))
        return b"{}"

    monkeypatch.setattr(log_reports, "run_command", answer)
    rules = '[[rules]]\nid = "b"\nkind = "bury"\nitems = ["item-001"]\nreason = "x"\n'
    assert client.post(URL, json={"rules": rules, "since": "2026-01-01T00:00:00Z"}).status_code == 200
    words = ("evaluate", "--from-answers", "--rules=-", "--placement=home", "-k", "3", "--since=2026-01-01T00:00:00")
    assert given == [(words, rules.encode())]
    for wrong, code in (
        ({"rules": "[[rules]]\n"}, "bad_rules"),
        ({"rules": "", "placement": "--help"}, "invalid"),
        ({"rules": "", "k": 0}, "invalid"),
    ):
        assert client.post(URL, json=wrong).json()["error"]["code"] == code
    assert len(given) == 1


@pytest.mark.slow
def test_the_command_says_that_nothing_was_left_to_chance(client: TestClient) -> None:
    error = client.post(URL, json={"rules": "", "placement": "discover"}).json()["error"]
    assert "nothing was" in error["message"]

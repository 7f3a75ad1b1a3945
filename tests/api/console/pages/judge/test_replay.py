"""Other rules in the console: judged on the answers of the log, or a refusal in words."""

import json
from pathlib import Path

import pytest

from api.errors.refused import Refused
from api.live import log_reports
from api.live.log_reports import Words
from api.openapi.judge_examples import JUDGE_EXAMPLES
from tests.api.console.conftest import Browser, SignedIn

URL = "/console/replay"


def test_the_estimates_stand_with_their_intervals_and_their_evidence(
    console: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_home: Path, _words: Words, _given: bytes = b"") -> bytes:
        return json.dumps(JUDGE_EXAMPLES["AnswersEvaluationOut"]).encode()

    monkeypatch.setattr(log_reports, "run_command", answer)
    text = console.submit(f"{URL}/judge", toml="# none", placement="home", places="3").text
    assert all(words in text for words in ("210 (190 to 230)", "-10 (-26 to +6)", "402 customers", "worth 842"))


def test_what_the_log_cannot_know_or_was_typed_wrongly_is_told_in_words(
    console: Browser, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_home: Path, _words: Words, _given: bytes = b"") -> bytes:
        raise Refused("not_enough_data", "nothing was left to chance in any")

    monkeypatch.setattr(log_reports, "run_command", refuse)
    for fields, words in (
        ({"toml": "# none"}, "nothing was left to chance"),
        ({"toml": ""}, "which rules?"),
        ({"toml": "[[rules]]"}, "line 1"),
        ({"toml": "# none", "places": "all"}, "is no number"),
    ):
        answer = console.submit(f"{URL}/judge", **fields)
        assert (answer.status_code, words in answer.text) == (422, True), answer.text
    assert "Judge</button>" not in signed_in("viewer").get(URL).text

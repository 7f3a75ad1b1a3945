"""Settings in the console: values, sources, what a change needs, and no way to change or to see a secret."""

from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from api.live import log_reports
from recsys.cli.settings.describe import describe_settings
from tests.api.console.conftest import HOSTILE, Browser, SignedIn

URL = "/console/settings"
FILE = f"""
[serve]
workers = 3
[notify]
command = ["sh", {orjson.dumps(HOSTILE).decode()}]
webhook = "https://shop.example/hunter2"
"""


@pytest.fixture
def operator(signed_in: SignedIn, console_home: Path, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """An operator whose settings were changed after the service started."""
    file = console_home / "changed.toml"
    file.write_text(FILE)

    async def describe(_home: Path, _words: tuple[str, ...], _given: bytes = b"") -> bytes:
        return orjson.dumps({"file": str(file), "settings": [asdict(row) for row in describe_settings(file, {})]})

    monkeypatch.setattr(log_reports, "run_command", describe)
    return signed_in("operator")


def test_what_was_changed_is_shown_with_its_source_and_when_it_counts(operator: Browser) -> None:
    text = operator.get(URL, params={"only": "changed"}).text
    for words in ("serve.workers", "changed.toml", "when the service starts again: recsys serve", "notify.webhook"):
        assert words in text
    assert "serve.workers was changed to 3 since the service of this console started with 1" in text
    assert "serve.port" not in text
    assert "&lt;script&gt;alert" in text
    assert "<script>alert" not in text
    assert "hunter2" not in text


def test_a_table_or_a_word_narrows_the_list(operator: Browser) -> None:
    text = operator.get(URL, params={"table": "gate", "word": "customers"}).text
    assert "gate." in text
    assert "serve.port" not in text
    assert "No setting is like that." in operator.get(URL, params={"word": "nothing is called so"}).text


def test_only_an_operator_sees_the_settings(console: Browser) -> None:
    assert console.get(URL).status_code == 403

"""Command `recsys console`: what would let nobody in is refused before it starts."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.auth.api_keys import create_key
from recsys.cli.app import application
from recsys.time_units import now_ms

GROUPS = '[console.oidc]\nissuer = "https://login.shop.example"\nclient_id = "c"\nmarketer_groups = ["crm"]\n'


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (GROUPS, "marketer_key is no valid key of the scope marketing"),
        (GROUPS + 'marketer_key = "@{home}/viewer.key"', "marketer_key is no valid key of the scope marketing"),
        (GROUPS + 'marketer_key = "@/nowhere/key"', "console.oidc.marketer_key: /nowhere/key cannot be read"),
        (GROUPS.replace("marketer_groups", "scopes"), "needs a client_id, and groups of a role"),
        (GROUPS.replace("https", "http"), "setting console.oidc.issuer = 'http://login.shop.example'"),
        (GROUPS + 'client_secrt = "s3cret"', "console.oidc.client_secrt is no setting; did you mean 'client_secret'?"),
        (GROUPS + 'client_secret = ["s3cret"]', "console.oidc.client_secret = ***"),
    ],
)
def test_a_sign_in_that_lets_nobody_in_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, words: str
) -> None:
    (tmp_path / "viewer.key").write_text(create_key(tmp_path / "keys.json", "x", ["viewer"], now_ms=now_ms())[1])
    (tmp_path / "recsys.toml").write_text(settings.replace("{home}", str(tmp_path)))
    monkeypatch.setenv("COLUMNS", "300")
    done = CliRunner().invoke(application(), ["--home", str(tmp_path), "console", "--port", "0"])
    assert (done.exit_code, words in done.output) == (1, True), done.output
    assert "s3cret" not in done.output

"""`recsys keys` on the command line, and `recsys serve` that does not open to other machines without a key."""

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from api.auth.api_keys import read_keys
from api.server.bind_address import check_address, is_loopback
from api.settings import ServerConfig
from recsys.cli.app import application
from recsys.data.store.open import open_store

RUN = CliRunner()


def keys(home: Path, *words: str) -> tuple[int, str, str]:
    done = RUN.invoke(application(), ["--home", str(home), "keys", *words], env={"COLUMNS": "200"})
    return done.exit_code, done.stdout, done.stderr


def served(home: Path, *options: str) -> tuple[int, str]:
    """What a service that does not start says: it would replace this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "execve", lambda *words: pytest.fail("the service starts"))
        done = RUN.invoke(application(), ["--home", str(home), "serve", *options])
    return done.exit_code, done.stderr


def test_a_new_key_is_shown_once_alone_on_standard_output_with_a_line_to_try(tmp_path: Path) -> None:
    code, out, err = keys(tmp_path, "create", "storefront", "--scope", "read", "--scope", "events")
    key = out.strip()
    assert code == 0
    assert key.startswith("rk_")
    assert f"curl -H 'Authorization: Bearer {key}' 'http://127.0.0.1:8000/v1/users/" in err
    for out in keys(tmp_path, "list")[1:] + keys(tmp_path, "list", "--json")[1:]:
        assert key.split("_", 2)[2] not in out


def test_the_line_to_try_a_browsers_key_sends_its_origin(tmp_path: Path) -> None:
    words = ("create", "page", "--scope", "events", "--origin", "https://shop.example", "--days", "30")
    _, _, err = keys(tmp_path, *words)
    assert "-H 'Origin: https://shop.example' http://127.0.0.1:8000/v1/events -d '{" in err
    made = read_keys(tmp_path / "keys.json")
    assert made is not None
    assert made[0].expires_at_ms is not None
    assert abs(made[0].expires_at_ms / 1_000 - time.time() - 30 * 86_400) < 60


def test_the_list_shows_the_state_of_each_key(tmp_path: Path) -> None:
    for name, days in (("one", "90"), ("two", "90"), ("gone", "0")):
        keys(tmp_path, "create", name, "--scope", "read", "--days", days)
    body = orjson.loads(keys(tmp_path, "list", "--json")[1])
    assert keys(tmp_path, "revoke", body[1]["id"])[0] == 0
    assert keys(tmp_path, "revoke", body[1]["id"])[0] == 0  # once more changes nothing
    body = orjson.loads(keys(tmp_path, "list", "--json")[1])
    assert [(key["name"], key["state"]) for key in body] == [("one", "valid"), ("two", "revoked"), ("gone", "expired")]
    assert "digest" not in body[0]
    table = keys(tmp_path, "list")[1]
    assert all(word in table for word in ("one", "two", "gone", "valid", "revoked", "expired"))


def test_the_list_says_when_a_key_was_last_used_and_stays_whole_beside_a_damaged_log(tmp_path: Path) -> None:
    keys(tmp_path, "create", "shop", "--scope", "read")
    (key,) = orjson.loads(keys(tmp_path, "list", "--json")[1])
    assert key["used_at_ms"] is None
    assert not (tmp_path / "shop.db").exists()
    with closing(open_store(tmp_path, None)) as store:
        store.note_uses({key["id"]: 1_512_484_200_000})
    assert "2017-12-05 14:30" in keys(tmp_path, "list")[1]
    for file in tmp_path.glob("shop.db*"):
        file.unlink()
    (tmp_path / "shop.db").write_bytes(b"no database" * 1_000)
    code, out, err = keys(tmp_path, "list")
    assert (code, "shop" in out, "is not known" in err) == (0, True, True)


def test_an_unknown_key_cannot_be_revoked(tmp_path: Path) -> None:
    code, _, err = keys(tmp_path, "revoke", "00000000")
    assert code == 1
    assert "`recsys keys list` shows the ids" in err


def test_the_key_file_may_be_set_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_SERVE_KEYS_FILE", str(tmp_path / "secrets" / "keys.json"))
    assert keys(tmp_path / "home", "create", "x", "--scope", "read")[0] == 0
    assert (tmp_path / "secrets" / "keys.json").is_file()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_without_keys_it_does_not_listen_on_other_addresses_and_says_what_to_do(tmp_path: Path, host: str) -> None:
    code, output = served(tmp_path, "--host", host)
    assert code == 1
    assert output.startswith("bad_settings: host ")
    assert "recsys keys create NAME" in output
    assert len(output.splitlines()) == 1


def test_started_without_the_command_it_does_not_listen_on_other_addresses_either(tmp_path: Path) -> None:
    env = {**os.environ, "RECSYS_HOME": str(tmp_path), "RECSYS_SERVE_HOST": "0.0.0.0"}
    done = subprocess.run([sys.executable, "-m", "api.server"], capture_output=True, text=True, env=env, timeout=30)
    assert done.returncode != 0
    assert "recsys keys create" in done.stderr


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("nowhere.invalid", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, is_ours: bool) -> None:
    assert is_loopback(host) == is_ours


def test_a_home_that_had_keys_is_opened_again_by_forgetting_them_only(tmp_path: Path) -> None:
    keys(tmp_path, "create", "shop", "--scope", "read")
    (tmp_path / "keys.json").unlink()
    code, err = served(tmp_path, "--port", "0")
    assert code == 1
    assert "this home has had keys" in err
    doctor = RUN.invoke(application(), ["--home", str(tmp_path), "doctor"], env={"COLUMNS": "300"})
    assert doctor.exit_code == 1
    assert "the file of keys is missing" in doctor.stdout
    assert keys(tmp_path, "forget")[0] == 1
    assert (tmp_path / "keys.required").exists()
    assert keys(tmp_path, "forget", "--yes")[0] == 0
    check_address(ServerConfig.load(tmp_path, None, {}))


def test_the_key_pair_is_made_once_and_shown_from_then_on(tmp_path: Path) -> None:
    code, out, _ = keys(tmp_path, "signing", "--json")
    made = orjson.loads(out)
    assert code == 0
    assert [key["id"] for key in made["trusted"]] == [made["signs_with"]]
    assert orjson.loads(keys(tmp_path, "signing", "--json")[1]) == made
    assert made["signs_with"] in keys(tmp_path, "signing")[1]


def test_the_pair_is_rotated_and_the_old_key_withdrawn(tmp_path: Path) -> None:
    old = orjson.loads(keys(tmp_path, "signing", "--json")[1])["signs_with"]
    new = orjson.loads(keys(tmp_path, "signing", "--rotate", "--json")[1])
    assert [key["id"] for key in new["trusted"]] == [old, new["signs_with"]]
    left = orjson.loads(keys(tmp_path, "signing", "--distrust", old, "--json")[1])
    assert [key["id"] for key in left["trusted"]] == [new["signs_with"]]
    assert keys(tmp_path, "signing", "--distrust", new["signs_with"])[0] == 1
    assert keys(tmp_path, "signing", "--rotate", "--distrust", old)[0] == 1

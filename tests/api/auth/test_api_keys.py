"""API keys: they are created and listed, and the file holds only their digests."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from api.auth.api_keys import SCOPES, create_key, read_keys, revoke_key, rotate_key
from recsys.errors import BadFile, BadInput
from tests.api.conftest import NOW, SHOP, Worker, bearer, new_key


def test_no_file_holds_the_key_itself(home: Path, key_file: Path, worker: Worker) -> None:
    key = new_key(key_file, "read")
    worker().get("/v1/users/user-002/recommendations", headers=bearer(key))
    secret = key.split("_", 2)[2].encode()
    assert not [path for path in home.rglob("*") if path.is_file() and secret in path.read_bytes()]


def test_keys_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    key_file = tmp_path / "new" / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        made_keys = list(pool.map(lambda _: new_key(key_file, "read"), range(40)))
    kept = read_keys(key_file)
    assert kept is not None
    assert {key.id for key in kept} == {key.split("_")[1] for key in made_keys}


@pytest.mark.parametrize(
    ("name", "scopes", "origins", "says"),
    [
        ("x", [], [], "without scopes"),
        ("x", ["reed"], [], "'reed' is no scope"),
        ("", ["read"], [], "1 to 100 printable"),
        ("a\nb", ["read"], [], "1 to 100 printable"),
        ("x", ["read"], ["shop.example"], "no origin"),
        ("x", ["read"], ["https://shop.example/"], "without a path"),
        ("x", ["read", "catalogue"], [SHOP], "read and events only"),
        ("x", ["admin"], [SHOP], "read and events only"),
    ],
)
def test_an_invalid_key_is_not_created(
    tmp_path: Path, name: str, scopes: list[str], origins: list[str], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        create_key(tmp_path / "keys.json", name, scopes, now_ms=NOW, origins=origins)
    assert not (tmp_path / "keys.json").exists()


def test_the_list_as_json_holds_everything_but_the_digest(key_file: Path, keys: dict[str, str]) -> None:
    body = orjson.loads(key_file.read_bytes())["keys"]
    assert [key["scopes"] for key in body] == [[scope] for scope in SCOPES]
    assert all(len(key["digest"]) == 64 for key in body)


def test_a_rotated_key_hands_on_its_rights_and_lifetime_and_ends_within_it(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    old, _ = create_key(file, "page", ["events"], now_ms=NOW, origins=[SHOP], expires_at_ms=NOW + 1_000)
    made = rotate_key(file, old.id, now_ms=NOW + 400, keep_ms=10_000)
    assert (made.new.name, made.new.scopes, made.new.origins) == (old.name, old.scopes, old.origins)
    assert (made.new.expires_at_ms, made.old.expires_at_ms) == (NOW + 1_400, NOW + 1_000)
    assert [key.id for key in read_keys(file) or ()] == [old.id, made.new.id]
    with pytest.raises(BadInput, match="is expired"):
        rotate_key(file, old.id, now_ms=NOW + 2_000, keep_ms=0)


def test_keys_that_cannot_be_written_are_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "keys.json"
    key, _ = create_key(file, "one", ["read"], now_ms=NOW)

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("api.auth.api_keys.replace_file", refuse)
    with pytest.raises(BadFile, match="Read-only file system; let this user write there"):
        revoke_key(file, key.id, now_ms=NOW)

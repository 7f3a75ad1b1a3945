"""Nobody but the owner may read a file with data of customers, whatever the umask, and after an erasure too."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys.atomic_file import open_private
from recsys.cli.app import application
from recsys.data.store.open import open_store
from recsys.privacy.erasure import erase_user_data, sweep_storage
from tests.recsys.privacy.test_erasure import event, log_answer, rejected_lines


@pytest.fixture(params=[0, 0o022], ids=["umask 000", "umask 022"])
def umask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in home.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("umask")
def test_the_log_the_answers_and_refused_lines_are_private_before_and_after_an_erasure(tmp_path: Path) -> None:
    log_answer(tmp_path, "u")
    store = open_store(tmp_path, None)
    store.append([event("a", "u"), event("b", "v")])
    written = {name: mode for name, mode in modes(tmp_path).items() if "-place" not in name}
    assert written == dict.fromkeys(("shop.db", "shop.db-wal", "shop.db-shm", "shown.db", "log-head"), 0o600) | {
        name: 0o600 for name in written if name.startswith("shown.db-")
    }
    os.umask(0)
    file = rejected_lines(tmp_path, {"read": {"user_id": "u"}}, {"read": {"user_id": "v"}})
    erase_user_data(store, tmp_path, "u")
    sweep_storage(store, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert {name: mode for name, mode in modes(tmp_path).items() if "-place" not in name and mode != 0o600} == {}
    store.close()


@pytest.mark.usefixtures("umask")
def test_a_file_that_was_open_to_all_becomes_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    shop = tmp_path / "shop.db"
    shop.touch()
    shop.chmod(0o644)
    open_store(tmp_path, None).close()
    assert shop.stat().st_mode & 0o777 == 0o600


def test_an_export_over_a_public_file_makes_it_private(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    (tmp_path / "out").chmod(0o666)
    with open_private(tmp_path / "out", "wb") as file:
        file.write(b"new")
    assert ((tmp_path / "out").read_bytes(), (tmp_path / "out").stat().st_mode & 0o777) == (b"new", 0o600)


@pytest.mark.usefixtures("umask")
def test_nobody_outside_the_group_may_write_into_a_home_that_a_command_made(tmp_path: Path) -> None:
    made = CliRunner().invoke(
        application(), ["--home", str(tmp_path / "home"), "keys", "create", "a", "--scope", "read"]
    )
    assert made.exit_code == 0, made.output
    paths = [tmp_path / "home", *(tmp_path / "home").rglob("*")]
    assert (len(paths) > 1, [path for path in paths if path.stat().st_mode & 0o002]) == (True, [])

"""Installation integrity: files that another distribution has overwritten are named."""

import base64
import hashlib
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from api.cli import installation
from api.cli.installation import changed_files, foreign_files

OURS = b'"""Ours."""\n'


@pytest.fixture
def installed(tmp_path: Path) -> Distribution:
    """A distribution with `api/app.py` and `eval/replay.py`, as pip records it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(OURS).digest()).rstrip(b"=").decode()
    record = tmp_path / "recsys_shop-0.1.0.dist-info"
    record.mkdir()
    lines = []
    for name in ("api/app.py", "eval/replay.py"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_bytes(OURS)
        lines.append(f"{name},sha256={digest},{len(OURS)}")
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: recsys-shop\nVersion: 0.1.0\n")
    (record / "RECORD").write_text("\n".join(lines) + "\n")
    return Distribution.at(record)


def test_files_as_they_were_installed_are_sound(installed: Distribution) -> None:
    assert list(changed_files(installed)) == []


def test_a_file_of_another_package_is_named(installed: Distribution, tmp_path: Path) -> None:
    (tmp_path / "api" / "app.py").write_bytes(b"print('a stranger')\n")
    assert list(changed_files(installed)) == ["api/app.py is not the file that was installed"]


def test_a_file_that_went_with_another_package_is_named(installed: Distribution, tmp_path: Path) -> None:
    (tmp_path / "eval" / "replay.py").unlink()
    assert list(changed_files(installed)) == ["eval/replay.py is gone"]


def test_a_second_owner_of_a_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {"api": ["recsys-shop", "a-stranger"], "recsys": ["recsys-shop", "recsys-shop-client"]}
    monkeypatch.setattr(installation, "package_owners", lambda: owners)
    assert "a-stranger installs a package named api too" in foreign_files()


def test_a_package_from_another_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import training

    monkeypatch.setattr(training, "__file__", str(tmp_path / "training" / "__init__.py"))
    assert any(reason.startswith(f"training is loaded from {tmp_path}") for reason in foreign_files())

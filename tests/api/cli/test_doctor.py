"""`recsys doctor` says whether releases are signed, and what is wrong with the keys."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.cli.doctor import HealthCheck, examine
from api.settings import ServerConfig
from recsys import kernels
from recsys.bundle.key_rotation import create_signing_key
from recsys.bundle.signature import SIGNING_KEY, TRUSTED_KEYS
from recsys.shared_registry.mirror import open_mirror
from recsys.shared_registry.settings import RegistrySettings
from tests.training.releases import NAMES, writer
from training.registry import Registry

if TYPE_CHECKING:
    from s3fs import S3FileSystem


def signing(home: Path) -> HealthCheck:
    return next(check for check in examine(ServerConfig.load(home, None, {})) if check.name == "signing")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    create_signing_key(tmp_path, tmp_path / "bundles", now_ms=0)
    return tmp_path


def test_an_installation_without_a_compiler_is_named_and_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "compiled", None)
    checks = examine(ServerConfig.load(tmp_path, None, {}))
    assert [(check.is_ok, "gcc" in check.result) for check in checks if check.name == "kernels"] == [(True, True)]


def test_a_home_without_keys_is_well(tmp_path: Path) -> None:
    assert signing(tmp_path).is_ok
    assert "recsys keys signing" in signing(tmp_path).result


def test_a_home_that_signs_names_its_key(home: Path) -> None:
    check = signing(home)
    assert (check.is_ok, check.result.endswith("signs here, 1 trusted")) == (True, True)


def test_a_service_without_the_private_key_is_well(home: Path) -> None:
    (home / SIGNING_KEY).unlink()
    assert signing(home) == HealthCheck("signing", True, "no key signs here, 1 trusted")


def test_a_lost_list_and_a_key_that_it_does_not_hold_are_faults(home: Path) -> None:
    (home / TRUSTED_KEYS).write_text("")
    assert not signing(home).is_ok
    assert "add its line to" in signing(home).advice
    (home / TRUSTED_KEYS).unlink()
    assert not signing(home).is_ok
    assert "restore it from a copy" in signing(home).advice


def test_a_home_that_does_not_serve_what_is_live_in_the_shared_registry_is_named(
    bucket: "S3FileSystem", tmp_path: Path
) -> None:
    env = {"RECSYS_REGISTRY_URL": f"s3://shop/{tmp_path.name}"}
    trainer = open_mirror(tmp_path / "trainer", RegistrySettings(url=env["RECSYS_REGISTRY_URL"]))
    assert trainer is not None
    registry = Registry(trainer.home, trainer)
    registry.publish(writer(NAMES[0]))
    registry.promote(NAMES[0])

    def check_of(home: Path) -> HealthCheck:
        return next(check for check in examine(ServerConfig.load(home, None, env)) if check.name == "registry")

    assert check_of(trainer.home).is_ok
    behind = check_of(tmp_path / "host")
    assert not behind.is_ok
    assert behind.result == f"{NAMES[0]} is live there, None here"

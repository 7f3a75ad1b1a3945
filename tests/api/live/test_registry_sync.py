"""One worker of a host follows the shared registry, and says once when it cannot."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.live.registry_sync import RegistrySync
from api.observability.metrics import Metrics
from api.settings import ServerConfig
from recsys.bundle import live_version
from recsys.errors import BadSettings
from recsys.shared_registry.mirror import open_mirror
from recsys.shared_registry.settings import RegistrySettings
from tests.training.releases import NAMES, writer
from training.registry import Registry

if TYPE_CHECKING:
    from s3fs import S3FileSystem


def config_of(home: Path, url: str) -> ServerConfig:
    return ServerConfig.load(home, None, {"RECSYS_REGISTRY_URL": url})


def sample(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(name, {"what": "registry"})


def test_one_worker_follows_and_says_once_that_a_release_is_refused(bucket: "S3FileSystem", tmp_path: Path) -> None:
    url = f"s3://shop/{tmp_path.name}"
    trainer = Registry(tmp_path / "trainer", open_mirror(tmp_path / "trainer", RegistrySettings(url=url)))
    trainer.publish(writer(NAMES[0]))
    trainer.promote(NAMES[0])
    config, metrics = config_of(tmp_path / "host", url), [Metrics(), Metrics()]
    manifest = f"{url}/releases/{NAMES[0]}/manifest.json.sha256"
    whole = bucket.cat_file(manifest)

    async def story() -> None:
        first, second = (RegistrySync(config, each) for each in metrics)
        bucket.pipe_file(manifest, b"another")
        await first.pull()
        await first.pull()
        assert live_version(config.bundles) is None
        assert sample(metrics[0], "recsys_breaker_opened_total") == sample(metrics[0], "recsys_down") == 1
        bucket.pipe_file(manifest, whole)
        await second.pull()
        assert live_version(config.bundles) is None, "the first one follows, not this one"
        await first.close()
        await second.pull()
        await second.close()

    asyncio.run(story())
    assert live_version(config.bundles) == NAMES[0]
    assert sample(metrics[1], "recsys_down") == 0


def test_a_registry_that_needs_a_missing_package_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.shared_registry.object_storage.find_spec", lambda name: None)
    with pytest.raises(BadSettings, match=r"recsys-shop\[s3\]"):
        RegistrySync(config_of(tmp_path, "s3://shop"), Metrics())
    with pytest.raises(BadSettings, match=r"registry\.url"):
        config_of(tmp_path, "http://shop")

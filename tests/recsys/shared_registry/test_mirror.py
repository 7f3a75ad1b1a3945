"""A home that mirrors a shared registry serves whole, trusted releases, whatever happens to the storage."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recsys.bundle import ELSEWHERE, open_release
from recsys.bundle.key_rotation import create_signing_key, distrust
from recsys.bundle.signature import TRUSTED_KEYS
from recsys.canary.state import send_back
from recsys.errors import BadBundle, BadFile, UntrustedBundle
from recsys.shared_registry.mirror import PULLING, RegistryMirror, open_mirror
from recsys.shared_registry.record import read_record
from recsys.shared_registry.settings import RegistrySettings
from recsys.shared_registry.state import GENERATION
from tests.training.releases import NAMES, START_MS, registry_of, writer
from training.registry import Registry
from training.registry.staging import ChangedMeanwhile, staged_change

if TYPE_CHECKING:
    from s3fs import S3FileSystem

MirrorOf = Callable[[str], RegistryMirror]


@pytest.fixture
def mirror_of(bucket: "S3FileSystem", tmp_path: Path) -> MirrorOf:
    """The mirror of a host, by its name; all share one registry."""
    settings = RegistrySettings(url=f"s3://shop/{tmp_path.name}", timeout_s=2)

    def mirror(name: str) -> RegistryMirror:
        opened = open_mirror(tmp_path / name, settings)
        assert opened is not None
        opened.bundles.mkdir(parents=True, exist_ok=True)
        return opened

    return mirror


def shared(mirror: RegistryMirror, n: int, live: int) -> Registry:
    registry = Registry(mirror.home, mirror)
    for number, version in enumerate(NAMES[:n]):
        registry.publish(writer(version, number))
    registry.promote(NAMES[live])
    return registry


def without_storage(monkeypatch: pytest.MonkeyPatch, mirror_of: MirrorOf, name: str) -> RegistryMirror:
    """The mirror of that host while nothing listens at the address of the storage."""
    from s3fs import S3FileSystem

    endpoint = os.environ["AWS_ENDPOINT_URL"]
    S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    gone = mirror_of(name)
    with pytest.raises(BadFile, match="does not answer"):
        gone.pull()
    S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return gone


@pytest.mark.slow
def test_a_host_holds_what_is_live_and_of_other_releases_the_manifest(mirror_of: MirrorOf) -> None:
    shared(mirror_of("a"), 3, live=1)
    b = mirror_of("b")
    half = b.bundles / f"{PULLING}killed"
    half.mkdir()
    os.utime(half, (0, 0))
    assert b.pull()
    assert not half.exists()
    assert Registry(b.home).live() == NAMES[1]
    assert sorted(path.name for path in b.bundles.glob("2*")) == [NAMES[1]]
    assert sorted(path.name for path in (b.bundles / ELSEWHERE).iterdir()) == [NAMES[0], NAMES[2]]
    assert not b.pull(), "nothing changed"


@pytest.mark.slow
def test_files_that_the_home_has_already_are_linked_not_copied(mirror_of: MirrorOf) -> None:
    registry = shared(mirror_of("a"), 1, live=0)
    b = mirror_of("b")
    b.pull()
    registry.publish(writer(NAMES[1], 0))  # as a refresh: the same arrays
    registry.promote(NAMES[1])
    b.pull()
    files = [b.bundles / version / "numbers.npy" for version in NAMES[:2]]
    assert files[0].stat().st_ino == files[1].stat().st_ino


def test_a_damaged_release_is_refused_and_taken_when_it_was_mended(bucket: "S3FileSystem", mirror_of: MirrorOf) -> None:
    registry = shared(mirror_of("a"), 2, live=0)
    b = mirror_of("b")
    b.pull()
    registry.promote(NAMES[1])
    place = f"{b.storage.url}/releases/{NAMES[1]}/numbers.npy"
    whole = bucket.cat_file(place)
    bucket.pipe_file(place, whole[:-1] + b"\xff")
    with pytest.raises(BadBundle, match="sha256"):
        b.pull()
    assert Registry(b.home).live() == NAMES[0]
    bucket.pipe_file(place, whole)
    b.pull()
    assert Registry(b.home).live() == NAMES[1]


@pytest.mark.slow
def test_a_release_that_no_trusted_key_has_signed_is_not_taken(mirror_of: MirrorOf) -> None:
    shared(mirror_of("a"), 1, live=0)
    b = mirror_of("b")
    create_signing_key(b.home, b.bundles, now_ms=START_MS)
    with pytest.raises(UntrustedBundle, match="not signed"):
        b.pull()
    assert Registry(b.home).live() is None


@pytest.mark.slow
def test_a_name_outside_the_release_is_refused(bucket: "S3FileSystem", mirror_of: MirrorOf) -> None:
    shared(mirror_of("a"), 1, live=0)
    b = mirror_of("b")
    bucket.pipe_file(f"{b.storage.url}/LIVE", b'{"live": "../../etc"}')
    with pytest.raises(BadBundle, match="no state of a registry"):
        b.pull()


def test_a_change_that_came_between_is_not_overwritten_and_the_next_attempt_keeps_both(mirror_of: MirrorOf) -> None:
    a, b = mirror_of("a"), mirror_of("b")
    first = shared(a, 2, live=0)
    second = Registry(b.home, b)

    def change_while_another_changes() -> None:
        with staged_change(b) as staged:
            (staged / GENERATION).write_text("5\n")
            first.begin_generation(7)

    with pytest.raises(ChangedMeanwhile):
        change_while_another_changes()
    second.begin_generation(5)
    state, _ = a.read()
    assert state is not None
    assert (state.generation, state.live) == (7, NAMES[0])


@pytest.mark.slow
def test_a_host_serves_what_it_has_while_the_storage_is_gone_and_gives_its_release_later(
    mirror_of: MirrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared(mirror_of("a"), 1, live=0)
    b = mirror_of("b")
    b.pull()
    alone = Registry(b.home, without_storage(monkeypatch, mirror_of, "b"))
    assert open_release(b.bundles, NAMES[0]).array("numbers")[0] == 0
    alone.publish(writer(NAMES[1], 1))
    with pytest.raises(BadFile, match="does not answer"):
        alone.promote(NAMES[1])
    assert alone.live() == NAMES[0]
    assert read_record(b.bundles).waiting == [NAMES[1]]
    b.pull()
    assert read_record(b.bundles).waiting == []
    a = mirror_of("a")
    a.pull()
    assert [each.version for each in Registry(a.home, a).releases()] == [NAMES[1], NAMES[0]]


@pytest.mark.slow
def test_a_canary_that_a_worker_sent_back_alone_goes_back_everywhere(mirror_of: MirrorOf) -> None:
    a, b = mirror_of("a"), mirror_of("b")
    registry = shared(a, 2, live=0)
    canary = registry.begin_canary(NAMES[1], share=10, hours=1)
    b.pull()
    assert send_back(b.bundles, canary, ["errors"], canary.began_at_ms + 1)
    b.pull()
    a.pull()
    ended = registry.canary()
    assert ended is not None
    assert (ended.outcome, ended.reasons) == ("back", ("errors",))


@pytest.mark.slow
def test_a_home_that_joins_brings_its_live_release_and_its_history(mirror_of: MirrorOf) -> None:
    a, b = mirror_of("a"), mirror_of("b")
    registry_of(a.home, 3, live=1)
    Registry(a.home, a).begin_generation(1)
    b.pull()
    assert Registry(b.home, b).live() == NAMES[1]
    Registry(a.home, a).promote(NAMES[2])
    b.pull()
    assert Registry(b.home, b).rollback().manifest.version == NAMES[1]


@pytest.mark.slow
def test_a_host_takes_the_new_signature_of_a_release_whose_old_key_is_no_longer_trusted(mirror_of: MirrorOf) -> None:
    a, b = mirror_of("a"), mirror_of("b")
    old = create_signing_key(a.home, a.bundles, now_ms=START_MS)
    shared(a, 1, live=0)
    shutil.copy(a.home / TRUSTED_KEYS, b.home / TRUSTED_KEYS)
    b.pull()
    a.push_signatures(create_signing_key(a.home, a.bundles, now_ms=START_MS).signed)
    distrust(a.home, str(old.signs_with))
    shutil.copy(a.home / TRUSTED_KEYS, b.home / TRUSTED_KEYS)
    with pytest.raises(UntrustedBundle):
        open_release(b.bundles, NAMES[0], trusted=b.trusted())
    b.pull()
    assert open_release(b.bundles, NAMES[0], trusted=b.trusted()).manifest.version == NAMES[0]

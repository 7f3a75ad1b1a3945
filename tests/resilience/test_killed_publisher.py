"""A publisher that is killed before any of its file operations leaves a registry in which all goes on."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recsys.atomic_file import replace_file
from recsys.bundle import Bundle, Manifest, live_version, open_release, write_bundle
from recsys.bundle.bundle import link_files
from recsys.bundle.key_rotation import create_signing_key
from recsys.bundle.signature import read_trusted_keys
from recsys.gate.verdict import GateVerdict
from training.registry import Registry

START_MS = 1_767_323_045_000
OLD, NEW, NEXT = "20260101T000000Z-0000", "20260102T000000Z-0001", "20260103T000000Z-0002"
KILLED, DONE = 9, 0
SHARED = "numbers.npy"
CHANGING_EVENTS = frozenset(
    {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "os.link", "shutil.rmtree"}
)
MOST_STEPS = 400


def writer(version: str) -> Callable[[Path], Bundle]:
    manifest = Manifest(version=version, made_at_ms=START_MS, now=20_455.0, metrics={"name": version})
    return lambda path: write_bundle(path, {"numbers": np.arange(2_000)}, manifest)


def publish_and_promote(home: Path, version: str = NEW) -> None:
    """All that a training does with the registry: publish and sign, verdict, promote, prune."""
    registry = Registry(home)
    registry.publish(writer(version))
    registry.put_verdict(GateVerdict.without_checks(version, registry.live(), START_MS))
    registry.promote(version)
    registry.prune(1)


def publish_a_refresh(home: Path) -> None:
    """All that a refresh does with it: shares a file of the live release, and promotes on top of that one."""
    registry = Registry(home)
    base = open_release(registry.bundles, OLD)
    manifest = Manifest(version=NEW, made_at_ms=START_MS, now=20_455.0, models_of=OLD)
    own = {"popularity": np.arange(10)}
    registry.publish(lambda path: write_bundle(path, own, manifest, lambda folder: link_files(base, folder, [SHARED])))
    registry.put_verdict(GateVerdict.without_checks(NEW, OLD, START_MS))
    registry.promote(NEW, base=OLD)
    registry.prune(1)


def rotate_keys(home: Path) -> None:
    create_signing_key(home, home / "bundles", now_ms=START_MS + 1)


def roll_back(home: Path) -> None:
    Registry(home).rollback()


def home_with(folder: Path, *versions: str) -> Path:
    folder.mkdir()
    registry = Registry(folder)
    for version in versions:
        registry.publish(writer(version))
        registry.promote(version)
    create_signing_key(folder, registry.bundles, now_ms=START_MS)
    return folder


def killed_before(step: int, work: Callable[[Path], None], home: Path) -> bool:
    """Runs the work in a child that dies before its step-th change of a file; False when it came to its end first."""
    child = os.fork()
    if child == 0:
        left = step

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            is_written = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if event in CHANGING_EVENTS or is_written:
                left -= 1
                if left == 0:
                    os._exit(KILLED)

        try:
            sys.addaudithook(count)
            work(home)
            os._exit(DONE)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (KILLED, DONE), f"step {step}: the work itself failed"
    return code == KILLED


def check(home: Path, allowed: set[str]) -> None:
    """The live release is whole and signed, readers see no half of one, and the next training works and sweeps."""
    registry = Registry(home)
    live = live_version(registry.bundles)
    assert live in allowed
    trusted = read_trusted_keys(home)
    assert trusted is not None
    assert open_release(registry.bundles, live, trusted=trusted).array("numbers")[1_999] == 1_999
    assert all(release.damage is None for release in registry.releases(verify=True))
    publish_and_promote(home, NEXT)
    assert registry.live() == NEXT
    left = {path.name for path in registry.bundles.iterdir()}
    assert not [name for name in left if name.startswith((".making-", ".gone-", ".LIVE-"))]
    assert registry.rollback().manifest.version in allowed
    rotate_keys(home)
    assert not [path for path in home.rglob(".*-*") if path.name.startswith((".signing.key", ".trusted", ".manifest"))]


@pytest.mark.parametrize(
    ("work", "versions", "allowed"),
    [
        (publish_and_promote, (OLD,), {OLD, NEW}),
        pytest.param(publish_a_refresh, (OLD,), {OLD, NEW}, marks=pytest.mark.slow),
        pytest.param(rotate_keys, (OLD,), {OLD}, marks=pytest.mark.slow),
        (roll_back, (OLD, NEW), {OLD, NEW}),
    ],
)
def test_a_kill_before_any_step_leaves_a_valid_registry(
    work: Callable[[Path], None], versions: tuple[str, ...], allowed: set[str], tmp_path: Path
) -> None:
    for step in range(1, MOST_STEPS):
        home = home_with(tmp_path / str(step), *versions)
        if not killed_before(step, work, home):
            break
        check(home, allowed)
    assert 5 < step < MOST_STEPS - 1


def test_a_lost_verdict_or_signature_file_is_no_half_one(tmp_path: Path) -> None:
    """Both are replaced in one step: a temporary file beside them is not read."""
    home = home_with(tmp_path / "home", OLD)
    registry = Registry(home)
    registry.put_verdict(GateVerdict.without_checks(OLD, None, START_MS))
    replace_file(registry.bundles / ".verdicts" / f".{OLD}.json-x1y2", b"{half")
    (registry.bundles / OLD / ".manifest.json.sig-x1y2").write_bytes(b"half")
    assert [verdict.version for verdict in registry.verdicts()] == [OLD]
    assert registry.promote(OLD).manifest.version == OLD

"""A complete release is live, whatever happens to a training."""

import itertools
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.bundle import LIVE, Bundle, bundle_path, live_version, open_bundle, version_name
from recsys.bundle.key_rotation import create_signing_key
from recsys.canary.state import CHANGING
from recsys.errors import BadBundle, BadFile, BadInput, StaleJob, UntrustedBundle
from recsys.shared_registry.state import GENERATION, PROMOTIONS
from tests.training.releases import NAMES, START_MS, registry_of, writer
from training.registry import GONE, PUBLISHING, Registry


def damage(registry: Registry, version: str) -> None:
    file = registry.bundles / version / "numbers.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")


def visible(registry: Registry) -> list[str]:
    return sorted(path.name for path in registry.bundles.iterdir() if path.name not in (PUBLISHING, CHANGING))


@given(st.lists(st.integers(0, 4_000_000_000_000), min_size=2, max_size=2))
def test_version_names_sort_by_time(times_ms: list[int]) -> None:
    first, second = (version_name(at_ms, "0000") for at_ms in sorted(times_ms))
    assert first <= second
    assert version_name(1_514_764_799_999, "3f9a") == "20171231T235959Z-3f9a"


def test_two_names_of_one_moment_differ() -> None:
    assert len({version_name(START_MS) for _ in range(5)}) > 1


def test_a_published_release_is_complete_and_not_yet_live(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    bundle = registry.publish(writer(NAMES[0]))
    assert bundle.path == bundle_path(registry.bundles, NAMES[0])
    assert open_bundle(bundle.path).array("numbers")[1_999] == 7
    assert bundle.path.stat().st_mode & 0o777 == 0o700
    assert registry.live() is None
    assert visible(registry) == [NAMES[0]]


def test_a_promoted_release_is_live(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 2)
    assert registry.promote(NAMES[1]).manifest.version == NAMES[1]
    assert registry.live() == live_version(tmp_path / "bundles") == NAMES[1]


def test_a_version_is_published_once(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 1, live=0)
    with pytest.raises(BadBundle, match="never written again"):
        registry.publish(writer(NAMES[0], 8))
    assert open_bundle(registry.bundles / NAMES[0]).array("numbers")[0] == 0
    assert visible(registry) == [PROMOTIONS, NAMES[0], LIVE]


def test_a_writer_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 1, live=0)

    def fails(path: Path) -> Bundle:
        (path / "half.npy").write_bytes(b"half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        registry.publish(fails)
    assert registry.live() == NAMES[0]
    assert visible(registry) == [PROMOTIONS, NAMES[0], LIVE]


def test_a_release_that_does_not_read_back_is_not_published(tmp_path: Path) -> None:
    registry = Registry(tmp_path)

    def bad_disk(path: Path) -> Bundle:
        bundle = writer(NAMES[0])(path)
        (path / "numbers.npy").write_bytes(b"")
        return bundle

    with pytest.raises(BadBundle, match="0 bytes"):
        registry.publish(bad_disk)
    assert visible(registry) == []


def test_a_damaged_release_is_never_promoted(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 2, live=0)
    damage(registry, NAMES[1])
    with pytest.raises(BadBundle, match="sha256"):
        registry.promote(NAMES[1])
    assert registry.live() == NAMES[0]


@pytest.mark.parametrize("version", ["nowhere", "../bundles", CHANGING, LIVE, ""])
def test_an_unpublished_version_is_not_promoted(tmp_path: Path, version: str) -> None:
    registry = registry_of(tmp_path, 1, live=0)
    with pytest.raises(BadBundle, match="recsys releases"):
        registry.promote(version)
    assert registry.live() == NAMES[0]


def test_a_job_that_lost_its_lock_does_not_replace_the_release_of_a_newer_job(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 3, live=0)
    registry.begin_generation(7)
    registry.begin_generation(8)
    assert registry.promote(NAMES[1], generation=8).manifest.version == NAMES[1]
    with pytest.raises(StaleJob, match=rf"{NAMES[2]} .*generation 7.*generation 8"):
        registry.promote(NAMES[2], generation=7)
    assert registry.live() == NAMES[1]
    assert registry.promote(NAMES[2]).manifest.version == NAMES[2]  # a person may


def test_a_job_that_lost_its_lock_is_refused_before_the_newer_job_has_a_release(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 2, live=0)
    registry.begin_generation(8)
    with pytest.raises(StaleJob):
        registry.promote(NAMES[1], generation=7)
    assert registry.live() == NAMES[0]


@pytest.mark.parametrize("text", ["", "x", "\x00"])
def test_generations_never_go_back_and_survive_a_damaged_file(tmp_path: Path, text: str) -> None:
    registry = registry_of(tmp_path, 1)
    assert registry.generation() == 0
    registry.begin_generation(8)
    registry.begin_generation(3)
    assert registry.generation() == 8
    (registry.bundles / GENERATION).write_text(text)
    assert registry.generation() == 0
    registry.begin_generation(1)
    assert registry.promote(NAMES[0], generation=1).manifest.version == NAMES[0]


def test_rolling_back_again_goes_back_further(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 3, live=2)
    assert registry.rollback().manifest.version == NAMES[1]
    assert registry.rollback().manifest.version == NAMES[0]
    with pytest.raises(BadBundle, match="no sound release was live before"):
        registry.rollback()
    assert registry.live() == NAMES[0]


def test_a_release_that_was_rolled_back_is_not_gone_back_to(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 4, live=2)
    registry.rollback()
    registry.promote(NAMES[3])
    assert registry.rollback().manifest.version == NAMES[1]


def test_rolling_back_to_a_version_goes_back_further_from_there(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 4, live=3)
    registry.rollback(NAMES[1])
    assert registry.live() == NAMES[1]
    assert registry.rollback().manifest.version == NAMES[0]
    registry.promote(NAMES[2])  # it was passed over, and nobody fled from it
    assert registry.rollback().manifest.version == NAMES[0]


def test_rolling_back_passes_over_a_damaged_release(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 3, live=2)
    damage(registry, NAMES[1])
    assert registry.rollback().manifest.version == NAMES[0]


def test_promoting_the_live_one_again_changes_nothing(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 2, live=1)
    registry.promote(NAMES[1])
    assert registry.rollback().manifest.version == NAMES[0]


def test_a_rollback_repairs_a_damaged_live_file(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 2, live=1)
    (registry.bundles / LIVE).write_bytes(b"\x00\xff")
    with pytest.raises(BadBundle, match="LIVE"):
        registry.live()
    registry.rollback()
    assert registry.live() == NAMES[1]


def test_a_crash_between_the_two_writes_of_a_promotion_keeps_the_way_back(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 3, live=0)
    (registry.bundles / LIVE).write_text(NAMES[1])  # promoted, the machine died before the history knew
    registry.promote(NAMES[2])
    assert registry.rollback().manifest.version == NAMES[1]
    (registry.bundles / LIVE).write_text(NAMES[2])
    assert registry.rollback().manifest.version == NAMES[1]


def test_a_crash_between_the_two_writes_of_a_rollback_keeps_the_way_back(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 3, live=2)
    (registry.bundles / PROMOTIONS).write_text(
        f"{NAMES[0]}\n{NAMES[1]}\n"
    )  # LIVE still names the one that was rolled back
    assert registry.rollback().manifest.version == NAMES[1]


def test_releases_are_listed_newest_first_with_what_is_wrong(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 3, live=1)
    damage(registry, NAMES[0])
    (registry.bundles / NAMES[2] / "manifest.json").write_text("{}")
    newest, live, oldest = registry.releases(verify=True)
    assert [r.version for r in (newest, live, oldest)] == [NAMES[2], NAMES[1], NAMES[0]]
    assert (live.is_live, live.made_at_ms, live.metrics, live.damage) == (True, START_MS, {"number": 1}, None)
    assert live.n_bytes == (registry.bundles / NAMES[1] / "numbers.npy").stat().st_size
    assert "manifest.json" in str(newest.damage)
    assert "numbers.npy" in str(oldest.damage)
    assert [r.damage is None for r in registry.releases()] == [False, True, True]


def test_a_home_without_releases_lists_none(tmp_path: Path) -> None:
    assert Registry(tmp_path / "new").releases() == []
    assert Registry(tmp_path / "new").live() is None
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("keep", "left"), [(0, [2, 3]), (1, [2, 3, 5]), (3, [2, 3, 4, 5]), (99, [0, 1, 2, 3, 4, 5])])
def test_pruning_spares_the_newest_the_live_one_and_the_one_before_it(
    tmp_path: Path, keep: int, left: list[int]
) -> None:
    registry = registry_of(tmp_path, 6, live=3)
    gone = registry.prune(keep)
    assert [r.version for r in registry.releases()] == [NAMES[i] for i in reversed(left)]
    assert sorted(gone) == [name for i, name in enumerate(NAMES[:6]) if i not in left]
    assert visible(registry) == sorted([PROMOTIONS, LIVE, *(NAMES[i] for i in left)])


def test_a_negative_number_of_releases_to_keep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="-1"):
        registry_of(tmp_path, 1).prune(-1)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.sampled_from(["promote 0", "promote 1", "promote 2", "rollback", "prune"]), max_size=6))
def test_the_live_release_is_complete_whatever_the_operator_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    registry = registry_of(tmp_path_factory.mktemp("shop"), 3, live=0)
    for step in steps:
        verb, _, which = step.partition(" ")
        deeds: dict[str, Callable[[], object]] = {
            "promote": lambda which=which: registry.promote(NAMES[int(which)]),  # type: ignore[misc]
            "rollback": registry.rollback,
            "prune": lambda: registry.prune(0),
        }
        with suppress(BadBundle, BadInput):
            deeds[verb]()
        live = registry.live()
        assert live is not None
        assert open_bundle(registry.bundles / live).manifest.version == live


PUBLISHER = """
import sys
from pathlib import Path
import numpy as np
from recsys.bundle import Manifest, write_bundle
from training.registry import Registry

def stalls(path):
    (path / "half.faiss").write_bytes(b"half")
    print("half-way", flush=True)
    sys.stdin.read()

manifest = Manifest(version=sys.argv[2], made_at_ms=0, now=0.0)
Registry(Path(sys.argv[1])).publish(lambda path: write_bundle(path, {"numbers": np.zeros(2000)}, manifest, stalls))
"""


def test_a_training_killed_while_publishing_leaves_the_live_release_and_no_leftovers(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 1, live=0)
    command = [sys.executable, "-c", PUBLISHER, str(tmp_path), NAMES[1]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout is not None
        assert training.stdout.readline() == "half-way\n"
        assert len([name for name in visible(registry) if name.startswith(".making-")]) == 1
        training.kill()
    assert registry.live() == NAMES[0]
    assert open_bundle(registry.bundles / NAMES[0]).array("numbers")[0] == 0
    assert [r.version for r in registry.releases()] == [NAMES[0]]
    registry.publish(writer(NAMES[1]))
    assert visible(registry) == sorted([PROMOTIONS, LIVE, NAMES[0], NAMES[1]])


def test_a_rollback_does_not_wait_for_a_training(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 2, live=1)

    def slow(path: Path) -> Bundle:
        registry.rollback()
        registry.prune(0)
        assert registry.live() == NAMES[0]
        return writer(NAMES[2])(path)

    registry.publish(slow)
    assert [r.version for r in registry.releases()] == [NAMES[2], NAMES[0]]


def test_leftovers_of_crashes_are_removed(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 2, live=0)
    (registry.bundles / f"{GONE}{NAMES[5]}" / "models").mkdir(parents=True)
    (registry.bundles / f".{LIVE}-x1y2").write_text("half")
    registry.promote(NAMES[1])
    registry.prune(5)
    assert visible(registry) == sorted([PROMOTIONS, LIVE, NAMES[0], NAMES[1]])


def test_two_trainings_publish_one_after_the_other(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    inside = threading.Semaphore(1)

    def alone(version: str) -> Callable[[Path], Bundle]:
        def write(path: Path) -> Bundle:
            assert inside.acquire(blocking=False), "two trainings write at once"
            bundle = writer(version)(path)
            inside.release()
            return bundle

        return write

    with ThreadPoolExecutor(4) as pool:
        published = list(pool.map(lambda version: registry.publish(alone(version)), NAMES[:4]))
    assert sorted(bundle.manifest.version for bundle in published) == list(NAMES[:4])


@pytest.mark.parametrize("n", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_readers_see_a_complete_release_at_every_moment_of_many_promotions(tmp_path: Path, n: int) -> None:
    registry = registry_of(tmp_path, 2, live=0)
    over, seen = threading.Event(), set[int]()

    def read() -> None:
        while not over.is_set():
            version = live_version(registry.bundles)
            assert version is not None
            bundle = open_bundle(bundle_path(registry.bundles, version))
            numbers = set(bundle.array("numbers").tolist())
            assert numbers == {bundle.manifest.metrics["number"]} == {NAMES.index(version)}
            seen.update(numbers)

    with ThreadPoolExecutor(2) as pool, ExitStack() as at_the_end:
        at_the_end.callback(over.set)
        readers = [pool.submit(read) for _ in range(2)]
        for count, i in zip(range(100 * n), itertools.cycle((1, 0)), strict=False):
            if count >= n and (seen == {0, 1} or any(reader.done() for reader in readers)):
                break
            registry.promote(NAMES[i])
        over.set()
        for reader in readers:
            reader.result()
    assert seen == {0, 1}


def test_every_release_is_signed_once_there_is_a_key_and_others_are_not_promoted(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 1, live=0)
    create_signing_key(tmp_path, registry.bundles, now_ms=START_MS)
    registry.publish(writer(NAMES[1]))
    assert registry.promote(NAMES[1]).manifest.version == NAMES[1]
    (registry.bundles / NAMES[2]).mkdir()
    writer(NAMES[2])(registry.bundles / NAMES[2])
    with pytest.raises(UntrustedBundle, match="it is not signed"):
        registry.promote(NAMES[2])
    assert [release.damage is None for release in registry.releases()] == [False, True, True]
    assert registry.rollback().manifest.version == NAMES[0]


def test_a_key_that_others_can_read_ends_a_training_before_it_begins(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 1, live=0)
    create_signing_key(tmp_path, registry.bundles, now_ms=START_MS)
    (tmp_path / "signing.key").chmod(0o644)
    with pytest.raises(BadFile, match="others can read"):
        registry.publish(lambda path: pytest.fail("it trained"))

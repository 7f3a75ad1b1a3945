"""What a rollback left is not gone back to, and is promoted again by force only."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.bundle import LIVE, Manifest, write_bundle
from recsys.errors import BadBundle, BadInput
from recsys.gate.verdict import GateVerdict
from tests.training.releases import NAMES, START_MS, registry_of


def test_a_rollback_never_brings_back_what_a_rollback_left(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 3, live=1)
    registry.rollback(NAMES[2])  # never live before
    assert registry.rollback().manifest.version == NAMES[0]
    with pytest.raises(BadInput, match=rf"{NAMES[1]}.*--force"):
        registry.promote(NAMES[1])
    with pytest.raises(BadInput, match=rf"{NAMES[2]}.*--force"):
        registry.rollback(NAMES[2])
    assert registry.live() == NAMES[0]


def test_a_release_that_was_left_is_live_again_by_force_and_the_reason_is_kept(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 2, live=1)
    registry.rollback()
    registry.promote(NAMES[1], force="the fault was in the page")
    verdict = registry.verdict(NAMES[1])
    assert verdict is not None
    assert (verdict.outcome, verdict.forced_because) == ("forced", "the fault was in the page")
    assert registry.rollback().manifest.version == NAMES[0]
    with pytest.raises(BadInput, match="--force"):
        registry.promote(NAMES[1])


def test_a_rollback_passes_over_an_earlier_release_that_is_a_canary(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 3, live=0)
    registry.promote(NAMES[1])
    registry.promote(NAMES[2])
    registry.begin_canary(NAMES[1], share=10, hours=1)
    assert registry.rollback().manifest.version == NAMES[0]
    canary = registry.canary()
    assert canary is not None
    assert canary.outcome == "stopped"
    with pytest.raises(BadInput, match=rf"{NAMES[1]}.*--force"):
        registry.promote(NAMES[1])


def test_a_rollback_that_names_the_canary_makes_it_live(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 2, live=0)
    registry.promote(NAMES[1])
    registry.begin_canary(NAMES[0], share=10, hours=1)
    with pytest.raises(BadBundle, match="recsys rollback VERSION"):
        registry.rollback()
    assert registry.rollback(NAMES[0]).manifest.version == NAMES[0]


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.sampled_from(["promote", "rollback", "rollback to", "crash"]), max_size=12), data=st.data())
def test_what_a_rollback_left_is_live_again_by_force_only(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], data: st.DataObject
) -> None:
    registry, left = registry_of(tmp_path_factory.mktemp("shop"), 4, live=0), set[str | None]()
    for step in steps:
        before, version = registry.live(), data.draw(st.sampled_from(NAMES[:4]))
        with suppress(BadBundle, BadInput):
            if step == "promote":
                registry.promote(version)
            elif step == "crash":  # between the writes of a rollback
                registry.rollback()
                (registry.bundles / LIVE).write_text(str(before))
            else:
                registry.rollback(version if step == "rollback to" else None)
        if registry.live() != before and step != "promote":
            left.add(before)
        assert registry.live() not in left


def test_refreshes_do_not_push_out_trainings_and_the_training_below_one_that_is_kept_stays(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, 3)
    for name in NAMES[3:8]:
        manifest = Manifest(version=name, made_at_ms=START_MS, now=20_455.0, models_of=NAMES[0])
        registry.publish(lambda path, manifest=manifest: write_bundle(path, {}, manifest))  # type: ignore[misc]
        registry.put_verdict(GateVerdict.without_checks(name, NAMES[0], START_MS))
        registry.promote(name)
    registry.prune(2)
    kept = {release.version for release in registry.releases()}
    assert kept == {NAMES[0], NAMES[1], NAMES[2], NAMES[6], NAMES[7]}
    assert [verdict.version for verdict in registry.verdicts()] == [NAMES[6], NAMES[7]]
    assert registry.rollback().manifest.version == NAMES[6]

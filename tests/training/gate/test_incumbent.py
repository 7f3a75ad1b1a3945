"""The champion's choices are kept where newly chosen ones alone are in the way, and settings of a person never are."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from recsys.bundle import Bundle, open_release
from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.store.open import open_store
from recsys.gate.verdict import Check, GateVerdict
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.ranking.recommender import build_recommender
from tests.homes import copy_home
from training.gate.comparison import GateInput
from training.gate.incumbent import has_choices_of, incumbent_recipe
from training.gate.settings import GateSettings
from training.job import TrainingOptions, train
from training.registry import Registry


@pytest.fixture(scope="module")
def challenge(trained_home: Path) -> GateInput:
    """The live release as its own challenger."""
    registry = Registry(trained_home)
    live = registry.live()
    assert live is not None
    bundle = open_release(registry.bundles, live)
    with closing(open_store(trained_home, None)) as store:
        snapshot = read_snapshot(store)
    recipe = read_recipe(None, validation_days=28, seed=0, optional_seconds=0)
    return GateInput(bundle, build_recommender(bundle, (), None, remember=0), snapshot, recipe, None, GateSettings())


def verdict_of(challenge: GateInput, *failed: str) -> GateVerdict:
    return GateVerdict(
        version=challenge.challenger.manifest.version,
        champion="live",
        outcome="rejected" if failed else "promoted",
        judged_at_ms=0,
        checks=[Check(name=name, result="failed", words=name) for name in failed],
    )


def given(bundle: Bundle, digest: str) -> Bundle:
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"given": digest}))


@pytest.mark.parametrize("failed", [["champion"], ["champion", "groups"], ["new things", "coverage"]])
def test_choices_alone_in_the_way_are_replaced_by_those_of_the_champion(
    challenge: GateInput, failed: list[str]
) -> None:
    recipe = incumbent_recipe(challenge, verdict_of(challenge, *failed))
    assert recipe is not None
    assert recipe.precomputes
    assert recipe.plan.chosen_by is not None
    assert recipe.plan.chosen_by.manifest.version == challenge.challenger.manifest.version
    assert set(recipe.plan.learners) == set(challenge.challenger.manifest.models)


@pytest.mark.parametrize("failed", [[], ["drift of events"], ["champion", "files, home"], ["champion", "stale"]])
def test_nothing_is_learnt_again_where_data_or_files_are_wrong(challenge: GateInput, failed: list[str]) -> None:
    assert incumbent_recipe(challenge, verdict_of(challenge, *failed)) is None


def test_settings_of_a_person_are_not_replaced(challenge: GateInput) -> None:
    changed = replace(challenge, challenger=given(challenge.challenger, "other"))
    assert incumbent_recipe(changed, verdict_of(challenge, "champion")) is None


def test_a_first_release_has_no_champion_to_follow(challenge: GateInput) -> None:
    assert incumbent_recipe(replace(challenge, champion=None), verdict_of(challenge, "best-sellers")) is None
    assert not has_choices_of(challenge.challenger, None)


def test_a_release_of_its_own_choices_has_not_those_of_the_champion(challenge: GateInput) -> None:
    assert not has_choices_of(challenge.challenger, challenge.champion)


@pytest.mark.slow
def test_a_training_whose_choices_are_refused_goes_live_with_those_of_the_champion(
    trained_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_home(trained_home, tmp_path / "home")
    champion = Registry(home).live()
    monkeypatch.setenv("RECSYS_GATE_WORST_LOSS", "1e-9")
    monkeypatch.setenv("RECSYS_TRAIN_VALIDATION_DAYS", "14")
    with closing(open_store(home, None)) as store:
        result = train(store, home, None, StepLog(), TrainingOptions())
        (run,) = store.runs(newest=1)
    refused, live = Registry(home).verdicts()[-2:]
    assert (refused.outcome, refused.champion, live.version) == ("rejected", champion, Registry(home).live())
    assert result.verdict == live
    assert (refused.is_retried, live.is_retried) == (True, False)
    assert live.kept_choices is not None
    assert refused.reasons[0] in live.kept_choices
    assert (run.verdict, run.reasons) == ("promoted", [live.kept_choices])
    assert result.bundle.manifest.blend["choices_of"] == champion
    assert live.facts["repeat_share"] == refused.facts["repeat_share"]
    assert result.bundle.manifest.steps["segments"] == run.steps["again: segments"]

"""Hyperparameter search: what it finds is written where training reads it, below the settings of the shop."""

import tomllib
from math import inf
from pathlib import Path

import pytest

from recsys.data.store.open import open_store
from recsys.errors import UnknownModel
from recsys.learning.hyperparameter_search import TunedModel
from recsys.learning.recipe import read_recipe
from recsys.models.als import Als
from recsys.testing import small_events
from training.home_files import TUNED
from training.tuning import TuneRequest, tune_models, write_tuned


def ignore(*_values: object) -> None:
    pass


def tuned(name: str, *, is_better: bool = True, **params: object) -> TunedModel:
    return TunedModel(name, params, default=0.2, reached=0.25, n_tried=12, is_better=is_better)


def recipe(home: Path, file: Path | None = None) -> object:
    return read_recipe(file, validation_days=28, seed=0, tuned=home / TUNED).plan.learners["als"]


def test_training_takes_what_was_found(tmp_path: Path) -> None:
    write_tuned(tmp_path, [tuned("als", factors=8, alpha=0.5, half_life_days=inf), tuned("user_neighbours")], {})
    assert recipe(tmp_path) == Als(factors=8, alpha=0.5, half_life_days=inf)
    assert "25.0 % better" in (tmp_path / TUNED).read_text()
    assert "als" in read_recipe(None, validation_days=28, seed=0, tuned=tmp_path / TUNED).plan.fixed


def test_what_the_shop_says_wins_over_what_was_found(tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text("[models.als]\nfactors = 16\n")
    write_tuned(tmp_path, [tuned("als", factors=8, alpha=0.5)], {})
    assert recipe(tmp_path, file) == Als(factors=16, alpha=0.5)


def test_defaults_that_were_not_beaten_return_and_other_models_keep_what_they_have(tmp_path: Path) -> None:
    write_tuned(tmp_path, [tuned("als", factors=8), tuned("ease", l2="auto", dropout=0.25)], {})
    write_tuned(tmp_path, [tuned("als", is_better=False)], {})
    kept = tomllib.loads((tmp_path / TUNED).read_text())["models"]
    assert kept == {"ease": {"l2": "auto", "dropout": 0.25}}
    assert recipe(tmp_path) == Als()


def test_without_a_search_nothing_changes(tmp_path: Path) -> None:
    assert recipe(tmp_path) == Als()


def test_a_search_over_a_small_shop_writes_a_file_that_training_can_read(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)
    store.append(small_events(n_users=40))
    steps: list[str] = []
    result = tune_models(store, tmp_path, None, TuneRequest(["popularity"], 0.3, 0), ignore, steps.append)
    assert [model.name for model in result] == ["popularity"]
    assert steps == ["reading", "popularity"]
    assert (tmp_path / "tuning.log").stat().st_size > 0
    assert recipe(tmp_path) == Als()


def test_a_model_nobody_knows_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="did you mean 'als'"):
        tune_models(open_store(tmp_path, None), tmp_path, None, TuneRequest(["alz"], 1.0, 0), ignore, ignore)

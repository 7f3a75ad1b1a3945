"""The contract of every model."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.errors import BadSettings, NotEnoughData, UnknownModel
from recsys.models.base import ItemModel, Model, OwnItemsModel, VectorModel
from recsys.models.registry import LEARNERS, MODELS, learner
from recsys.testing import camp_baskets

ALL = sorted(LEARNERS)
PERSONAL = sorted(set(LEARNERS) - {"popularity", "seasonal"})
FROM_ANY_EVENT = sorted(set(LEARNERS) - {"buy_again", "bought_together"})  # these two learn from purchases only
OF_ITEMS = ["als", "bought_together", "content", "ease", "graph_filter", "graph_walk", "item_neighbours", "sequence"]
OF_VECTORS = ["als"]
OF_OWN_ITEMS = ["buy_again"]


@cache
def fitted(name: str) -> Model:
    return fitted_to(name, camp_baskets())


def fitted_to(name: str, data: Interactions, seed: int = 0) -> Model:
    return learner(name, {}).fit(data, np.random.default_rng(seed))


def without_events(data: Interactions, n_users: int) -> Interactions:
    histories = data.histories.since(np.inf).take(range(n_users))
    return replace(data, histories=histories, basket=data.basket[:0], value=data.value[:0])


def rated(data: Interactions) -> Interactions:
    """The same pairs as ratings of 1 to 5 stars."""
    stars = 1 + np.arange(len(data.histories.item)) % 5
    kind = np.full(len(stars), Kind.RATING, np.int8)
    return replace(data, histories=replace(data.histories, weight=stars.astype(np.float32), kind=kind))


def read_only(histories: Histories) -> Histories:
    frozen = histories.take(range(len(histories)))
    for column in (frozen.offsets, frozen.item, frozen.at, frozen.weight, frozen.kind):
        column.flags.writeable = False
    return frozen


@pytest.mark.parametrize(
    ("names", "method"), [(OF_ITEMS, "similar"), (OF_VECTORS, "embed"), (OF_OWN_ITEMS, "score_own")]
)
def test_the_list_of_an_ability_names_every_model_that_has_it(names: list[str], method: str) -> None:
    assert names == sorted(name for name, model in MODELS.items() if hasattr(model, method))


def test_every_learner_has_its_model_under_the_same_name() -> None:
    assert set(LEARNERS) == set(MODELS) == {model.name for model in MODELS.values()}


@pytest.mark.parametrize("name", ALL)
def test_the_table_of_models_knows_what_a_learner_makes(name: str) -> None:
    assert type(fitted(name)) is MODELS[name]


@pytest.mark.parametrize("name", ALL)
def test_scores_are_finite_float32_one_row_a_customer_one_column_an_item(name: str) -> None:
    data = camp_baskets()
    scores = fitted(name).score(data.histories)
    assert scores.dtype == np.float32
    assert scores.shape == (data.n_users, data.n_items)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", ALL)
def test_some_user_gets_a_score_above_zero(name: str) -> None:
    assert (fitted(name).score(camp_baskets().histories) > 0).any(axis=1).all()


@pytest.mark.parametrize("name", ALL)
def test_rows_do_not_influence_each_other(name: str) -> None:
    histories, model = camp_baskets().histories, fitted(name)
    together, alone = model.score(histories.take(range(5)))[3], model.score(histories.take([3]))[0]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_no_histories_give_no_rows(name: str) -> None:
    data = camp_baskets()
    assert fitted(name).score(data.histories.take([])).shape == (0, data.n_items)


@pytest.mark.parametrize("name", ALL)
def test_a_model_mapped_from_files_scores_as_before(name: str, tmp_path: Path) -> None:
    model, histories = fitted(name), read_only(camp_baskets().histories)
    for key, array in model.arrays().items():
        np.save(tmp_path / f"{key}.npy", array, allow_pickle=False)
    mapped = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in tmp_path.glob("*.npy")}
    again = MODELS[name].from_arrays(mapped)
    np.testing.assert_array_equal(again.score(histories), model.score(histories))


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_learns_the_same(name: str) -> None:
    first, second = (fitted_to(name, camp_baskets(), seed=7).arrays() for _ in range(2))
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


@pytest.mark.parametrize("name", ALL)
def test_neither_fitting_nor_scoring_writes_into_its_input(name: str) -> None:
    data = camp_baskets()
    histories = read_only(data.histories)
    for column in (data.basket, data.value, data.category):
        column.flags.writeable = False
    before = histories.weight.copy()
    fitted_to(name, replace(data, histories=histories)).score(histories)
    np.testing.assert_array_equal(histories.weight, before)


@pytest.mark.parametrize("name", ALL)
def test_writing_into_scores_does_not_change_the_next_ones(name: str) -> None:
    model, histories = fitted(name), camp_baskets().histories.take([0])
    first = model.score(histories)
    kept = first.copy()
    first[:] = -1.0
    np.testing.assert_array_equal(model.score(histories), kept)


@pytest.mark.parametrize("name", PERSONAL)
def test_an_empty_history_scores_zero(name: str) -> None:
    data = camp_baskets()
    nobody = without_events(data, n_users=2).histories
    assert not fitted(name).score(nobody).any()


@pytest.mark.parametrize("name", PERSONAL)
def test_the_own_camp_comes_first(name: str) -> None:
    data = camp_baskets()
    best = np.argsort(-fitted(name).score(data.histories), axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(best % 2, np.repeat(np.arange(data.n_users)[:, None] % 2, 5, axis=1))


@pytest.mark.parametrize("name", ALL)
def test_an_item_nobody_bought_is_never_above_one_of_the_camp(name: str) -> None:
    data = camp_baskets()
    scores = fitted(name).score(data.histories)
    for camp in (0, 1):
        mine = scores[camp::2]
        assert (mine[:, -2:].max(axis=1) <= mine[:, camp:-2:2].min(axis=1)).all()


@pytest.mark.parametrize("name", FROM_ANY_EVENT)
def test_ratings_train_the_same_models(name: str) -> None:
    data = rated(camp_baskets())
    scores = fitted_to(name, data).score(data.histories)
    assert np.isfinite(scores).all()
    assert (scores > 0).any(axis=1).all()


@pytest.mark.parametrize("name", ["bought_together", "buy_again"])
def test_models_of_purchases_score_zero_in_a_shop_with_ratings_only(name: str) -> None:
    data = rated(camp_baskets())
    assert not fitted_to(name, data).score(data.histories).any()


@pytest.mark.parametrize("name", ALL)
def test_a_history_of_dislikes_only_leaves_finite_scores(name: str) -> None:
    histories = camp_baskets().histories
    disliked = replace(
        histories, weight=-histories.weight, kind=np.full(len(histories.kind), Kind.DISMISS, histories.kind.dtype)
    )
    assert np.isfinite(fitted(name).score(disliked)).all()


@pytest.mark.parametrize("name", ALL)
def test_fitting_without_events_is_refused(name: str) -> None:
    with pytest.raises(NotEnoughData, match="no events"):
        fitted_to(name, without_events(camp_baskets(), n_users=0))


@pytest.mark.parametrize("name", OF_OWN_ITEMS)
def test_own_items_have_the_scores_they_have_among_all(name: str) -> None:
    data, model = camp_baskets(), fitted(name)
    assert isinstance(model, OwnItemsModel)
    for user in range(len(data.histories)):
        history = data.histories.take([user])
        items, scores = model.score_own(history)
        whole = np.zeros(data.n_items, np.float32)
        whole[items] = scores
        assert (scores > 0).all()
        np.testing.assert_array_equal(whole, model.score(history)[0])


@pytest.mark.parametrize("name", OF_ITEMS)
def test_similar_items_are_others_above_zero_best_first(name: str) -> None:
    model = fitted(name)
    assert isinstance(model, ItemModel)
    for item in range(18):
        others, similarity = model.similar(item, 4)
        assert 0 < len(others) <= 4
        assert item not in others
        assert (similarity > 0).all()
        assert (np.diff(similarity) <= 0).all()


@pytest.mark.parametrize("name", OF_ITEMS)
def test_fewer_similar_items_are_the_best_of_more(name: str) -> None:
    model = fitted(name)
    assert isinstance(model, ItemModel)
    np.testing.assert_array_equal(model.similar(4, 2)[0], model.similar(4, 5)[0][:2])
    assert len(model.similar(4, 0)[0]) == 0


@pytest.mark.parametrize("name", OF_ITEMS)
def test_similar_items_are_of_the_same_camp(name: str) -> None:
    model = fitted(name)
    assert isinstance(model, ItemModel)
    assert not (model.similar(4, 3)[0] % 2).any()


@pytest.mark.parametrize("name", OF_VECTORS)
def test_the_score_is_the_embedding_times_the_item_vectors(name: str) -> None:
    histories, model = camp_baskets().histories, fitted(name)
    assert isinstance(model, VectorModel)
    by_hand = model.embed(histories) @ model.item_vectors.T
    np.testing.assert_allclose(model.score(histories), by_hand, rtol=1e-4, atol=1e-6)


def test_a_misspelt_model_name_gets_a_suggestion() -> None:
    with pytest.raises(UnknownModel, match="did you mean 'popularity'"):
        learner("populatiry", {})


def test_a_misspelt_parameter_gets_a_suggestion() -> None:
    with pytest.raises(BadSettings, match="did you mean 'half_life_days'"):
        learner("buy_again", {"half_live_days": 30})


@pytest.mark.parametrize("value", [0, -1, "soon"])
def test_a_parameter_out_of_range_is_refused_by_name(value: object) -> None:
    with pytest.raises(BadSettings, match="half_life_days"):
        learner("buy_again", {"half_life_days": value})


def test_parameters_reach_the_learner_and_the_others_keep_their_defaults() -> None:
    assert learner("buy_again", {"half_life_days": 30}) == replace(LEARNERS["buy_again"](), half_life_days=30.0)  # type: ignore[type-var]

"""Learners on a sparse matrix: what they recommend is what the model scores, for known users and for new rows."""

import numpy as np
import pytest
from scipy.sparse import coo_matrix, csr_array

import recsys.models
from recsys.errors import BadInput, BadSettings
from recsys.models.matrix import NEEDS, MatrixModel, matrix_learner
from recsys.models.registry import LEARNERS
from recsys.testing import two_camps

MATRIX = two_camps().histories.pairs().matrix()
OF_MATRICES = sorted(LEARNERS.keys() - NEEDS.keys())
SMALL = {"als": {"factors": 8}}


@pytest.fixture(scope="module", params=OF_MATRICES)
def model(request: pytest.FixtureRequest) -> MatrixModel:
    return matrix_learner(request.param, **SMALL.get(request.param, {})).fit(MATRIX)


def test_the_best_unseen_items_come_first_with_the_scores_of_the_model(model: MatrixModel) -> None:
    ids, scores = model.recommend([0, 5], k=3)
    expected = model.model.score(model.histories.take([0, 5]))
    for user, (row, own) in enumerate(zip([0, 5], expected, strict=True)):
        unseen = np.setdiff1d(np.flatnonzero(own), MATRIX[[row]].indices)
        best = sorted(unseen.tolist(), key=lambda item: (-own[item], item))[:3]
        assert ids[user, : len(best)].tolist() == best
        np.testing.assert_array_equal(scores[user, : len(best)], own[best])
        assert set(ids[user, len(best) :]) <= {-1}


def test_a_row_of_history_is_answered_like_the_user_it_belongs_to(model: MatrixModel) -> None:
    np.testing.assert_array_equal(model.recommend(MATRIX[:2], k=4)[0], model.recommend([0, 1], k=4)[0])


def test_seen_items_stay_when_they_are_wanted(model: MatrixModel) -> None:
    ids, _ = model.recommend(0, k=20, keep_seen=True)
    hidden, _ = model.recommend(0, k=20)
    assert set(hidden[0]) & set(MATRIX[[0]].indices) == set()
    assert set(ids[0]) >= set(hidden[0]) - {-1}


def test_three_lines_give_recommendations_of_the_right_camp() -> None:
    from recsys.models import ALS

    model = ALS(factors=8).fit(MATRIX)
    ids, scores = model.recommend(np.arange(40), k=3)
    assert (ids.shape, scores.shape) == ((40, 3), (40, 3))
    assert np.mean(ids % 2 == np.arange(40)[:, None] % 2) > 0.9
    similar, _ = model.similar(0, k=3)
    assert set(similar % 2) == {0}


def test_every_learner_has_its_name_in_the_package() -> None:
    for name in OF_MATRICES:
        assert getattr(recsys.models, LEARNERS[name].__name__)().learner == LEARNERS[name]()
    assert recsys.models.EASE().learner == recsys.models.Ease().learner
    with pytest.raises(AttributeError, match="Als2"):
        _ = recsys.models.Als2


def test_many_users_are_answered_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = matrix_learner("popularity").fit(MATRIX)
    whole = model.recommend(np.arange(40))[0]
    monkeypatch.setattr("recsys.models.matrix.MAX_SCORES", 60)
    np.testing.assert_array_equal(model.recommend(np.arange(40))[0], whole)


def test_the_form_of_the_matrix_does_not_matter() -> None:
    ids, _ = matrix_learner("item_neighbours").fit(MATRIX).recommend([0])
    row, column = MATRIX.nonzero()
    halves = coo_matrix((np.tile(MATRIX.data / 2, 2), (np.tile(row, 2), np.tile(column, 2))), shape=MATRIX.shape)
    np.testing.assert_array_equal(matrix_learner("item_neighbours").fit(halves).recommend([0])[0], ids)


def test_what_cannot_be_is_refused_with_the_reason() -> None:
    model = matrix_learner("popularity").fit(MATRIX)
    for wrong, reason in (
        (lambda: model.recommend(40), "user 40: the matrix has users 0 to 39"),
        (lambda: model.recommend(csr_array((1, 3))), "3 items, the fitted matrix 20"),
        (lambda: model.similar(0), "popularity does not know"),
        (lambda: matrix_learner("als").fit(csr_array(np.array([[1.0, np.nan]]))), "no number"),
        (lambda: matrix_learner("content"), "content needs descriptions of items"),
    ):
        with pytest.raises(BadInput, match=reason):
            wrong()
    with pytest.raises(BadInput, match="item 20"):
        matrix_learner("als", factors=2).fit(MATRIX).similar(20)
    with pytest.raises(BadSettings, match="did you mean 'factors'"):
        recsys.models.ALS(factor=8)

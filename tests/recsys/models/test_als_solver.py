"""ALS solver: regularisation by weight, against a textbook solution of small matrices."""

from typing import TypeAlias

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recsys.models.als_solver import STEP, item_vectors, pull_per_weight

Exact: TypeAlias = "np.ndarray[tuple[int, int], np.dtype[np.float64]]"

ALPHA, FACTORS, USUAL = 5.0, 6, 4.0


def skewed(n_users: int = 60, n_items: int = 40) -> "csr_matrix[np.float32]":
    """A few users have nearly all items, many have few; no row and no column is empty."""
    rng = np.random.default_rng(0)
    has = rng.random((n_users, n_items)) < np.outer(np.linspace(1, 0.1, n_users) ** 2, np.linspace(1, 0.2, n_items))
    has[np.arange(n_users), np.arange(n_users) % n_items] = True
    return csr_matrix(np.where(has, ALPHA * rng.uniform(0.5, 2, has.shape), 0).astype(np.float32))


def solved(confidence: Exact, others: Exact, usual: float) -> Exact:
    """Rows of least squares one by one, each with exactly its own regularization: (R, I), (I, F) -> (R, F)."""
    share = pull_per_weight(csr_matrix(confidence.astype(np.float32)), usual)
    rows = []
    for said in confidence:
        weight = np.where(said > 0, said, 1)
        hold = share * (said.sum() + len(said)) * np.eye(others.shape[1])
        rows.append(np.linalg.solve((others.T * weight) @ others + hold, others.T @ (weight * (said > 0))))
    return np.vstack(rows)


def loss(confidence: Exact, users: Exact, items: Exact) -> float:
    weight = np.where(confidence > 0, confidence, 1)
    off = float((weight * ((confidence > 0) - users @ items.T) ** 2).sum())
    for side, vectors in ((confidence, users), (confidence.T, items)):
        share = pull_per_weight(csr_matrix(side.astype(np.float32)), USUAL)
        off += float((share * (side.sum(axis=1) + side.shape[1])) @ (vectors**2).sum(axis=1))
    return off


def test_the_vectors_are_as_good_as_those_of_rows_solved_one_by_one() -> None:
    matrix = skewed()
    confidence = matrix.toarray().astype(float)
    items: Exact = 0.01 * np.random.default_rng(1).random((matrix.shape[1], FACTORS))
    for _ in range(50):
        users = solved(confidence, items, USUAL)
        items = solved(confidence.T, users, USUAL)

    ours = item_vectors(matrix, USUAL, FACTORS, 50, np.random.default_rng(1)).astype(float)

    textbook = loss(confidence, users, items)
    assert loss(confidence, solved(confidence, ours, USUAL), ours) == pytest.approx(textbook, rel=0.005)


def test_one_regularization_for_all_rows_fits_worse() -> None:
    """Shows that the test above is sensitive."""
    matrix = skewed()
    confidence = matrix.toarray().astype(float)
    flat = skewed()
    own = item_vectors(matrix, USUAL, FACTORS, 50, np.random.default_rng(1)).astype(float)
    flat.data[:] = ALPHA
    other = item_vectors(flat, 4 * USUAL, FACTORS, 50, np.random.default_rng(1)).astype(float)

    assert loss(confidence, solved(confidence, own, USUAL), own) < 0.98 * loss(
        confidence, solved(confidence, other, USUAL), other
    )


def test_rows_with_more_weight_are_regularised_more_and_the_average_pair_as_given() -> None:
    matrix = skewed()
    weights = np.asarray(matrix.sum(axis=1)).ravel() + matrix.shape[1]
    pull = pull_per_weight(matrix, USUAL) * weights
    per_pair = np.repeat(pull, np.diff(matrix.indptr))

    assert np.exp(np.log(per_pair).mean()) == pytest.approx(USUAL, rel=1e-5)
    assert pull.max() > STEP**3 * pull.min()


def test_without_any_pair_there_is_nothing_to_factorise() -> None:
    nothing = csr_matrix(np.zeros((0, 0), np.float32))

    assert item_vectors(nothing, 1.0, 4, 2, np.random.default_rng(0)).shape == (0, 4)

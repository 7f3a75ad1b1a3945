"""Training of the network: it learns what follows, goes on where it was stopped, and every worker serves it."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from recsys.bundle.array_spec import check_arrays
from recsys.data.dataset.interactions import Interactions
from recsys.errors import BadBundle
from recsys.models.self_attention import training
from recsys.models.self_attention.checkpoint import Checkpoint, TrainingState
from recsys.models.self_attention.learner import SelfAttention
from recsys.models.self_attention.model import SelfAttentionModel
from recsys.testing import NOW, interactions_of

N_ITEMS, LENGTH = 8, 14
LEARNER = SelfAttention(max_history=16, factors=16, learning_rate=0.02, dropout=0.1, epochs=40)


def rounds(n_users: int = 12) -> Interactions:
    """A dozen customers who go round through the items, each from another one on: k is followed by k + 1."""
    user, nth = np.divmod(np.arange(n_users * LENGTH), LENGTH)
    item = (user + nth) % N_ITEMS
    return interactions_of(
        user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=N_ITEMS, at=NOW - LENGTH + nth
    )


@pytest.fixture(scope="module")
def model() -> SelfAttentionModel:
    return LEARNER.fit(rounds(), np.random.default_rng(0))


def test_a_dozen_customers_teach_what_follows_the_last_item(model: SelfAttentionModel) -> None:
    likely = model.score(rounds().histories).argmax(axis=1)
    np.testing.assert_array_equal(likely, (np.arange(12) + LENGTH) % N_ITEMS)


def test_scores_are_the_chance_to_be_the_next_one(model: SelfAttentionModel) -> None:
    np.testing.assert_allclose(model.score(rounds().histories).sum(axis=1), 1, rtol=1e-5)


def test_a_stopped_fit_goes_on_and_ends_as_if_it_had_not_been_stopped(
    model: SelfAttentionModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[TrainingState] = []

    def save(checkpoint: Checkpoint, state: TrainingState) -> None:
        kept(checkpoint, state)
        stopped.append(state)
        if len(stopped) == 3:
            raise KeyboardInterrupt

    kept = Checkpoint.save
    monkeypatch.setattr(Checkpoint, "save", save)
    with pytest.raises(KeyboardInterrupt):
        LEARNER.fit_with_checkpoints(rounds(), np.random.default_rng(0), tmp_path)
    assert len(list(tmp_path.iterdir())) == 1

    again = LEARNER.fit_with_checkpoints(rounds(), np.random.default_rng(0), tmp_path)

    assert stopped[3].epoch == 4
    for name, array in again.arrays().items():
        np.testing.assert_array_equal(array, model.arrays()[name])
    assert not list(tmp_path.iterdir())


def test_a_fit_ends_when_held_back_items_are_predicted_no_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_held_back_ndcg", lambda *_: np.array([0.5]))
    epochs: list[int] = []
    monkeypatch.setattr(Checkpoint, "save", lambda _, state: epochs.append(state.epoch))
    LEARNER.fit(rounds(), np.random.default_rng(0))
    assert epochs == list(range(1, training.PATIENCE + 2))


def test_even_negatives_estimate_the_cross_entropy_over_all_items() -> None:
    rng, n_items = np.random.default_rng(0), 2_000
    parameters = training._initial_state(LEARNER, n_items, 0).parameters
    tokens, targets = (rng.integers(0, n_items, (3, 5)).astype(np.int32) for _ in range(2))
    among_all = jax.jit(partial(training._loss, dropout=0.0), compiler_options=training.QUICK)
    loss = among_all(parameters, tokens, targets, np.arange(n_items), jax.random.key(0))
    assert loss == pytest.approx(np.log(n_items), rel=0.02)

    # Of the negatives, repeated, the sum and so the loss stay the same: each stands for as many items as there are.
    few = np.resize(rng.permutation(n_items)[: n_items // 4], n_items)
    estimate = among_all(parameters, tokens, targets, few, jax.random.key(0))
    assert estimate == pytest.approx(float(loss), rel=0.02)


@pytest.mark.parametrize(
    ("name", "value"),
    [("query", np.zeros((1, 16, 15), np.float32)), ("item_bias", np.full(N_ITEMS, np.nan, np.float32))],
)
def test_a_damaged_array_is_refused_by_name(model: SelfAttentionModel, name: str, value: np.ndarray) -> None:
    arrays = {**model.arrays(), name: value}
    with pytest.raises(BadBundle, match=name):
        check_arrays(arrays, SelfAttentionModel.specs(), {"I": N_ITEMS})


def test_vectors_that_the_heads_do_not_divide_are_refused(model: SelfAttentionModel) -> None:
    arrays = {**model.arrays(), "distance": np.zeros((1, 3, 16), np.float32)}
    with pytest.raises(BadBundle, match="16 long, no multiple of 3 heads"):
        check_arrays(arrays, SelfAttentionModel.specs(), {"I": N_ITEMS})


FIT = """
import hashlib, os, sys
os.sched_setaffinity(0, [int(cpu) for cpu in sys.argv[1:]])
from recsys.threads import limit_threads
limit_threads(os.environ)
import numpy as np
from recsys.models.self_attention.learner import SelfAttention
from recsys.testing import NOW, interactions_of

rng, n = np.random.default_rng(0), 12_000
columns = {"user": np.sort(rng.integers(0, 400, n)), "item": rng.integers(0, 3_000, n)}
data = interactions_of(
    **{name: column.astype(np.int32) for name, column in columns.items()},
    n_users=400, n_items=3_000, at=NOW - 100 * rng.random(n),
)
model = SelfAttention(epochs=1).fit(data, np.random.default_rng(0))
print(hashlib.sha256(b"".join(array.tobytes() for array in model.arrays().values())).hexdigest())
"""


@pytest.mark.slow
def test_one_core_and_all_of_them_learn_the_same() -> None:
    cores = sorted(map(str, os.sched_getaffinity(0)))
    env = {name: value for name, value in os.environ.items() if name != "PJRT_NPROC"}
    digests = {
        subprocess.run([sys.executable, "-c", FIT, *some], env=env, check=True, capture_output=True).stdout
        for some in (cores[:1], cores)
    }
    assert len(digests) == 1

"""Forward pass: NumPy and JAX compute the same, and no place sees what comes after it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recsys.arrays import AnyArray
from recsys.models.self_attention.network import hidden_states
from recsys.models.self_attention.training import QUICK

L, A, W, F, H, N_ITEMS = 2, 2, 6, 8, 12, 9
TOKENS = np.array([[-1, -1, 3, 1, 4, 1], [5, 0, 2, 6, 5, 3], [-1, -1, -1, -1, -1, -1]], np.int32)


@pytest.fixture(scope="module")
def parameters() -> dict[str, AnyArray]:
    rng = np.random.default_rng(0)
    squares = dict.fromkeys(("query", "key", "value", "output"), (L, F, F))
    shapes: dict[str, tuple[int, ...]] = {
        **squares,
        "item_vectors": (N_ITEMS, F),
        "item_bias": (N_ITEMS,),
        "distance": (L, A, W),
        "attention_norm": (L, F),
        "hidden_norm": (L, F),
        "hidden_in": (L, F, H),
        "hidden_out": (L, H, F),
        "final_norm": (F,),
    }
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def slow_twin(parameters: dict[str, AnyArray], items: list[int]) -> AnyArray:
    """The last place alone, item by item, from the formulas."""

    def normed(row: AnyArray, gain: AnyArray) -> AnyArray:
        return np.asarray(row / np.sqrt(np.mean(row * row) + 1e-6) * gain)

    rows = [parameters["item_vectors"][item] * np.sqrt(F) for item in items]
    for layer in range(L):
        own = {name: parameters[name][layer] for name in parameters if len(parameters[name]) == L}
        seen = [normed(row, own["attention_norm"]) for row in rows]
        for place in range(len(rows)):
            mixed = []
            for head in range(A):
                part = slice(head * F // A, (head + 1) * F // A)
                query = (seen[place] @ own["query"])[part]
                logits = np.array(
                    [
                        query @ (seen[other] @ own["key"])[part] / np.sqrt(F // A)
                        + own["distance"][head, place - other]
                        for other in range(place + 1)
                    ]
                )
                share = np.exp(logits - logits.max())
                mixed.append(sum(s * (seen[o] @ own["value"])[part] for o, s in enumerate(share / share.sum())))
            rows[place] = rows[place] + np.concatenate(mixed) @ own["output"]
            inner = normed(rows[place], own["hidden_norm"]) @ own["hidden_in"]
            rows[place] = rows[place] + np.maximum(inner, 0) @ own["hidden_out"]
    return normed(rows[-1], parameters["final_norm"])


def test_numpy_and_jax_agree(parameters: dict[str, AnyArray]) -> None:
    by_jax = jax.jit(partial(hidden_states, xp=jnp), compiler_options=QUICK)(parameters, TOKENS)
    np.testing.assert_allclose(hidden_states(parameters, TOKENS), by_jax, rtol=1e-5, atol=1e-5)


def test_the_last_place_is_that_of_all_places_and_of_the_formulas(parameters: dict[str, AnyArray]) -> None:
    last = hidden_states(parameters, TOKENS, only_last=True)[:, 0]
    np.testing.assert_allclose(last, hidden_states(parameters, TOKENS)[:, -1], rtol=1e-4, atol=1e-5)
    for row, items in ((0, [3, 1, 4, 1]), (1, [5, 0, 2, 6, 5, 3])):
        np.testing.assert_allclose(last[row], slow_twin(parameters, items), rtol=1e-4, atol=1e-5)


def test_a_place_sees_nothing_that_comes_after_it(parameters: dict[str, AnyArray]) -> None:
    changed = TOKENS.copy()
    changed[:, 4:] = 7
    before, after = (hidden_states(parameters, tokens)[:2, :4] for tokens in (TOKENS, changed))
    np.testing.assert_array_equal(before[1], after[1])
    assert np.abs(hidden_states(parameters, TOKENS)[1, 4:] - hidden_states(parameters, changed)[1, 4:]).min() > 0

"""Forward pass of a causal self-attention network, the same lines for NumPy (serving) and JAX (training)."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recsys.arrays import AnyArray, Ints

Parameters = Mapping[str, AnyArray]
MASKED = -1e9  # a logit that gets no attention; finite, so that a row without any item stays finite
EPSILON = 1e-6


def hidden_states(
    parameters: Parameters,
    tokens: Ints,
    xp: Any = np,
    *,
    drop: Callable[[Any], Any] = lambda states: states,
    only_last: bool = False,
) -> Any:
    """What the network makes of the items up to each place: (Q, W) -> (Q, W, F), or (Q, 1, F) for the last place.

    tokens: items in chronological order, -1 where there is none, which stands in front.  xp: numpy or jax.numpy.
    drop: the dropout of a training.
    """
    # Kang & McAuley 2018 (SASRec), with distances in place of positions: Press et al. 2022 (ALiBi), learnt.
    is_item, gap = tokens >= 0, np.subtract.outer(np.arange(tokens.shape[1]), np.arange(tokens.shape[1]))
    mask = is_item[:, None, None, :] & (gap >= 0)
    item_vectors, distance = parameters["item_vectors"], parameters["distance"]
    states = drop(item_vectors[xp.maximum(tokens, 0)] * np.float32(np.sqrt(item_vectors.shape[1])))
    for layer in range(len(distance)):
        own = {name: array[layer] for name, array in parameters.items() if name in LAYERED}
        first = -1 if only_last and layer == len(distance) - 1 else 0
        bias = xp.where(mask[..., first:, :], own["distance"][:, np.maximum(gap, 0)[first:]], MASKED)
        seen = _normed(states, own["attention_norm"], xp)
        states = states[:, first:] + drop(_attention(own, seen[:, first:], seen, bias, xp))
        states = states + drop(_feed_forward(own, _normed(states, own["hidden_norm"], xp), xp))
    return _normed(states[:, -1:] if only_last else states, parameters["final_norm"], xp)


LAYERED = frozenset(
    {"distance", "attention_norm", "query", "key", "value", "output", "hidden_norm", "hidden_in", "hidden_out"}
)


def _attention(own: Parameters, queries: Any, states: Any, bias: Any, xp: Any) -> Any:
    """Multi-head attention.  (Q, W', F), (Q, W, F), (Q, A, W', W) -> (Q, W', F)"""
    n_heads, size = len(own["distance"]), states.shape[-1] // len(own["distance"])

    def heads(rows: Any, weights: Any) -> Any:
        return (rows @ weights).reshape(*rows.shape[:2], n_heads, size).swapaxes(1, 2)

    query, key, value = heads(queries, own["query"]), heads(states, own["key"]), heads(states, own["value"])
    logits = query @ key.swapaxes(2, 3) * np.float32(size**-0.5) + bias
    weight = xp.exp(logits - logits.max(-1, keepdims=True))
    mixed = (weight @ value) / weight.sum(-1, keepdims=True)
    return mixed.swapaxes(1, 2).reshape(queries.shape) @ own["output"]


def _feed_forward(own: Parameters, states: Any, xp: Any) -> Any:
    return xp.maximum(states @ own["hidden_in"], 0) @ own["hidden_out"]


def _normed(states: Any, gain: Any, xp: Any) -> Any:
    """Root mean square 1, times the gain.  Zhang & Sennrich 2019, eq. 4."""
    mean_square = (states * states).mean(-1, keepdims=True)
    return states / xp.sqrt(mean_square + np.float32(EPSILON)) * gain

"""Training of the self-attention network with JAX and Adam: the one file that knows JAX.

The same data and seed give the same parameters; the order of events is drawn from the seed and the number of the epoch.
"""

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Floats, Longs
from recsys.data.dataset.interactions import Interactions
from recsys.models.self_attention.checkpoint import TrainingState, checkpoint_of
from recsys.models.self_attention.model import SelfAttentionModel
from recsys.models.self_attention.network import hidden_states
from recsys.models.self_attention.settings import NetworkSettings
from recsys.models.self_attention.windows import NO_ITEM, PLACES, ItemSequences, batches, item_sequences

# For short passes: a quarter of the speed, but compiled in half a second, not in four.
QUICK = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
MOVING = ("parameters", "mean", "variance", "average")
log = logging.getLogger(__name__)

MAX_JUDGES = 1_000  # customers whose last item is held back
MIN_HISTORY = 3  # items of a customer who judges
PATIENCE = 8  # epochs without a better prediction, after which a fit ends
ROWS = 128  # judged at once
STEPS = 32  # of a pass over few events, at least
FEWEST_PLACES = 128
WARM_UP = 100  # steps until the learning rate is reached
DECAYS = (0.9, 0.98)  # of the moments of Adam
AVERAGED = 0.995  # of the average of the parameters is kept by each step: it is what is judged and served
FEW_ITEMS = 2  # times the negatives: with fewer, all items are compared


def train(
    settings: NetworkSettings, data: Interactions, rng: Generator, checkpoints: Path | None
) -> SelfAttentionModel:
    """See `SelfAttention.fit`."""
    seed = int(rng.integers(2**31))
    sequences = item_sequences(data.histories)
    judges = _judges(sequences, seed)
    known = sequences.without_last(judges)
    given = (sequences.offsets, sequences.item, sequences.step)
    checkpoint = checkpoint_of(checkpoints, f"{settings} {seed} {data.n_items}", *given)
    state = checkpoint.load(_initial_state(settings, data.n_items, seed))
    n_epochs = settings.affordable_epochs(len(sequences.item), data.n_items)
    while state.epoch < n_epochs and state.since_best < PATIENCE:
        state = _epoch(state, settings, known, seed)
        state = _judged(state, sequences, judges)
        log.info("self_attention_epoch", extra={"epoch": state.epoch, "of": n_epochs, "quality": state.quality})
        checkpoint.save(state)
    checkpoint.delete()
    return SelfAttentionModel(**{name: np.array(array) for name, array in state.best.items()})


def _judges(sequences: ItemSequences, seed: int) -> Longs:
    """Customers drawn at random among those with enough items, at most a half."""
    able = np.flatnonzero(np.diff(sequences.offsets) >= MIN_HISTORY)
    return np.sort(np.random.default_rng(seed).permutation(able)[: min(MAX_JUDGES, len(able) // 2)])


def _initial_state(settings: NetworkSettings, n_items: int, seed: int) -> TrainingState:
    rng, size, layers = np.random.default_rng(seed), settings.factors, settings.layers
    hidden = 4 * size

    def drawn(*shape: int, scale: float) -> Floats:
        return rng.normal(0, scale, shape).astype(np.float32)

    slopes = 2.0 ** (-8 * np.arange(1, settings.heads + 1) / settings.heads)  # Press et al. 2022, section 3
    falling = -slopes[:, None] * np.arange(settings.max_history)
    parameters = {
        "item_vectors": drawn(n_items, size, scale=0.02),
        "item_bias": np.zeros(n_items, np.float32),
        "distance": np.repeat(falling[None], layers, axis=0).astype(np.float32),
        "attention_norm": np.ones((layers, size), np.float32),
        **{name: drawn(layers, size, size, scale=size**-0.5) for name in ("query", "key", "value")},
        "output": drawn(layers, size, size, scale=0.5 * size**-0.5),
        "hidden_norm": np.ones((layers, size), np.float32),
        "hidden_in": drawn(layers, size, hidden, scale=size**-0.5),
        "hidden_out": drawn(layers, hidden, size, scale=0.5 * hidden**-0.5),
        "final_norm": np.ones(size, np.float32),
    }
    zeros = {name: np.zeros_like(array) for name, array in parameters.items()}
    return TrainingState(parameters, zeros, zeros, parameters, parameters)


def _epoch(state: TrainingState, settings: NetworkSettings, known: ItemSequences, seed: int) -> TrainingState:
    """After one more pass over the events."""
    rng = np.random.default_rng((seed, state.epoch))
    n_items = len(state.parameters["item_vectors"])
    moving = tuple(getattr(state, name) for name in MOVING)
    step = state.step
    places = _places(len(known.item))
    step_once = _step if places > FEWEST_PLACES else _quickly_compiled_step
    tokens, targets = known.shuffled(rng).windows(settings.max_history, rng)
    for batch in batches(tokens, targets, places, rng):
        step += 1
        negatives = _negatives(n_items, settings.negatives, rng)
        rate = settings.learning_rate * min(1.0, step / WARM_UP)
        moving = step_once(moving, *batch, negatives, (seed, step), rate, dropout=settings.dropout)
    groups: Any = {name: jax.tree.map(np.asarray, group) for name, group in zip(MOVING, moving, strict=True)}
    return replace(state, **groups, epoch=state.epoch + 1, step=step)


def _places(n_events: int) -> int:
    """How many items a step looks at: a power of two, less for few events, so that some steps make a pass."""
    return int(np.clip(2 ** int(np.log2(max(1, n_events / STEPS))), FEWEST_PLACES, PLACES))


def _negatives(n_items: int, n: int, rng: Generator) -> Any:
    return np.arange(n_items) if n_items <= FEW_ITEMS * n else rng.integers(0, n_items, n)


def _judged(state: TrainingState, sequences: ItemSequences, judges: Longs) -> TrainingState:
    """With the new parameters as the best, if they are."""
    if not len(judges):
        return replace(state, best=state.average)
    quality = float(_held_back_ndcg(SelfAttentionModel(**state.average), sequences, judges).mean())
    if quality > state.quality:
        return replace(state, best=state.average, quality=quality, since_best=0)
    return replace(state, since_best=state.since_best + 1)


def _held_back_ndcg(model: SelfAttentionModel, sequences: ItemSequences, judges: Longs) -> Doubles:
    """nDCG over the whole catalogue of the last item of each of these users: smoother than that of ten places."""
    tokens = sequences.last(model.distance.shape[2] + 1)[judges]
    rank = np.empty(len(judges))
    for start in range(0, len(judges), ROWS):
        rows = slice(start, start + ROWS)
        scores = model.score_rows(tokens[rows, :-1])
        rank[rows] = (scores > np.take_along_axis(scores, tokens[rows, -1:], axis=1)).sum(1)
    return 1 / np.log2(rank + 2)


def _loss(parameters: Any, tokens: Any, targets: Any, negatives: Any, key: Any, *, dropout: float) -> Any:
    """Mean cross-entropy of the next item, among all items or estimated with those negatives, drawn evenly."""
    # Corrected by their rate, even negatives estimate the softmax over all items: Bengio & Senecal 2008, section III.
    # The binary loss of SASRec with few negatives overrates popular items: Petrov & Macdonald 2023, section 4.
    keys = iter(jax.random.split(key, 1 + 2 * len(parameters["distance"])))

    def drop(states: Any) -> Any:
        return states * jax.random.bernoulli(next(keys), 1 - dropout, states.shape) / (1 - dropout)

    states = hidden_states(parameters, tokens, jnp, drop=drop)
    vectors, bias = parameters["item_vectors"], parameters["item_bias"]
    right = (states * vectors[targets]).sum(-1) + bias[targets]
    shift = np.log(len(vectors) / len(negatives))
    others = states @ vectors[negatives].T + bias[negatives] + shift
    others = jnp.where(negatives == targets[..., None], -jnp.inf, others)
    total = jnp.logaddexp(jax.nn.logsumexp(others, axis=-1), right)
    counts = targets != NO_ITEM
    return jnp.where(counts, total - right, 0).sum() / jnp.maximum(counts.sum(), 1)


def _adam(
    moving: Any, tokens: Any, targets: Any, negatives: Any, draw: tuple[int, int], rate: float, *, dropout: float
) -> Any:
    """One step.  Kingma & Ba 2015, algorithm 1."""
    parameters, mean, variance, average = moving
    key = jax.random.fold_in(jax.random.key(draw[0]), draw[1])
    gradient = jax.grad(partial(_loss, dropout=dropout))(parameters, tokens, targets, negatives, key)
    fade, slow = DECAYS
    mean = jax.tree.map(lambda old, new: fade * old + (1 - fade) * new, mean, gradient)
    variance = jax.tree.map(lambda old, new: slow * old + (1 - slow) * new * new, variance, gradient)
    scale = rate * jnp.sqrt(1 - slow ** draw[1]) / (1 - fade ** draw[1])
    parameters = jax.tree.map(
        lambda own, first, second: own - scale * first / (jnp.sqrt(second) + 1e-9), parameters, mean, variance
    )
    keep = jnp.minimum(AVERAGED, draw[1] / (draw[1] + 10.0))
    average = jax.tree.map(lambda old, new: keep * old + (1 - keep) * new, average, parameters)
    return parameters, mean, variance, average


_step = jax.jit(_adam, static_argnames="dropout")
_quickly_compiled_step = jax.jit(_adam, static_argnames="dropout", compiler_options=QUICK)

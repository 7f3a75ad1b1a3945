"""Self-attention model: what follows the last choices, computed by a few lines of NumPy from stored arrays."""

from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

import numpy as np

from recsys.arrays import AnyArray, Floats
from recsys.bundle.array_spec import Arrays, ArraySpec
from recsys.data.dataset.histories import Histories
from recsys.models.self_attention.network import Parameters, hidden_states
from recsys.models.self_attention.windows import item_sequences
from recsys.models.serialization import StoredFields


def _heads_fault(arrays: Arrays) -> str | None:
    heads, size = arrays["distance"].shape[1], arrays["final_norm"].shape[0]
    return f"{size} long, no multiple of {heads} heads" if not heads or size % heads else None


@dataclass(frozen=True, slots=True)
class SelfAttentionModel(StoredFields):
    """The parameters of the network: L layers, A heads, W items of a history, H units of the feed-forward layers.

    distance: added to the attention that one item pays to another so many places before it.
    """

    name: ClassVar[str] = "self_attention"
    item_vectors: Annotated[Floats, ArraySpec("I F")]
    item_bias: Annotated[Floats, ArraySpec("I")]
    distance: Annotated[Floats, ArraySpec("L A W")]
    attention_norm: Annotated[Floats, ArraySpec("L F")]
    query: Annotated[Floats, ArraySpec("L F F")]
    key: Annotated[Floats, ArraySpec("L F F")]
    value: Annotated[Floats, ArraySpec("L F F")]
    output: Annotated[Floats, ArraySpec("L F F")]
    hidden_norm: Annotated[Floats, ArraySpec("L F")]
    hidden_in: Annotated[Floats, ArraySpec("L F H")]
    hidden_out: Annotated[Floats, ArraySpec("L H F")]
    final_norm: Annotated[Floats, ArraySpec("F", rule=_heads_fault)]

    @property
    def parameters(self) -> Parameters:
        """For `hidden_states`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def score(self, histories: Histories) -> Floats:
        """How likely each item is the next one, summing to 1 in a row; zeros for an empty history.  (Q, I)."""
        sequences = item_sequences(histories)
        lengths = np.diff(sequences.offsets)
        width = min(int(lengths.max(initial=1)), self.distance.shape[2])
        return self.score_rows(sequences.last(max(1, width)))

    def score_rows(self, tokens: AnyArray) -> Floats:
        """The same for the last items, right-aligned, -1 in front.  (Q, <= W) -> (Q, I)"""
        states = hidden_states(self.parameters, tokens, only_last=True)[:, 0]
        scores: Floats = states @ self.item_vectors.T
        scores += self.item_bias
        scores -= scores.max(1, keepdims=True, initial=-np.inf)
        np.exp(scores, out=scores)
        scores *= (tokens[:, -1:] >= 0) / scores.sum(1, keepdims=True)
        return scores

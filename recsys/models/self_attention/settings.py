"""Settings of the self-attention network and its training, and the effort that they cost."""

from dataclasses import dataclass

from recsys.models.hyperparameters import AboveZero, Count, Dropout
from recsys.models.self_attention.windows import PLACES


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """max_history: how many of the last items count.  factors: size of the vectors, a multiple of `heads`.

    layers, heads: of the network.  negatives: items that each step compares the right one with, drawn anew; all items
    of a catalogue that is not much larger.  dropout, learning_rate: of the training.
    epochs: passes over the events, at most; max_seconds: CPU seconds that they may take, foretold.
    """

    max_history: Count = 50
    factors: Count = 64
    layers: Count = 1
    heads: Count = 2
    negatives: Count = 512
    dropout: Dropout = 0.3
    learning_rate: AboveZero = 0.003
    epochs: Count = 60
    max_seconds: AboveZero = 1_800.0

    def epoch_seconds(self, n_events: float, n_items: float) -> float:
        """CPU seconds of a pass over the events, foretold: the same on every machine."""
        compared = n_items if n_items <= 2 * self.negatives else self.negatives
        place = 1e-6 + 1.5e-10 * self.factors * (compared + self.layers * (12 * self.factors + 2 * self.max_history))
        return n_events * (place + 2e-9 * n_items * self.factors / PLACES)

    def affordable_epochs(self, n_events: float, n_items: float) -> int:
        """How many passes the seconds allow, at least one."""
        return int(min(self.epochs, max(1, self.max_seconds / self.epoch_seconds(n_events, n_items))))

"""Self-attention learner: the fit of the network, which needs the extra `neural`."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from numpy.random import Generator

from recsys.data.dataset.interactions import Interactions
from recsys.errors import BadSettings
from recsys.models.self_attention.model import SelfAttentionModel
from recsys.models.self_attention.settings import NetworkSettings
from recsys.models.serialization import require_events


@dataclass(frozen=True, slots=True)
class SelfAttention(NetworkSettings):
    """Learns what follows the last choices; see NetworkSettings."""

    def fit(self, data: Interactions, rng: Generator) -> SelfAttentionModel:
        """Ends early when the held-back last items of some customers are predicted no better.

        Raises NotEnoughData without any event, and BadSettings without the extra or for settings that do not fit.
        """
        return self.fit_with_checkpoints(data, rng, None)

    def fit_with_checkpoints(self, data: Interactions, rng: Generator, folder: Path | None) -> SelfAttentionModel:
        """As `fit`; the state after each epoch stands in that folder until the fit is done."""
        require_events(data)
        if self.factors % self.heads:
            raise BadSettings(f"model self_attention: factors = {self.factors} is no multiple of heads = {self.heads}")
        if find_spec("jax") is None:
            raise BadSettings("model self_attention needs JAX: pip install 'recsys-shop[neural]'")
        from recsys.models.self_attention.training import train

        return train(self, data, rng, folder)

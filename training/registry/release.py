"""Release: one published version as the registry lists it."""

from dataclasses import dataclass, field
from typing import Any

from recsys.gate.verdict import GateVerdict


@dataclass(frozen=True, slots=True)
class Release:
    """One published version.  `damage`: what is wrong with it, None for a sound one.

    verdict: of the gate, None for a release of an earlier build.  data_digest: of what it was learnt from.
    """

    version: str
    is_live: bool
    made_at_ms: int | None = None
    n_bytes: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    damage: str | None = None
    verdict: GateVerdict | None = None
    data_digest: str = ""

    @property
    def is_rejected(self) -> bool:
        """Whether the gate refused it, and nobody promoted it in spite of that."""
        return self.verdict is not None and self.verdict.outcome == "rejected"

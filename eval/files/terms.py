"""Terms of an evaluation of files: lengths of the lists, items seen before, seed, and time for tuning."""

from dataclasses import dataclass
from typing import Literal

HEADLINE_K = 10

SeenItems = Literal["hide", "keep"]


@dataclass(frozen=True, slots=True)
class FileTerms:
    """ks: lengths of the lists, ascending.  seen: whether lists may hold items the customer has in the training file.

    seed: of everything random.  tune_seconds: time to look for better settings, on a part of the training file; with 0
    models keep their defaults.
    """

    ks: tuple[int, ...]
    seen: SeenItems
    seed: int
    tune_seconds: float = 0.0

    @property
    def k(self) -> int:
        """The length that verdicts are about: 10 where that is among them, else the shortest."""
        return HEADLINE_K if HEADLINE_K in self.ks else self.ks[0]

    @property
    def compared_in(self) -> str:
        """The metric of the verdicts."""
        return f"ndcg@{self.k}"

    @property
    def is_hiding(self) -> bool:
        return self.seen == "hide"

    @property
    def placement(self) -> str:
        """The placement where a shop would show such lists."""
        return "discover" if self.is_hiding else "home"

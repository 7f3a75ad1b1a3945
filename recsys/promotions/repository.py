"""Promotion repository: `promotions.toml` of a home, and every version of it that was ever accepted."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from recsys.errors import BadPromotions, PromotionsChanged
from recsys.promotions.document import parse_promotions
from recsys.promotions.model import NO_PROMOTIONS, Promotions
from recsys.ranking.segments.repository import SegmentRepository, open_segment_repository
from recsys.versioned_toml.repository import VersionedRepository

PROMOTIONS_FILE = "promotions.toml"  # in the home
HISTORY = "promotions"  # folder in the home


@dataclass(frozen=True, slots=True)
class PromotionRepository(VersionedRepository[Promotions]):
    """The file of promotions, the folder of its versions, and the saved segments that promotions may name."""

    segments: SegmentRepository
    noun: ClassVar[str] = "promotions"
    refusal: ClassVar[type[BadPromotions]] = BadPromotions
    conflict: ClassVar[type[PromotionsChanged]] = PromotionsChanged

    def parse(self, text: str) -> Promotions:
        """Raises BadPromotions."""
        return parse_promotions(text, replace(self.segments.vocabulary, segments=self.segments.names()))

    def empty(self) -> Promotions:
        return NO_PROMOTIONS


def open_promotion_repository(home: Path, file: Path | None) -> PromotionRepository:
    """The promotion repository of a home, by the settings file.  Raises BadSettings."""
    return PromotionRepository(home / PROMOTIONS_FILE, home / HISTORY, open_segment_repository(home, file))

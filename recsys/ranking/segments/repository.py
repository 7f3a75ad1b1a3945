"""Segment repository: `segments.toml` of a home, and every version of it that was ever accepted."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from recsys.customers.settings import CustomerSettings
from recsys.errors import BadDocument, BadSegments, SegmentsChanged
from recsys.ranking.segments.document import NO_SEGMENTS, SavedSegments, parse_segments
from recsys.ranking.segments.expression import CustomerWhere
from recsys.ranking.segments.parser import SEGMENT_PREFIX, SegmentVocabulary, check_segment, parse_customers_text
from recsys.versioned_toml.repository import VersionedRepository

SEGMENTS_FILE = "segments.toml"  # in the home
HISTORY = "segments"  # folder in the home


@dataclass(frozen=True, slots=True)
class SegmentRepository(VersionedRepository[SavedSegments]):
    """The file of segments, the folder of its versions, and the names that conditions may use."""

    vocabulary: SegmentVocabulary
    noun: ClassVar[str] = "segments"
    refusal: ClassVar[type[BadSegments]] = BadSegments
    conflict: ClassVar[type[SegmentsChanged]] = SegmentsChanged

    def parse(self, text: str) -> SavedSegments:
        """Raises BadSegments."""
        return parse_segments(text, self.vocabulary)

    def empty(self) -> SavedSegments:
        return NO_SEGMENTS

    def condition(self, text: str, saved: SavedSegments) -> CustomerWhere:
        """The condition of a JSON text, or of the name of a saved segment.  Raises BadFilter, UnknownSegment."""
        vocabulary = replace(self.vocabulary, segments=saved.names())
        if text.lstrip().startswith("{"):
            return parse_customers_text(text, vocabulary)
        name = text.removeprefix(SEGMENT_PREFIX)
        check_segment(name, saved.names())
        return saved.conditions()[name]

    def names(self) -> frozenset[str]:
        """The names of the saved segments; none where the file cannot be read."""
        try:
            return self.last_valid().names()
        except BadDocument:
            return frozenset()


def open_segment_repository(home: Path, file: Path | None) -> SegmentRepository:
    """The segment repository of a home, by the settings file.  Raises BadSettings."""
    groups = tuple(dict.fromkeys(group.name for group in CustomerSettings.load(file).rfm_groups()))
    return SegmentRepository(home / SEGMENTS_FILE, home / HISTORY, SegmentVocabulary(groups))

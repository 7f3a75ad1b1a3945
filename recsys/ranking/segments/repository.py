"""Segment repository: `segments.toml` of a home, and every version of it that was ever accepted."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from recsys.customers.settings import CustomerSettings
from recsys.errors import BadDocument, BadInput, BadSegments, SegmentsChanged
from recsys.ranking.segments.document import NO_SEGMENTS, SavedSegments, parse_segments
from recsys.ranking.segments.expression import CustomerWhere
from recsys.ranking.segments.parser import SEGMENT_PREFIX, SegmentVocabulary, parse_customers, parse_customers_text
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
        if text.lstrip().startswith("{"):
            return parse_customers_text(text, replace(self.vocabulary, segments=saved.names()))
        return saved.condition(text.removeprefix(SEGMENT_PREFIX))

    def named_condition(self, where: object, segment: str | None, saved: SavedSegments) -> CustomerWhere | None:
        """The condition of JSON types, that of a saved segment, or None without either.

        Raises BadFilter, UnknownSegment; BadInput for both.
        """
        if where is not None and segment is not None:
            raise BadInput("where, segment: give one of both; a condition may name a segment, too")
        if segment is not None:
            return saved.condition(segment)
        if where is None:
            return None
        return parse_customers(where, replace(self.vocabulary, segments=saved.names()))

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

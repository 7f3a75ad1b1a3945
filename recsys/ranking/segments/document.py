"""Segment document: `segments.toml` in, saved segments out, or each fault with its line."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from recsys.errors import BadFilter, BadInput, BadSegments, DocumentFault
from recsys.ranking.segments.expression import CustomerWhere, segment_names
from recsys.ranking.segments.parser import SegmentVocabulary, check_segment, parse_customers
from recsys.versioned_toml.document import (
    MOST_FAULTS,
    entry_line,
    faults_text,
    read_toml,
    schema_faults,
    text_digest,
    toml_text,
)

MOST_SEGMENTS = 500
TABLE = "segments"

SegmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SegmentIn(_Strict):
    """One segment as it is written."""

    name: SegmentName = Field(description="a name of your own, once in the file")
    about: str = Field(default="", max_length=500, description="a sentence for people")
    where: dict[str, Any] = Field(description="conditions on customers; see docs/customers.md")


class SegmentsIn(_Strict):
    """The saved segments of a shop."""

    segments: Annotated[tuple[SegmentIn, ...], Field(max_length=MOST_SEGMENTS)] = ()

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "segments": [
                        {
                            "name": "coffee-lapsed",
                            "about": "Bought coffee twice, and none for a month",
                            "where": {
                                "bought": {"where": {"category": "COFFEE"}, "days": 180, "times": {"gte": 2}},
                                "not": {"bought": {"where": {"category": "COFFEE"}, "days": 30}},
                            },
                        }
                    ]
                }
            ]
        }
    )


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """A saved segment.  written: its condition as JSON types."""

    name: str
    about: str
    where: CustomerWhere
    written: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SavedSegments:
    """All saved segments, in the order of the file.  digest: of the text."""

    segments: tuple[SavedSegment, ...]
    digest: str

    def conditions(self) -> dict[str, CustomerWhere]:
        """The conditions by name."""
        return {segment.name: segment.where for segment in self.segments}

    def condition(self, name: str) -> CustomerWhere:
        """Raises UnknownSegment."""
        check_segment(name, self.names())
        return self.conditions()[name]

    def names(self) -> frozenset[str]:
        return frozenset(segment.name for segment in self.segments)


NO_SEGMENTS = SavedSegments((), "none")


def parse_segments(text: str, vocabulary: SegmentVocabulary) -> SavedSegments:
    """The segments of a TOML text.  Raises BadSegments that names each fault with its line."""
    content = read_toml(text)
    if isinstance(content, DocumentFault):
        raise _bad_segments([content])
    try:
        document = SegmentsIn.model_validate(content)
    except ValidationError as error:
        faults = schema_faults(error, SegmentsIn, text, content, table=TABLE, name="name")
        raise _bad_segments(faults) from None
    return validate_segments(document, vocabulary, text=text)


def validate_segments(document: SegmentsIn, vocabulary: SegmentVocabulary, *, text: str) -> SavedSegments:
    """The segments of a document; text: its TOML, for the line numbers.  Raises BadSegments."""
    names = [segment.name for segment in document.segments]
    vocabulary = replace(vocabulary, segments=frozenset(names))
    faults, saved = list[DocumentFault](), list[SavedSegment]()
    for at, segment in enumerate(document.segments):
        if names.count(segment.name) > 1:
            line = entry_line(text, TABLE, at, "name")
            faults.append(DocumentFault(line, segment.name, "name", "stands twice; each segment has its own name"))
        try:
            where = parse_customers(segment.where, vocabulary)
        except BadFilter as error:
            faults.append(DocumentFault(_line_of(text, at, str(error)), segment.name, "where", str(error)))
        else:
            saved.append(SavedSegment(segment.name, segment.about, where, segment.where))
    faults = faults or list(_circles(saved, text))
    if faults:
        raise _bad_segments(faults[:MOST_FAULTS])
    return SavedSegments(tuple(saved), text_digest(text))


def faults_of(segments: SavedSegments, text: str, check: Callable[[SavedSegment], object]) -> list[DocumentFault]:
    """What `check` refuses, for each segment, with its line.  check: raises BadInput."""

    def faults() -> Iterator[DocumentFault]:
        for at, segment in enumerate(segments.segments):
            try:
                check(segment)
            except BadInput as error:
                yield DocumentFault(_line_of(text, at, str(error)), segment.name, "where", str(error))

    return list(islice(faults(), MOST_FAULTS))


def to_toml(document: SegmentsIn) -> str:
    """The segments as TOML, written for people."""
    return toml_text(document, BadSegments)


def _circles(saved: list[SavedSegment], text: str) -> Iterator[DocumentFault]:
    """Segments that name themselves, directly or through others."""
    named = {segment.name: segment_names(segment.where.expression) for segment in saved}
    for at, segment in enumerate(saved):
        reached, front = set[str](), [segment.name]
        while front:
            for name in named[front.pop()]:
                if name not in reached:
                    reached.add(name)
                    front.append(name)
        if segment.name in reached:
            line = entry_line(text, TABLE, at, "where")
            yield DocumentFault(line, segment.name, "where", "names itself, directly or through other segments")


def _line_of(text: str, at: int, problem: str) -> int | None:
    """The line of the condition that the problem names first, else of `where`."""
    first = problem.partition(":")[0].partition(".")[0].partition("[")[0]
    lines = text.splitlines()
    start = entry_line(text, TABLE, at, "where")
    if start is None:
        return None
    following = entry_line(text, TABLE, at + 1, "name")
    end = following - 1 if following is not None and following > start else len(lines)
    candidates = (row for row in range(start - 1, end) if first and first in lines[row])
    return next(candidates, start - 1) + 1


def _bad_segments(faults: list[DocumentFault]) -> BadSegments:
    return BadSegments(faults_text(faults), faults)

"""Segment schemas: the saved segments, their versions, and the preview of one."""

from typing import Any

from pydantic import BaseModel, Field

from api.schemas.common import In
from recsys.ranking.segments.document import SegmentName


class SegmentTryIn(In):
    """One of both: a condition on customers, or the name of a saved segment."""

    where: dict[str, Any] | None = Field(default=None, description="a condition on customers; see docs/customers.md")
    segment: SegmentName | None = None


class SegmentsOut(BaseModel):
    """The saved segments.  `digest` names the text and is its `etag`."""

    digest: str
    segments: list[dict[str, Any]]
    toml: str


class SegmentVersionOut(BaseModel):
    """A text of segments that was accepted."""

    version: int
    digest: str
    at: str


class SegmentVersionsOut(BaseModel):
    """Newest first."""

    versions: list[SegmentVersionOut]


class ReachOut(BaseModel):
    """Members who did not refuse that purpose over that channel (null: any), and who agreed; null: fewer than 20."""

    purpose: str
    channel: str | None
    open: int | None
    agreed: int | None


class OverlapOut(BaseModel):
    """Members who are in that segment, too; null: fewer than 20."""

    segment: str
    customers: int | None
    share: float | None


class SegmentTryOut(BaseModel):
    """A segment as of `as_of` (Unix ms).  Shares are of all customers; `seconds` is what working it out took.

    Of fewer than 20 members all figures are null, and `reason` says so.
    """

    customers: int | None
    share: float | None
    revenue: float | None
    revenue_share: float | None
    as_of: int
    reach: list[ReachOut]
    overlap: list[OverlapOut]
    seconds: float
    reason: str | None

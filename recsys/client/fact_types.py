"""Types of facts: what happens to a person and not to an item, the verdicts, and the summary."""

from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from pydantic import Field

from recsys.client.types import RequestModel, ResponseModel

FactKind = Literal["search", "survey", "message", "coupon", "service", "referral", "sign_up", "consent", "loyalty"]


class Fact(RequestModel):
    """Something that happened to a customer.  The id is made here, so that a fact sent again is stored once."""

    user_id: str
    kind: FactKind
    fact_id: str = Field(default_factory=lambda: uuid4().hex)
    at: datetime | int | None = None
    value: float | None = None
    text: str | None = None
    ref: str | None = None
    channel: str | None = None

    def body(self) -> dict[str, Any]:
        return {**super().body(), "fact_id": self.fact_id}


class FactVerdict(ResponseModel):
    """The verdict on one fact, as of an event."""

    index: int
    fact_id: str | None
    verdict: str
    reason: str | None = None


class FactVerdicts(ResponseModel):
    """The verdicts on all facts; accepted ones are durable."""

    accepted: int
    duplicate: int
    conflict: int = 0
    withheld: int = 0
    rejected: int
    facts: tuple[FactVerdict, ...]


class VainSearch(ResponseModel):
    """A query without a result: how often, and by how many customers, 20 at least."""

    query: str
    searches: int
    customers: int


class SurveyScore(ResponseModel):
    """A figure of a survey with its interval of 95 %, and the number of customers."""

    value: float
    low: float
    high: float
    n: int


class FactSummary(ResponseModel):
    """Searches without a result, net promoter score and percent of satisfied customers; None below 20 customers."""

    since: int
    until: int
    searches: tuple[VainSearch, ...]
    rare_searches: int
    nps: SurveyScore | None
    csat: SurveyScore | None

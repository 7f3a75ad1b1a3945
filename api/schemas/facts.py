"""Fact schemas: what happens to a person and not to an item, the verdict on each, and their summary."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, FiniteFloat, StringConstraints

from api.schemas.common import Id, In, Time
from recsys.data.facts import MAX_TEXT
from recsys.data.store.validation import MAX_NUMBER

FactKindName = Literal["search", "survey", "message", "coupon", "service", "referral", "sign_up", "consent", "loyalty"]


class FactIn(In):
    """Something that happened to a customer.  A fact that is sent twice with one fact_id is stored once.

    What value, text and ref mean depends on the kind, see docs/facts.md.
    """

    fact_id: Id | None = Field(default=None, description="made from the content when `at` is given, else at random")
    user_id: Id
    kind: FactKindName
    at: Time | None = Field(default=None, description="now when left out; not more than 5 minutes ahead")
    value: Annotated[FiniteFloat, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)] | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*$")] | None = None
    ref: Id | None = None
    channel: Id | None = None


class FactsIn(In):
    """Several facts in one request."""

    facts: list[FactIn]


class FactVerdictOut(BaseModel):
    """The verdict on one fact, as of an event; `index` is its position in the request, from 0."""

    index: int
    fact_id: str | None
    verdict: Literal["accepted", "duplicate", "conflict", "withheld", "rejected"]
    reason: str | None = None


class FactVerdictsOut(BaseModel):
    """The verdicts on all facts.  Accepted facts are durable."""

    accepted: int
    duplicate: int
    conflict: int
    withheld: int
    rejected: int
    facts: list[FactVerdictOut]


class VainSearchOut(BaseModel):
    """A query without a result, in lower case: how often, and by how many customers, 20 at least."""

    query: str
    searches: int
    customers: int


class SurveyScoreOut(BaseModel):
    """A figure of a survey with its interval of 95 %.  n: customers; of several answers the last counts."""

    value: float
    low: float
    high: float
    n: int


class FactSummaryOut(BaseModel):
    """Searches without a result, net promoter score (-100 to 100) and percent of satisfied customers.

    rare_searches: queries by fewer than 20 customers each, which are not shown.  nps, csat: null where fewer than 20
    customers answered.
    """

    since: int
    until: int
    searches: list[VainSearchOut]
    rare_searches: int
    nps: SurveyScoreOut | None
    csat: SurveyScoreOut | None

"""Off-policy schemas: rules judged on the explored answers of the log, without showing anybody a new list."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.common import In, Time
from recsys.versioned_toml.document import MOST_BYTES


class AnswersEvaluationIn(In):
    """The rules to judge, as TOML, and whose lists: the first `k` places of a placement, since a moment."""

    rules: Annotated[str, StringConstraints(max_length=MOST_BYTES)]
    placement: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")] = "home"
    k: int = Field(default=3, ge=1, le=100)
    since: Time | None = Field(default=None, description="first moment of the answers; 28 days ago when left out")


class EstimateOut(BaseModel):
    """For each list, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class RewardOut(BaseModel):
    """What the lists of the log earned, what others would have by three estimates, and the difference (`dr`)."""

    log: EstimateOut
    ips: EstimateOut
    snips: EstimateOut
    dr: EstimateOut
    difference: EstimateOut


class AnswersEvaluationOut(BaseModel):
    """Clicks, purchases and money.  `effective_sample_size`: how many answers the evidence is worth;
    `share_without_support`: of what would be shown, what the log never drew; `left_out`: answers, by reason."""

    placement: str
    places: int
    answers: int
    customers: int
    effective_sample_size: float
    share_without_support: float
    rewards: dict[str, RewardOut]
    never_seen: list[str] = Field(description="rewards that no list led to, of which nothing is said")
    left_out: dict[str, int]

"""Report schemas: the evaluations that are kept, and the verdicts of the gate."""

from typing import Literal

from pydantic import BaseModel


class KeptEvaluationOut(BaseModel):
    """What its page says first: `verdict` in one sentence, and the figures behind it."""

    id: str
    kind: Literal["lists", "customers", "releases"]
    made_at_ms: int
    title: str
    verdict: str
    headline: list[str]


class KeptEvaluationsOut(BaseModel):
    """The newest first."""

    evaluations: list[KeptEvaluationOut]


class GateCheckOut(BaseModel):
    """One check of the gate; `words` is a sentence, also where it passed."""

    name: str
    result: Literal["passed", "failed", "not judged"]
    words: str


class GateDecisionOut(BaseModel):
    """The gate on one release.  `reasons`: why it was refused; `champion`: what was live; `has_page`: all figures.

    `kept_choices`: why it was learnt with the choices of the champion.
    """

    version: str
    champion: str | None
    outcome: Literal["promoted", "rejected", "forced"]
    judged_at_ms: int
    reasons: list[str]
    checks: list[GateCheckOut]
    fairness: str
    n_customers: int
    seconds: float
    forced_because: str | None
    kept_choices: str | None
    has_page: bool


class GateDecisionsOut(BaseModel):
    """Those that are kept, the last judged first; also of releases that are gone."""

    verdicts: list[GateDecisionOut]

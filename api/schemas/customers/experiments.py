"""Experiment schemas: A/B tests of the engine, and their result."""

from typing import Literal

from pydantic import BaseModel, Field

from recsys.experiments.definition import ExperimentPlan


class ExperimentOut(BaseModel):
    """One experiment.  Times in Unix ms; `outcome` is running, stopped, or failed (a guardrail ended it)."""

    plan: ExperimentPlan
    began_at_ms: int
    outcome: Literal["running", "stopped", "failed"]
    reasons: list[str]
    ended_at_ms: int | None


class ExperimentsOut(BaseModel):
    """All that were started, the newest first."""

    experiments: list[ExperimentOut]


class ExperimentPowerOut(BaseModel):
    """By the customers of the last days.  needed, available: customers of each arm; detectable: the least lift that
    those available show with 80 %, null for none; mean, sd: money of each customer."""

    mean: float
    sd: float
    correlation: float
    needed: int
    available: int
    detectable: float | None


class ExperimentTrialOut(ExperimentPlan):
    """The plan, checked, with how many customers it needs; `words` says so in one sentence."""

    power: ExperimentPowerOut
    words: str


class ExperimentStopIn(BaseModel):
    """Why it is stopped."""

    reason: str = Field(default="stopped over HTTP", max_length=500)


class ExperimentEffectOut(BaseModel):
    """B minus A for each customer, with its interval; null where it is not known."""

    difference: float | None
    relative: float | None
    low: float | None
    high: float | None
    p: float | None
    n_treated: int
    n_control: int
    method: str


class ExperimentLookOut(BaseModel):
    """A look that is due; it ends the experiment where |z| reaches `bound`."""

    number: int
    at_ms: int
    effect: ExperimentEffectOut
    z: float
    bound: float


class PreferenceOut(BaseModel):
    """Interleaved lists: customers who clicked more of B, more of A, or as much of both."""

    prefer_b: int
    prefer_a: int
    ties: int
    share_of_b: float | None
    low: float | None
    high: float | None
    p: float | None


class ExperimentFiguresOut(BaseModel):
    """How it stands: `verdict` is a sentence, `decision` b, a, none, go_on or broken."""

    as_of_ms: int
    n_a: int
    n_b: int
    n_left_out: int
    sample_ratio_p: float | None
    effects: dict[str, ExperimentEffectOut]
    looks: list[ExperimentLookOut]
    preference: PreferenceOut | None
    decision: str
    verdict: str


class WatchedMarkOut(BaseModel):
    """Shares of each arm's customers for whom `words` hold, on this host in this hour; B may have `allowed` more."""

    mark: str
    words: str
    n_a: int
    n_b: int
    share_a: float
    share_b: float
    allowed: float


class ExperimentResultOut(BaseModel):
    """An experiment and its result."""

    experiment: ExperimentOut
    result: ExperimentFiguresOut
    watched: list[WatchedMarkOut]

"""Verdict of the gate on one release: what was checked, the reasons in plain words, and the outcome."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from recsys.canary.state import Canary
from recsys.time_units import minute

Outcome = Literal["promoted", "rejected", "forced"]
CheckResult = Literal["passed", "failed", "not judged"]


class Check(BaseModel):
    """One thing that was checked.  words: a sentence for a person, also where it passed."""

    model_config = ConfigDict(frozen=True)
    name: str
    result: CheckResult
    words: str


class GateVerdict(BaseModel):
    """The judgement on one release.

    champion: the version that was live, None for the first release.  fairness: how both could be judged by the same
    weeks.  facts: counts and shares of the release, from which later bands are learnt.  forced_because: the reason that
    a person gave for promoting it in spite of failed checks.  kept_choices: why it was learnt with the choices of the
    champion, None where it has its own.  is_retried: whether its training then learnt again with those choices.
    """

    model_config = ConfigDict(frozen=True)
    version: str
    champion: str | None
    outcome: Outcome
    judged_at_ms: int
    checks: Sequence[Check]
    fairness: str = ""
    n_customers: int = 0
    facts: Mapping[str, float] = {}
    seconds: float = 0.0
    forced_because: str | None = None
    kept_choices: str | None = None
    is_retried: bool = False

    @property
    def reasons(self) -> list[str]:
        """Why it was refused, in plain words; empty where nothing failed."""
        return [check.words for check in self.checks if check.result == "failed"]

    @property
    def may_go_live(self) -> bool:
        """Nothing failed, or a person said so."""
        return self.outcome != "rejected"

    def forced(self, because: str) -> "GateVerdict":
        """The same checks, promoted for that reason."""
        return self.model_copy(update={"outcome": "forced", "forced_because": because})

    def sent_back(self, canary: Canary) -> "GateVerdict":
        """The same checks and those of a canary that went back: rejected.  Said once, also after it was forced."""
        began = f"canary of {minute(canary.began_at_ms)} UTC"
        checks = [Check(name="canary", result="failed", words=f"{began}: {reason}") for reason in canary.reasons]
        if all(check in self.checks for check in checks):
            return self
        return self.model_copy(update={"outcome": "rejected", "checks": [*self.checks, *checks]})

    @classmethod
    def without_checks(cls, version: str, champion: str | None, judged_at_ms: int) -> "GateVerdict":
        """Of a release that the gate never judged: one of an earlier build."""
        return cls(version=version, champion=champion, outcome="promoted", judged_at_ms=judged_at_ms, checks=())

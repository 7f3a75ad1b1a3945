"""Finding of a data check: how many lines it concerns, how severe it is, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["ok", "look", "stop"]
SEVERITIES: tuple[Severity, ...] = ("ok", "look", "stop")


@dataclass(frozen=True, slots=True)
class Finding:
    """`count` of `total` lines are as `message` says.  examples: the first of them.  advice: empty if nothing is odd.

    name: stable, for programs; the texts may change.
    """

    name: str
    severity: Severity
    message: str
    count: int = 0
    total: int = 0
    examples: tuple[str, ...] = ()
    advice: str = ""

    @property
    def share(self) -> float:
        """count / total, at most 1; 0 when total is 0."""
        return min(self.count / self.total, 1.0) if self.total else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The JSON object that `--json` writes."""
        return {
            "name": self.name,
            "severity": self.severity,
            "says": self.message,
            "count": self.count,
            "total": self.total,
            "share": round(self.share, 6),
            "examples": list(self.examples),
            "advice": self.advice,
        }


def worst_severity(findings: Iterable[Finding]) -> Severity:
    """The worst severity of the findings; ok without any."""
    return SEVERITIES[max((SEVERITIES.index(finding.severity) for finding in findings), default=0)]


def grade(is_odd: bool, *, stops: bool = False) -> Severity:
    """ok when nothing is odd; else stop or look."""
    return "ok" if not is_odd else "stop" if stops else "look"

"""One thing a data check looked at: how much there is of it, how bad that is, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["ok", "look", "stop"]
SEVERITIES: tuple[Severity, ...] = ("ok", "look", "stop")


@dataclass(frozen=True, slots=True)
class Finding:
    """`count` of `total` are as `says` says.  `examples` are the first of them, `advice` is empty when all is well.

    name: stable, for programs; the words may change.
    """

    name: str
    severity: Severity
    says: str
    count: int = 0
    total: int = 0
    examples: tuple[str, ...] = ()
    advice: str = ""

    @property
    def share(self) -> float:
        """count / total, at most 1; 0 when there is nothing to share."""
        return min(self.count / self.total, 1.0) if self.total else 0.0

    def as_dict(self) -> dict[str, Any]:
        """What `--json` writes."""
        return {
            "name": self.name,
            "severity": self.severity,
            "says": self.says,
            "count": self.count,
            "total": self.total,
            "share": round(self.share, 6),
            "examples": list(self.examples),
            "advice": self.advice,
        }


def worst(findings: Iterable[Finding]) -> Severity:
    """The worst severity among them, ok when there is none."""
    return SEVERITIES[max((SEVERITIES.index(finding.severity) for finding in findings), default=0)]


def graded(is_there: bool, *, stops: bool = False) -> Severity:
    """ok when it is not there; else stop or look."""
    return "ok" if not is_there else "stop" if stops else "look"

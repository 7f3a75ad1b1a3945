"""How a data check is told to a person: what is odd first, what to do beside it."""

from collections.abc import Iterable, Sequence

from rich.console import Console

from recsys.data.checks.finding import Finding, Severity, worst

STYLES: dict[Severity, str] = {"ok": "green", "look": "yellow", "stop": "bold red"}
VERDICTS: dict[Severity, str] = {
    "ok": "nothing is odd",
    "look": "look at the lines above; training works",
    "stop": "training on this makes no sense; mend what says stop",
}
NEED = "need_"


def show_check(findings: Sequence[Finding], console: Console) -> None:
    """All of it: each finding, what each part of the engine has of what it needs, and the verdict."""
    for finding in findings:
        if not finding.name.startswith(NEED):
            _show(finding, console)
    console.print("what the parts need")
    for finding in findings:
        if finding.name.startswith(NEED):
            _line(finding.severity, f"{finding.count:,} {finding.says}", console)
            _aside(finding.advice, console)
    verdict = worst(findings)
    console.print(f"{verdict}: {VERDICTS[verdict]}", style=STYLES[verdict])


def show_odd(findings: Iterable[Finding], console: Console) -> None:
    """A line for each finding that is not ok."""
    for finding in findings:
        if finding.severity != "ok":
            _line(finding.severity, _counted(finding), console)


def _show(finding: Finding, console: Console) -> None:
    _line(finding.severity, _counted(finding), console)
    for example in finding.examples if finding.severity != "ok" else ():
        _aside(example, console)
    _aside(finding.advice, console)


def _counted(finding: Finding) -> str:
    if finding.name.startswith(NEED):
        return f"{finding.count:,} {finding.says}: {finding.advice}"
    if not finding.total:
        return finding.says
    share = f"{finding.share:.2%}" if finding.count else "none"
    return f"{finding.count:,} {finding.says} ({share})"


def _line(severity: Severity, text: str, console: Console) -> None:
    console.print(f"{severity:<5}", style=STYLES[severity], end="")
    console.print(f" {text}", markup=False, highlight=False, soft_wrap=True)  # ids and advice may hold [brackets]


def _aside(text: str, console: Console) -> None:
    if text:
        console.print(f"        {text}", style="dim", markup=False, highlight=False, soft_wrap=True)

"""Terminal report of a data check: findings, what each part of the engine needs, and the verdict."""

from collections.abc import Iterable, Sequence

from rich.console import Console

from recsys.data.checks.finding import Finding, Severity, worst_severity

STYLES: dict[Severity, str] = {"ok": "green", "look": "yellow", "stop": "bold red"}
VERDICTS: dict[Severity, str] = {
    "ok": "nothing is odd",
    "look": "look at the lines above; training works",
    "stop": "training on this makes no sense; mend the lines that say stop",
}
NEED = "need_"


def show_check(findings: Sequence[Finding], console: Console) -> None:
    """Prints each finding, what each part of the engine needs and has, and the verdict."""
    for finding in findings:
        if not finding.name.startswith(NEED):
            _print_finding(finding, console)
    console.print("what the parts need")
    for finding in findings:
        if finding.name.startswith(NEED):
            _print_line(finding.severity, f"{finding.count:,} {finding.message}", console)
            _print_detail(finding.advice, console)
    verdict = worst_severity(findings)
    console.print(f"{verdict}: {VERDICTS[verdict]}", style=STYLES[verdict])


def show_odd(findings: Iterable[Finding], console: Console) -> None:
    """Prints a line for each finding that is not ok."""
    for finding in findings:
        if finding.severity != "ok":
            _print_line(finding.severity, _summary(finding), console)


def _print_finding(finding: Finding, console: Console) -> None:
    _print_line(finding.severity, _summary(finding), console)
    for example in finding.examples if finding.severity != "ok" else ():
        _print_detail(example, console)
    _print_detail(finding.advice, console)


def _summary(finding: Finding) -> str:
    if finding.name.startswith(NEED):
        return f"{finding.count:,} {finding.message}: {finding.advice}"
    if not finding.total:
        return finding.message
    share = f"{finding.share:.2%}" if finding.count else "none"
    return f"{finding.count:,} {finding.message} ({share})"


def _print_line(severity: Severity, text: str, console: Console) -> None:
    console.print(f"{severity:<5}", style=STYLES[severity], end="")
    console.print(f" {text}", markup=False, highlight=False, soft_wrap=True)  # ids and advice may hold [brackets]


def _print_detail(text: str, console: Console) -> None:
    if text:
        console.print(f"        {text}", style="dim", markup=False, highlight=False, soft_wrap=True)

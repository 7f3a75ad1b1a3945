"""The page of a verdict says first what failed, and opens well in a browser."""

from recsys.gate.verdict import Check, CheckResult, GateVerdict, Outcome
from training.gate.page import verdict_page


def check(name: str, result: CheckResult) -> Check:
    return Check(name=name, result=result, words=f"the words of {name} <b>")


def verdict(*checks: Check) -> GateVerdict:
    is_bad = any(each.result == "failed" for each in checks)
    outcome: Outcome = "rejected" if is_bad else "promoted"
    return GateVerdict(
        version="v2", champion="v1", outcome=outcome, judged_at_ms=0, checks=checks, facts={"items": 3.0}
    )


def test_what_failed_stands_first_and_what_passed_is_folded() -> None:
    page = verdict_page(verdict(check("size", "passed"), check("finite", "failed"), check("champion", "passed")), None)
    assert "Rejected: 1 of 3 checks failed; release v1 stays live." in page
    places = [page.index(words) for words in ("Finite: failed.", "Champion: passed.", "The other 1 checks")]
    assert places == sorted(places)
    assert "the words of size &lt;b&gt;" in page.lower()


def test_a_forced_release_says_why() -> None:
    page = verdict_page(verdict(check("finite", "failed")).forced("the new range of shoes"), None)
    assert "Promoted by force, though 1 checks failed: the new range of shoes." in page

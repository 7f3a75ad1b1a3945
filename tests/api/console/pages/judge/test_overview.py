"""Judge in the console: decisions of the gate in words, kept evaluations, and reports that can do nothing."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.console.imports import job
from recsys.gate.verdict import Check, GateVerdict
from recsys.gate.verdict_files import VerdictFiles
from recsys.jobs.evaluation_files import EvaluationFiles
from tests.api.console.conftest import HOSTILE, Browser, SignedIn

PAGE = f"<!DOCTYPE html><style>p {{ color: red }}</style><p>{HOSTILE}"


def test_decisions_and_evaluations_are_told_in_words_with_a_way_to_their_reports(
    console: Browser, console_home: Path
) -> None:
    check = Check(name="champion", result="failed", words=f"worse than {HOSTILE}")
    verdict = GateVerdict(version="v1", champion="v0", outcome="rejected", judged_at_ms=4 * 10**12, checks=[check])
    files = VerdictFiles(console_home / "bundles")
    files.write(verdict, PAGE)
    files.write(verdict.forced("the shop moved").model_copy(update={"version": "v2"}))
    made_at = datetime(2026, 1, 1, tzinfo=UTC)
    kept = EvaluationFiles(console_home).keep(
        "releases", PAGE, made_at, title="T", verdict="The newer one finds more.", headline=("2.2 more of 10.",)
    )
    text = console.get("/console/judge").text
    for words in ("worse than &#34;&gt;", "forced: the shop moved", "The newer one finds more.", "2.2 more of 10."):
        assert words in text
    assert "<script>alert" not in text
    for address in ("verdict=v1", f"evaluation={kept.id}"):
        assert f"/console/report?{address}" in text
        report = console.get(f"/console/report?{address}")
        assert report.text == PAGE
        policy = report.headers["content-security-policy"]
        assert all(
            part in policy for part in ("default-src 'none'", "sandbox allow-downloads", "frame-ancestors 'none'")
        )
        assert "script" not in policy
    assert "/console/report?verdict=v2" not in text


def test_a_report_that_is_not_kept_is_told_in_words(signed_in: SignedIn) -> None:
    viewer = signed_in("viewer")
    for address, status, words in (
        ("", 422, "choose a report on the page Judge"),
        ("?evaluation=nobody", 404, "is kept"),
        ("?verdict=..%2Fx", 422, "version"),
    ):
        answer = viewer.get(f"/console/report{address}")
        assert (answer.status_code, words in answer.text) == (status, True), answer.text


def test_an_operator_starts_an_evaluation_and_sees_what_became_of_it(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "COMMAND", (sys.executable, "-S", "-c", "import sys; sys.exit('x: no purchase at all')"))
    operator, url = signed_in("operator"), "/console/judge/evaluate"
    for wrong, words in (
        ({"subject": "releases", "first": "v1", "second": "--help"}, "which two releases?"),
        ({}, "choose what shall be judged"),
        ({"subject": "lists", "windows": "1000"}, "choose 1, 2 or 3 periods"),
    ):
        answer = operator.submit(url, **wrong)
        assert (answer.status_code, words in answer.text) == (422, True)
    text = operator.submit(url, subject="customers", windows="2").text
    assert "It runs, at the lowest priority" in text
    while "Being evaluated" in text:
        text = operator.get("/console/judge").text
    assert "(what is said about customers) came to nothing: no purchase at all" in text
    assert signed_in("marketer").submit(url).status_code == 403

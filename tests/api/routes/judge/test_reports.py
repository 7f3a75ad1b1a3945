"""Reports over HTTP: kept evaluations and verdicts of the gate, with their pages."""

from datetime import UTC, datetime
from pathlib import Path

from starlette.testclient import TestClient

from recsys.gate.verdict import Check, GateVerdict
from recsys.gate.verdict_files import VerdictFiles
from recsys.jobs.evaluation_files import EvaluationFiles


def test_kept_evaluations_are_listed_with_their_pages(client: TestClient, home: Path) -> None:
    assert client.get("/v1/evaluations").json() == {"evaluations": []}
    at = datetime(2026, 1, 1, tzinfo=UTC)
    kept = EvaluationFiles(home).keep("lists", "<p>ü", at, title="Worth it?", verdict="Yes.", headline=("2.2 more",))
    (row,) = client.get("/v1/evaluations").json()["evaluations"]
    assert row == kept.model_dump(mode="json")
    page = client.get(f"/v1/evaluations/{kept.id}/page")
    assert (page.text, page.headers["content-type"]) == ("<p>ü", "text/html; charset=utf-8")
    for wrong, status in (("nobody", 404), ("..%2F..%2Fkeys", 422)):
        assert client.get(f"/v1/evaluations/{wrong}/page").status_code == status


def test_verdicts_say_in_words_why_a_release_was_refused(client: TestClient, home: Path) -> None:
    checks = [Check(name="size", result="failed", words="it is too small"), Check(name="a", result="passed", words="b")]
    verdict = GateVerdict(version="v1", champion=None, outcome="rejected", judged_at_ms=3 * 10**12, checks=checks)
    files = VerdictFiles(home / "bundles")
    files.write(verdict, "<p>why")
    files.write(verdict.model_copy(update={"version": "v2", "judged_at_ms": 2 * 10**12}))
    first, second, *_ = client.get("/v1/verdicts").json()["verdicts"]
    assert (first["version"], first["outcome"], first["reasons"]) == ("v1", "rejected", ["it is too small"])
    assert (first["has_page"], second["has_page"]) == (True, False)
    assert client.get("/v1/verdicts/v1/page").text == "<p>why"
    assert client.get("/v1/verdicts/v2/page").json()["error"]["code"] == "unknown_report"

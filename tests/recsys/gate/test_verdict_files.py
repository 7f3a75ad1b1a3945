"""Verdicts outlive their releases, the newest of them; pages take more room, so fewer stay."""

from pathlib import Path

from recsys.gate.verdict import GateVerdict
from recsys.gate.verdict_files import MOST_PAGES, MOST_VERDICTS, VERDICTS, VerdictFiles


def verdict(version: str) -> GateVerdict:
    return GateVerdict(version=version, champion=None, outcome="rejected", judged_at_ms=1, checks=[])


def test_the_oldest_verdicts_and_pages_go(tmp_path: Path) -> None:
    files = VerdictFiles(tmp_path)
    versions = [f"v{at:03}" for at in range(MOST_VERDICTS + 5)]
    for version in versions:
        files.write(verdict(version), "<html>")
    assert files.versions() == versions[5:]
    assert [files.page(version) is not None for version in versions[-MOST_PAGES - 1 :]] == [False] + [True] * MOST_PAGES


def test_a_damaged_or_missing_verdict_is_none(tmp_path: Path) -> None:
    files = VerdictFiles(tmp_path)
    assert (files.read("v1"), files.page("v1"), files.versions()) == (None, None, [])
    files.write(verdict("v1"))
    assert files.read("v1") == verdict("v1")
    (tmp_path / VERDICTS / "v1.json").write_bytes(b"{")
    assert files.read("v1") is None


def test_those_judged_last_come_first(tmp_path: Path) -> None:
    files = VerdictFiles(tmp_path)
    for version, at_ms in (("v1", 5), ("v2", 1)):
        files.write(verdict(version).model_copy(update={"judged_at_ms": at_ms}))
    assert [each.version for each in files.newest()] == ["v1", "v2"]

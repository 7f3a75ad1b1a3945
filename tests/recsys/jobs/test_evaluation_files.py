"""Kept evaluations: the newest of them, each with its page, for the eyes of the owner."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recsys.errors import UnknownReport
from recsys.jobs.evaluation_files import EVALUATIONS, MOST_KEPT, EvaluationFiles, KeptEvaluation

AT = datetime(2026, 1, 1, tzinfo=UTC)


def keep(home: Path, seconds: int = 0) -> KeptEvaluation:
    made_at = AT + timedelta(seconds=seconds)
    return EvaluationFiles(home).keep("lists", f"<p>{seconds}", made_at, title="T", verdict="Yes.", headline=("2",))


def test_the_newest_are_kept_with_their_pages(tmp_path: Path) -> None:
    files = EvaluationFiles(tmp_path)
    assert files.all() == []
    kept = [keep(tmp_path, n) for n in range(MOST_KEPT + 2)]
    assert files.all() == kept[:1:-1]
    assert files.page(kept[-1].id) == f"<p>{MOST_KEPT + 1}".encode()
    assert len(list((tmp_path / EVALUATIONS).iterdir())) == 2 * MOST_KEPT
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / EVALUATIONS).iterdir()} == {0o600}


def test_a_page_that_is_not_kept_or_lies_elsewhere_is_unknown(tmp_path: Path) -> None:
    kept = keep(tmp_path)
    (tmp_path / "other.html").write_text("secret")
    for name in ("nobody", "../other", f"{kept.id}/../../other", ""):
        with pytest.raises(UnknownReport):
            EvaluationFiles(tmp_path).page(name)


def test_a_damaged_one_is_left_out(tmp_path: Path) -> None:
    first, second = keep(tmp_path), keep(tmp_path, 1)
    (tmp_path / EVALUATIONS / f"{first.id}.json").write_bytes(b"{")
    assert EvaluationFiles(tmp_path).all() == [second]

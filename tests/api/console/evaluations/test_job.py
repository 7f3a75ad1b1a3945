"""Evaluation job: one at a time, with its progress, its limits and the words of what went wrong."""

import asyncio
import sys
from pathlib import Path

import pytest

from api.console.evaluations.job import EvaluationJob, EvaluationState
from api.console.imports import job as imports
from api.console.imports.job import JobBounds
from recsys.errors import BadInput

BOUNDS = JobBounds(60, 1 << 32)


def program(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Puts a program in place of the command; its arguments are those of the command."""
    monkeypatch.setattr(imports, "COMMAND", (sys.executable, "-S", "-c", text))


async def ended(job: EvaluationJob) -> EvaluationState:
    while (state := job.state()) is not None and state.ended_ms is None:
        await asyncio.sleep(0.01)
    assert state is not None
    return state


async def run(home: Path, bounds: JobBounds = BOUNDS) -> EvaluationState:
    job = EvaluationJob(home, bounds)
    assert job.state() is None
    job.start(["evaluate", "lists"], "lists")
    with pytest.raises(BadInput, match="one at a time"):
        job.start(["evaluate", "lists"], "lists")
    return await ended(job)


def test_an_evaluation_ends_and_another_may_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, "import sys; open(sys.argv[2] + '/words', 'w').write(' '.join(sys.argv[3:]))")
    state = asyncio.run(run(tmp_path))
    assert (state.what, state.problem) == ("lists", "")
    assert (tmp_path / "words").read_text() == "evaluate lists --json"


def test_what_went_wrong_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, words in (
        ("import sys; sys.exit('not_enough_data: no purchase in 28 days')", "no purchase in 28 days"),
        ("import os; os.kill(os.getpid(), 9)", "it may take 4,096 MiB"),
    ):
        program(monkeypatch, text)
        assert words in asyncio.run(run(tmp_path)).problem


def test_it_takes_no_longer_than_it_may_and_ends_with_the_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(monkeypatch, "import sys, time; print('begun', file=sys.stderr, flush=True); time.sleep(60)")
    assert "was ended" in asyncio.run(run(tmp_path, JobBounds(0.05, 1 << 32))).problem

    async def close() -> None:
        job = EvaluationJob(tmp_path, BOUNDS)
        job.start(["evaluate"], "lists")
        while (state := job.state()) is None or state.progress != "begun":
            await asyncio.sleep(0.01)
        await job.close()

    asyncio.run(close())

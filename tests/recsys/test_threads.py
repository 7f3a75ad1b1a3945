"""Thread limits."""

import os

import pytest

from recsys.threads import available_cores


def test_the_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 2, 5})
    assert available_cores() == 3

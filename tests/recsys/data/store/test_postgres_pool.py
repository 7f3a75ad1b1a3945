"""Connections to PostgreSQL: who waits for an answer looks once more after the time limit."""

import pytest
from psycopg.abc import PQGen
from psycopg.waiting import Wait

from recsys.data.store.postgres_pool import _NoAnswer, _with_deadline

LONG_AGO = 0.0


def answers(n_looks: int) -> PQGen[str]:
    for _ in range(n_looks):
        while not (yield Wait.R):
            pass
    return "rows"


def result(looks: list[int]) -> object:
    """What a statement of one round trip gives where the looks at its socket saw this; its time is over."""
    waiting = _with_deadline(LONG_AGO, answers(1))
    next(waiting)
    try:
        for ready in looks:
            waiting.send(ready)
    except StopIteration as end:
        return end.value
    return None


def test_an_answer_that_came_while_this_process_stood_still_counts() -> None:
    assert result([0, 1]) == "rows"


def test_no_answer_at_the_look_after_the_time_limit_is_none() -> None:
    with pytest.raises(_NoAnswer):
        result([0, 0])

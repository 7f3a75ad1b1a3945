"""A process that is settled searches rarely for reference cycles, and never what was loaded before."""

import atexit
import gc
import weakref
from collections.abc import Callable

import pytest

from recsys.garbage_collection import THRESHOLDS, WHILE_LOADING, begin_loading, end_quickly, settle_garbage_collection


class Cycle:
    itself: "Cycle"


def test_what_was_loaded_is_never_searched_again() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        settle_garbage_collection()
        assert gc.get_threshold() == THRESHOLDS
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_while_a_service_loads_it_is_searched_rarely() -> None:
    before = gc.get_threshold()
    try:
        begin_loading()
        assert gc.get_threshold() == WHILE_LOADING
    finally:
        gc.set_threshold(*before)


def test_a_process_that_ends_loses_nothing_and_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_the_end: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", at_the_end.append)
    end_quickly()
    cycle = Cycle()
    cycle.itself, is_gone = cycle, weakref.ref(cycle)
    del cycle
    frozen = gc.get_freeze_count()
    try:
        at_the_end[0]()
        assert is_gone() is None
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()

"""A process that is settled searches rarely for reference cycles, and never what was loaded before."""

import gc

from recsys.garbage_collection import THRESHOLDS, settle_garbage_collection


def test_what_was_loaded_is_never_searched_again() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        settle_garbage_collection()
        assert gc.get_threshold() == THRESHOLDS
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)

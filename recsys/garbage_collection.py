"""Garbage collection of a process that answers: rare searches for reference cycles, of which an answer leaves none."""

import gc

THRESHOLDS = (20_000, 50, 50)  # searching for cycles took a tenth of an answer's time, and a third in an export


def settle_garbage_collection() -> None:
    """To be called when everything is loaded: what is there now is never searched again."""
    gc.collect()
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()  # searching classes and functions held up answers for a tenth of a second

"""Garbage collection: rare searches for reference cycles, in a process that answers, while it loads, and at its end."""

import atexit
import gc

THRESHOLDS = (20_000, 50, 50)  # searching for cycles took a tenth of an answer's time, and a third in an export
WHILE_LOADING = (100_000, 50, 50)  # classes and functions are no garbage


def settle_garbage_collection() -> None:
    """To be called when everything is loaded: what is there now is never searched again."""
    gc.collect()
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()  # searching classes and functions held up answers for a tenth of a second


def begin_loading() -> None:
    """To be called before a service loads; `settle_garbage_collection` follows."""
    gc.set_threshold(*WHILE_LOADING)


def end_quickly() -> None:
    """When the process ends, one search is the last: several more, as modules go, took a sixth of a short command."""
    atexit.register(_search_once_more)


def _search_once_more() -> None:
    gc.collect()
    gc.freeze()

"""The recommendation engine that a shop runs itself.

In a notebook: `recsys.Shop.from_frames(events, items).fit()`, see docs/notebook.ipynb; `recsys.models` holds learners
for a SciPy matrix.  To import this package loads no other module; `Shop` is loaded when it is first used.
"""

from typing import Any

__version__ = "0.2.0"

_ENTRY_POINTS = "recsys.names"  # what packages above this one add to it, as they add commands


def __getattr__(name: str) -> Any:
    """A name that a package above adds, such as `Shop`; the limits of threads are set first, if NumPy is not loaded."""
    import os
    import sys
    from importlib.metadata import entry_points

    from recsys.threads import limit_threads

    entry = None if name.startswith("_") else next(iter(entry_points(group=_ENTRY_POINTS, name=name)), None)
    if entry is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if "numpy" not in sys.modules:
        limit_threads(os.environ)
    return entry.load()

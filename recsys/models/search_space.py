"""Hyperparameter search space: the values to try for every hyperparameter that changes what is learned.

SHOP_WINDOWS and COSTS match by name over all models: a parameter with one of these names is never tuned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from math import inf, isfinite
from typing import Any, Final, Literal, cast, get_args, get_origin

from recsys.errors import BadSettings
from recsys.models.registry import LEARNERS, learner

DAYS = "_days"
# These describe the shop as it is now, not a customer: they are not scaled together with half-lives of customers.
SHOP_WINDOWS: Final = frozenset({"trend_days", "usual_days", "demand_days"})
# These limit the time of a request or a training, or have no better value.  The search measures quality only.
COSTS: Final = frozenset(
    {
        "history_items",
        "iterations",
        "max_history",
        "max_votes",
        "memory_mib",
        "most_per_customer",
        "min_customers",
        "owners_per_item",
    }
    | {"regularization_scale", "l2_scale"}  # of `auto`; the search draws the value itself
    | {"tail_top_n", "own_vote", "trend_cap", "trend_customers", "trend_prior", "window_days"}
)
SPANS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # half-lives, as parts of the time the data cover
MOMENT = 1e-3  # days; events within it are of one moment


@dataclass(frozen=True, slots=True)
class Between:
    """Any number from low to high.  is_log: on a logarithmic scale, both above 0.  is_whole: whole numbers only."""

    low: float
    high: float
    is_log: bool = True
    is_whole: bool = False


Values = Between | Sequence[Any]
Space = Mapping[str, Values]

SATURATION = (0.0, 0.25, 0.5, 1.2, 3.0, 10.0, inf)
RANGES: Final[Mapping[str, Space]] = {
    "als": {
        "regularization": Between(0.01, 300),
        "alpha": Between(0.25, 40),
        "factors": Between(16, 320, is_whole=True),
        "saturation": SATURATION,
    },
    "ease": {
        "l2": ("auto", 10.0, 30.0, 100.0, 200.0, 400.0, 800.0, 1600.0),
        "dropout": Between(0, 0.8, is_log=False),
        "saturation": SATURATION[:-1],
    },
    "graph_filter": {
        "factors": Between(16, 512, is_whole=True),
        "low_pass": Between(0, 1, is_log=False),
        "saturation": SATURATION[:-1],
    },
    "graph_walk": {
        "alpha": Between(0.2, 1.6, is_log=False),
        "beta": ("auto", 0.0, 0.2, 0.6, 0.8, 1.0),
        "saturation": SATURATION[:-1],
    },
    "item_neighbours": {
        "top_n": ("auto", 50, 100, 200, 400, 800),
        "shrinkage": (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 300.0),
    },
    "user_neighbours": {
        "idf_power": ("auto", 0.0, 0.5, 1.0, 1.5),
        "saturation": SATURATION,
        "closeness": ("auto", 1.0, 2.0, 3.0, 5.0),
        "length_power": ("auto", 0.7, 1.0, 1.3, 1.6),
        "shrinkage": (0.0, 1.0, 3.0, 10.0, 30.0),
    },
}


def build_space(name: str, span_days: float) -> Space:
    """The values to try for the model of that name, on data that cover so many days.

    The ranges above; for other parameters a range by type and default: from a quarter to four times a whole number,
    from a tenth to ten times any other number, each value of a closed set.  Raises KeyError for an unknown name.
    """
    ranges, space = RANGES.get(name, {}), dict[str, Values]()
    for field in fields(cast(Any, LEARNERS[name])):
        values = ranges.get(field.name) or _suggested(field.name, field.type, field.default, span_days)
        accepted = _accepted(name, field.name, values) if values is not None else None
        if accepted:
            space[field.name] = accepted
    return space


def default_values(name: str, space: Space) -> dict[str, Any]:
    """The model's defaults, without those outside the space."""
    defaults = {field.name: field.default for field in fields(cast(Any, LEARNERS[name]))}
    return {key: defaults[key] for key, values in space.items() if _holds(values, defaults[key])}


def _holds(values: Values, value: Any) -> bool:
    if isinstance(values, Between):
        return not isinstance(value, str) and values.low <= value <= values.high
    return value in values


def _accepted(name: str, key: str, values: Values) -> Values | None:
    """The values that the model accepts, None when fewer than two are left."""
    if not isinstance(values, Between):
        kept = [value for value in values if _takes(name, key, value)]
        return kept if len(kept) > 1 else None
    number = int if values.is_whole else float
    low = next((value for value in (values.low, 0.01, 0.1, 1) if _takes(name, key, number(value))), None)
    high = next((value for value in (values.high, 1, 0.99) if _takes(name, key, number(value))), None)
    return replace(values, low=low, high=high) if low is not None and high is not None and low < high else None


def _takes(name: str, key: str, value: Any) -> bool:
    try:
        learner(name, {key: value})
    except BadSettings:
        return False
    return True


def _suggested(name: str, kind: Any, default: Any, span_days: float) -> Values | None:
    if name in COSTS | SHOP_WINDOWS or default is MISSING:
        return None
    if name.endswith(DAYS):
        finite = [] if default == inf else [default]
        return [*finite, *(round(share * span_days, 3) for share in SPANS), inf] if span_days >= MOMENT else None
    if isinstance(default, bool):
        return [False, True]
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    if isinstance(default, int):
        return Between(max(1, default // 4), 4 * default, is_whole=True)
    if isinstance(default, float) and isfinite(default):
        return _around(default, kind)
    return None


def _around(default: float, kind: Any) -> Values:
    """A tenth to ten times the default; for a type that ends at 1, all that it allows."""
    bounds = [bound for note in getattr(kind, "__metadata__", ()) for bound in getattr(note, "metadata", ())]
    if any(getattr(bound, "le", None) == 1 or getattr(bound, "lt", None) == 1 for bound in bounds):
        return Between(0, 0.99, is_log=False)
    return Between(default / 10, default * 10) if default > 0 else Between(0, 1, is_log=False)

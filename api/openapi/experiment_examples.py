"""Examples of experiments in the OpenAPI schema."""

from collections.abc import Mapping
from typing import Any, Final

VARIANT: Final[Mapping[str, Any]] = {"release": None, "rules": None, "placements": {}, "blend": {}}
PLAN: Final = {
    "id": "more-new",
    "goal": "does a list of new items sell more?",
    "a": VARIANT,
    "b": {**VARIANT, "placements": {"home": {"sources": ["discover"], "mix": "in-order"}}},
    "share": 100.0,
    "measure": "money",
    "lift": 0.05,
    "days": 28,
    "looks": 4,
    "alpha": 0.05,
    "interleaved": None,
}
EXPERIMENT: Final = {
    "plan": PLAN,
    "began_at_ms": 1_767_153_600_000,
    "outcome": "running",
    "reasons": [],
    "ended_at_ms": None,
}
EFFECT: Final = {
    "difference": 5.1,
    "relative": 0.049,
    "low": 3.1,
    "high": 7.1,
    "p": 1e-6,
    "n_treated": 5012,
    "n_control": 4988,
    "method": "cuped",
}
EXPERIMENT_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "ExperimentPlan": PLAN,
    "ExperimentOut": EXPERIMENT,
    "ExperimentsOut": {"experiments": [EXPERIMENT]},
    "ExperimentTrialOut": {
        **PLAN,
        "power": {
            "mean": 139.7,
            "sd": 179.4,
            "correlation": 0.81,
            "needed": 3607,
            "available": 1210,
            "detectable": 0.087,
        },
        "words": "too few: 3,607 customers in each arm are needed, about 1,210 will come; so many see differences of "
        "8.7% and more: take more days, a larger share or a larger lift",
    },
    "ExperimentStopIn": {"reason": "B is better"},
    "ExperimentResultOut": {
        "experiment": EXPERIMENT,
        "result": {
            "as_of_ms": 1_767_758_400_000,
            "n_a": 4988,
            "n_b": 5012,
            "n_left_out": 3,
            "sample_ratio_p": 0.81,
            "effects": {"money": EFFECT},
            "looks": [{"number": 1, "at_ms": 1_767_758_400_000, "effect": EFFECT, "z": 4.9, "bound": 4.33}],
            "preference": None,
            "decision": "b",
            "verdict": "stop: B is better by 3-6.8 % in money for each customer",
        },
        "watched": [
            {
                "mark": "late",
                "words": "a list took longer than 50 ms",
                "n_a": 812,
                "n_b": 799,
                "share_a": 0.011,
                "share_b": 0.014,
                "allowed": 0.05,
            }
        ],
    },
}

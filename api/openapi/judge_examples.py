"""Examples of evaluations, verdicts, replayed answers and settings in the OpenAPI schema."""

from collections.abc import Mapping
from typing import Any, Final

_RULES: Final = '[[rules]]\nid = "own"\nkind = "boost"\nfactor = 1.5\nbrands = ["Private"]\nreason = "Own brand"\n'
_LOG: Final = {"value": 0.21, "low": 0.19, "high": 0.23}
_OTHER: Final = {"value": 0.2, "low": 0.175, "high": 0.225}

JUDGE_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "KeptEvaluationsOut": {
        "evaluations": [
            {
                "id": "20260101T050000Z-lists-3f9a",
                "kind": "lists",
                "made_at_ms": 1_767_243_600_000,
                "title": "Are the lists worth it?",
                "verdict": "Yes: the lists of home find more than best-sellers do.",
                "headline": ["2.2 more of 10 items are bought."],
            }
        ]
    },
    "GateDecisionsOut": {
        "verdicts": [
            {
                "version": "20260101T040000Z-3f9a",
                "champion": "20251231T040000Z-b2c4",
                "outcome": "rejected",
                "judged_at_ms": 1_767_240_000_000,
                "reasons": ["lists of home find 4 % less than those of the live release (3 to 5 %)"],
                "checks": [
                    {
                        "name": "champion",
                        "result": "failed",
                        "words": "lists of home find 4 % less than those of the live release (3 to 5 %)",
                    }
                ],
                "fairness": "both judged by the 28 days before",
                "n_customers": 2104,
                "seconds": 31.0,
                "forced_because": None,
                "kept_choices": None,
                "has_page": True,
            }
        ]
    },
    "SettingsOut": {
        "file": "/var/lib/recsys/recsys.toml",
        "settings": [
            {
                "table": "serve",
                "name": "workers",
                "value": 4,
                "default": 1,
                "source": "file",
                "place": "/var/lib/recsys/recsys.toml",
                "allowed": "whole number, 1 to 64",
                "meaning": "processes that answer, sharing the mapped bundle",
                "counts": "when the service starts again: recsys serve",
                "running": 2,
                "is_pending": True,
            }
        ],
    },
    "AnswersEvaluationIn": {"rules": _RULES, "placement": "home", "k": 3},
    "AnswersEvaluationOut": {
        "placement": "home",
        "places": 3,
        "answers": 1150,
        "customers": 402,
        "effective_sample_size": 842.0,
        "share_without_support": 0.0,
        "rewards": {
            "clicks": {
                "log": _LOG,
                "ips": _OTHER,
                "snips": _OTHER,
                "dr": _OTHER,
                "difference": {"value": -0.01, "low": -0.026, "high": 0.006},
            }
        },
        "never_seen": ["purchases", "money"],
        "left_out": {"nothing was left to chance in them": 1252},
    },
}

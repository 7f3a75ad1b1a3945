"""OpenAPI examples of ranking, of the rates of shown lists, and of releases."""

from collections.abc import Mapping
from typing import Any, Final

RELEASE: Final = {
    "version": "20260101T040000Z-3f9a",
    "is_live": True,
    "made_at_ms": 1_767_240_000_000,
    "n_bytes": 164_213_411,
    "metrics": {},
    "damage": None,
    "state": "whole",
    "verdict": None,
}
HOME: Final = {
    "group": "home",
    "customers": 482,
    "lists": 2402,
    "shown": 12010,
    "dismiss_rate": {"value": 0.0091, "low": 0.0073, "high": 0.0108},
    "click_rate": {"value": 0.1243, "low": 0.1185, "high": 0.13},
    "buy_rate": {"value": 0.0366, "low": 0.0331, "high": 0.04},
    "money_per_list": {"value": 0.81, "low": 0.73, "high": 0.9},
}

LIST_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "ReleasesOut": {"releases": [RELEASE]},
    "PromoteIn": {"version": "20260101T040000Z-3f9a"},
    "RollbackIn": {"version": None},
    "LiveReleaseOut": {"live": "20260101T040000Z-3f9a"},
    "PlacementsOut": {"placements": [{"name": "home", "title": "For you", "asks": "history", "rows": ["buy-again"]}]},
    "WhyOut": {
        "item_id": "995242",
        "name": "Oat milk",
        "place": None,
        "code": "bought_before",
        "text": "The customer bought it 12 days ago, and discover shows new things only.",
        "facts": {"days_ago": 12},
        "rank": None,
        "eligible": 0,
        "sources": [],
        "rules": [],
    },
    "RankIn": {"user_id": "1", "items": ["995242", "1029743", "1082185"]},
    "ListRatesOut": {
        "from": 1_767_153_600_000,
        "to": 1_767_240_000_000,
        "hours": 24.0,
        "all": {**HOME, "group": "all"},
        "by": {
            "placement": [HOME],
            "source": [{**HOME, "group": "buy_again"}],
            "day": [{**HOME, "group": "2025-12-31"}],
        },
    },
}

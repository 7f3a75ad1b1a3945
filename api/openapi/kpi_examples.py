"""Examples of key figures in the OpenAPI schema: periods, cohorts, expected units, pairs, movers, found items."""

from collections.abc import Mapping
from typing import Any, Final

WEEK: Final = {"from": 1_766_361_600_000, "to": 1_766_966_400_000}
AS_OF_MS: Final = 1_767_240_000_000
NOT_COUNTED: Final = "Not counted: customers who refused personalisation, guests, ..."
RETENTION: Final = {"value": 0.702, "low": 0.676, "high": 0.726, "n": 1301, "unknown": None}
NO_VIEW: Final = {"value": None, "low": None, "high": None, "n": None, "unknown": "the log holds no view"}
GROUP: Final = {"name": "stage:loyal", "customers": 1811, "members_as_of": WEEK["from"]}
HEAD: Final = {"as_of": AS_OF_MS, **WEEK, "segment": GROUP, "not_counted": NOT_COUNTED}
MOVE: Final = {
    "before": 120.0,
    "after": 301.0,
    "difference": 181.0,
    "low": 122.0,
    "high": 240.0,
    "change": 1.51,
    "customers": 214,
}

KPI_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "KpisOut": {
        **HEAD,
        "by": "week",
        "definitions": [
            {
                "name": "retention",
                "title": "retention",
                "unit": "share",
                "words": "Of the customers of the period before, the share who ordered again in this one.",
                "formula": "customers of both periods / customers of the period before",
                "is_watched": True,
            }
        ],
        "periods": [{**WEEK, "is_over": True, "figures": {"retention": RETENTION}}],
        "funnel": [
            {
                "channel": "web",
                "customers": {"view": 0, "cart": 0, "purchase": 1301},
                "unknown": None,
                "view_to_cart": NO_VIEW,
                "cart_to_purchase": NO_VIEW,
                "view_to_purchase": NO_VIEW,
            }
        ],
        "watch": [
            {
                "name": "retention",
                "week": WEEK,
                "value": 0.702,
                "low": 0.667,
                "high": 0.819,
                "is_outside": False,
                "unknown": None,
            }
        ],
    },
    "CohortsOut": {
        **HEAD,
        "definition": "A cohort is the customers with their first order in that month (UTC).",
        "cohorts": [
            {
                "month": 1_764_547_200_000,
                "customers": 186,
                "retention": [{"months_later": 1, "value": 0.69, "low": 0.62, "high": 0.75, "n": 186, "unknown": None}],
            }
        ],
    },
    "ExpectedUnitsOut": {
        "as_of": AS_OF_MS,
        "weeks": 4,
        "method": "mean of the last 8 weeks",
        "error": 0.6,
        "errors_by_weeks": {"4": 0.626, "8": 0.6},
        "interval": 0.8,
        "coverage": 0.87,
        "n_items": 31259,
        "items": [
            {"item_id": "995242", "name": "Oat milk", "units": 688.5, "low": 449.3, "high": 933.0, "error": 138.8}
        ],
    },
    "PairsOut": {
        "by": "item",
        "least": 150,
        "baskets": 140882,
        "n_pairs": 812,
        "from": 1_735_689_600_000,
        "as_of": AS_OF_MS,
        "pairs": [
            {
                "first": "995242",
                "second": "1029743",
                "first_name": "Oat milk",
                "second_name": "Milk 1 gal",
                "baskets": 412,
                "support": 0.0029,
                "confidence": 0.21,
                "confidence_back": 0.09,
                "lift": 6.4,
                "lift_low": 5.8,
                "lift_high": 7.1,
            }
        ],
    },
    "MoversOut": {
        "as_of": AS_OF_MS,
        "windows": {"before": WEEK, "after": {"from": WEEK["to"], "to": AS_OF_MS}},
        "interval": 0.95,
        "shop": {**MOVE, "before": 61230.0, "after": 58816.0, "difference": -2414.0, "low": -4020.0, "high": -808.0},
        "n_items": 4120,
        "n_clear": 96,
        "items": [{**MOVE, "item_id": "995242", "name": "Oat milk", "is_clear": True}],
    },
    "ItemsFoundOut": {
        "total": 2,
        "items": [
            {
                "item_id": "995242",
                "name": "Oat milk",
                "category": "drinks",
                "brand": "national",
                "price": 2.49,
                "is_listed": True,
            },
        ],
    },
}

"""OpenAPI examples of promotions and offers."""

from collections.abc import Mapping
from typing import Any, Final

_PROMOTION: Final = {"id": "tea-10", "title": "10 % off tea", "kind": "discount", "categories": ["TEA"], "percent": 10}
_TEXT: Final = (
    '[[promotions]]\nid = "tea-10"\ntitle = "10 % off tea"\nkind = "discount"\ncategories = ["TEA"]\npercent = 10\n'
)

PROMOTION_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "PromotionsOut": {
        "digest": "3b1f",
        "promotions": [_PROMOTION],
        "toml": _TEXT,
    },
    "PromotionVersionsOut": {"versions": [{"version": 7, "digest": "3b1f", "at": "2026-01-01T04:00:00.000+00:00"}]},
    "PromotionsTryIn": {"toml": _TEXT, "user_id": "900"},
    "PromotionsTryOut": {
        "promotions": [
            {
                "id": "tea-10",
                "title": "10 % off tea",
                "kind": "discount",
                "state": "running",
                "change": "new",
                "items": 214,
            }
        ],
        "removed": ["gold-beef"],
        "offers": None,
    },
    "OffersOut": {
        "days": 28,
        "offers": [
            {
                "promotion_id": "tea-10",
                "title": "10 % off tea",
                "kind": "discount",
                "chance": 0.41,
                "margin": 0.52,
                "discount": 0.29,
                "cost": 0.05,
                "value": 0.1632,
                "item_id": "995242",
                "until_ms": None,
                "assumption": "the cost of 3 of 12 items is unknown: 25% of the price stands for margin",
            }
        ],
        "left_out": [{"promotion_id": "gold-beef", "reason": "not for this customer"}],
        "note": None,
        "model_version": "20260101T040000Z-3f9a",
    },
    "PromotionUsesOut": {
        "promotions": [
            {
                "id": "tea-10",
                "title": "10 % off tea",
                "kind": "discount",
                "state": "running",
                "until": "2026-12-24 00:00",
                "budget": 500.0,
                "given": 900,
                "redeemed": 112,
                "spent": 78.4,
                "left": 421.6,
                "without_money": 0,
            }
        ]
    },
    "BundlesOut": {
        "percent": 10,
        "assumption": "the cost of 3 of 12 items is unknown: 25% of the price stands for margin",
        "n_bundles": 143,
        "bundles": [
            {
                "items": ["1082185", "995242"],
                "baskets": 812,
                "lift": 1.9,
                "price": 2.61,
                "discount": 0.29,
                "profit": 0.44,
                "total": 357.28,
                "break_even": 0.6591,
            }
        ],
    },
    "UpsellOut": {
        "item_id": "995242",
        "type": "FLUID MILK WHITE ONLY",
        "assumption": None,
        "items": [{"item_id": "1029743", "price": 1.99, "gain": 0.25, "share": 0.31, "value": 0.0775}],
    },
    "OfferTableOut": {
        "cells": [
            {
                "stage": "at_risk",
                "value_class": "high",
                "offer": "discount",
                "customers": 64,
                "where": {"stage": "at_risk", "value_class": "high"},
            }
        ]
    },
    "PromotionEffectOut": {
        "made_at": 1_767_240_000_000,
        "file": "promotions.parquet",
        "items": 1000,
        "stores": 112,
        "purchases": 498_809,
        "effects": [
            {"name": "display", "factor": 1.73, "low": 1.64, "high": 1.81, "weeks": 88_120, "purchases": 61_300}
        ],
    },
    "CouponResponsesOut": {
        "learnt_on": "campaign-13",
        "judged_on": "campaign-18",
        "customers": 1133,
        "responders": 214,
        "auc": 0.843,
        "lift": 3.94,
        "top_share": 0.743,
        "drivers": [["coupons ever", 0.61]],
    },
    "LoyaltyOut": {
        "members": 1210,
        "share": 0.49,
        "earned": 310_400,
        "spent": 96_224,
        "redemption": 0.31,
        "tiers": [{"tier": "gold", "customers": 140, "least": 1000}],
        "within": 100,
        "near": [{"user_id": "900", "balance": 940, "tier": "gold", "missing": 60}],
    },
}

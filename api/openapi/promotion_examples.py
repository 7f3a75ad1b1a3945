"""OpenAPI examples of promotions and offers."""

from collections.abc import Mapping
from typing import Any, Final

_PROMOTION: Final = {"id": "tea-10", "title": "10 % off tea", "kind": "discount", "categories": ["TEA"], "percent": 10}

PROMOTION_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "PromotionsOut": {
        "digest": "3b1f",
        "promotions": [_PROMOTION],
        "toml": '[[promotions]]\nid = "tea-10"\ntitle = "10 % off tea"\nkind = "discount"\n'
        'categories = ["TEA"]\npercent = 10\n',
    },
    "PromotionVersionsOut": {"versions": [{"version": 7, "digest": "3b1f", "at": "2026-01-01T04:00:00.000+00:00"}]},
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
}

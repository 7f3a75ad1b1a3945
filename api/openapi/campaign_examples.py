"""OpenAPI examples of campaigns and experiments."""

from collections.abc import Mapping
from typing import Any, Final

from api.openapi.experiment_examples import EXPERIMENT_EXAMPLES

AT_MS: Final = 1_767_240_000_000
LOSSES: Final = {
    "consent": 31,
    "holdout": 92,
    "contact_cap": 210,
    "quiet_days": 12,
    "priority": 0,
    "stock": 0,
    "budget": 0,
}
POWER: Final = {"mean": 139.7, "sd": 179.4, "correlation": 0.807, "n": 9655, "needed": 5636, "is_enough": True}
DEFINITION: Final = {
    "id": "spring",
    "name": "Spring",
    "goal": "Loyal customers buy coffee again",
    "audience": {"segment": "loyal"},
    "offer": {"text": "10 % off coffee", "items": ["995242"], "coupon": "COFFEE10"},
    "channel": "email",
    "starts": "2026-12-01T10:00:00Z",
    "reading": "2026-12-29T10:00:00Z",
    "control_share": 0.2,
    "effect": 0.05,
    "cost_per_contact": 0.1,
    "budget": 1_000.0,
}
CAMPAIGN: Final = {
    **DEFINITION,
    "purpose": "marketing",
    "consent": "not_refused",
    "priority": 0,
    "salt": "8f14e45fceea167a",
    "status": "drawn",
    "made_at": AT_MS,
    "closed_at": None,
    "draw": {
        "at": AT_MS,
        "model_version": "20260101T040000Z-3f9a",
        "audience": 10_000,
        "losses": LOSSES,
        "eligible": 9_655,
        "treated": 7_741,
        "control": 1_914,
        "power": POWER,
    },
}

CAMPAIGN_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    **EXPERIMENT_EXAMPLES,
    "CampaignDefinition": DEFINITION,
    "CampaignOut": CAMPAIGN,
    "CampaignsOut": {"campaigns": [CAMPAIGN]},
    "CampaignDrawIn": {"force": False},
    "CampaignDrawOut": {**CAMPAIGN, "is_new": True},
    "CampaignExportIn": {"layout": "mailchimp", "format": "csv"},
    "CampaignPlanOut": {
        "campaign": DEFINITION,
        "audience": 10_000,
        "losses": LOSSES,
        "eligible": 9_655,
        "expected_treated": 7_724,
        "expected_control": 1_931,
        "expected_cost": 772.4,
        "power": POWER,
    },
    "TreatedOut": {
        "campaign": "spring",
        "layout": "plain",
        "customers": 1,
        "withdrawn": 3,
        "no_address": 0,
        "notes": [],
        "rows": [{"user_id": "900", "campaign": "spring", "channel": "email", "coupon": "COFFEE10", "stage": "loyal"}],
        "pages": 0,
    },
}

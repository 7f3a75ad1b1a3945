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
        "note": None,
    },
}

EFFECT: Final[Mapping[str, Any]] = {
    "difference": 8.4,
    "relative": 0.06,
    "low": 2.1,
    "high": 14.7,
    "p": 0.009,
    "n_treated": 7_724,
    "n_control": 1_931,
    "method": "cuped",
}

MAILING: Final = {"campaign": "18", "channel": "post", "sent": 1_509_321_600_000, "customers": 1_133}

CAMPAIGN_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    **EXPERIMENT_EXAMPLES,
    "CampaignDefinition": DEFINITION,
    "CampaignOut": CAMPAIGN,
    "CampaignsOut": {"campaigns": [CAMPAIGN]},
    "MailingOut": MAILING,
    "MailingsOut": {"mailings": [MAILING]},
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
        "note": None,
        "earlier": {"lift": 0.06, "campaigns": ["spring-2025"]},
        "contact_times": {
            "time_zone": "Europe/Berlin",
            "best_hour": [{"at": "17:00", "customers": 3_120}],
            "best_day": None,
            "unknown": {
                "best_day": "no evidence: own days foretell no order better than those of the shop "
                "(+0.001 bits an order, -0.002 to +0.004)"
            },
        },
    },
    "CampaignResultOut": {
        "campaign": "spring",
        "name": "Spring coffee",
        "goal": "win back",
        "verdict": "The campaign earned 8.40 per customer (2.10 to 14.70 per customer).",
        "proof": None,
        "as_of": 1_777_593_600_000,
        "before_from": 1_767_225_600_000,
        "from": 1_775_088_000_000,
        "to": 1_777_507_200_000,
        "treated": 7_724,
        "control": 1_931,
        "sample_ratio": {"p": 0.62, "is_mismatch": False},
        "effects": {"welch": EFFECT, "cuped": EFFECT},
        "margin": None,
        "cost": 772.4,
        "net": {**EFFECT, "difference": 64_109.2, "low": 15_448.0, "high": 112_770.4},
        "conversion": {**EFFECT, "difference": 0.02, "low": 0.01, "high": 0.03},
        "response": {"sent": 7_724, "opened": 1_520, "clicked": None},
        "segments": [{"segment": "loyal", **EFFECT}],
        "segments_hidden": 1,
        "left_out": [],
        "coupons": {
            "codes": ["COFFEE10", "spring"],
            "treated": {"customers": 402, "redemptions": 431, "money": 310.4},
            "control": {"customers": 0, "redemptions": 0, "money": 0.0},
        },
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

"""OpenAPI examples: one for every request and response model, shown at /docs."""

from collections.abc import Mapping
from typing import Any, Final

from api.openapi.campaign_examples import CAMPAIGN_EXAMPLES
from api.openapi.judge_examples import JUDGE_EXAMPLES
from api.openapi.kpi_examples import KPI_EXAMPLES
from api.openapi.list_examples import LIST_EXAMPLES
from api.openapi.promotion_examples import PROMOTION_EXAMPLES
from api.openapi.segment_examples import SEGMENT_EXAMPLES
from recsys.time_units import DAY_MS

VERSION: Final = "20260101T040000Z-3f9a"
AT_MS: Final = 1_767_240_000_000

REASON: Final = {
    "code": "buy_again",
    "text": "You buy this about every 3 weeks, last on 3 Jan 2026",
    "because": ["1029743"],
}
PLACE: Final = {
    "item_id": "1029743",
    "name": "Milk 1 gal",
    "score": 0.61,
    "rank": 1,
    "reason": REASON,
    "source": "buy_again",
}
BESIDE: Final = {
    "item_id": "995242",
    "name": "Oat milk",
    "score": 0.31,
    "rank": 1,
    "reason": {"code": "similar", "text": "Goes with Milk 1 gal", "because": ["1029743"]},
    "source": "similar",
}
RUN: Final = {
    "run_id": "20260101T033000Z-3f9a",
    "job": "train",
    "cause": "schedule",
    "started_ms": 1_767_238_200_000,
    "process": "shop-1/9d41c1f2/pid:[4026531836] 812 90455",
    "alive_ms": AT_MS,
    "ended_ms": AT_MS,
    "verdict": "promoted",
    "reasons": [],
    "log_id": "8776b5ad6663ddc9",
    "log_seq": 1_470_113,
    "item_revision": 97_412,
    "data_digest": "4eaa112d4dc3053d4e99747750b8b5b9",
    "version": VERSION,
    "result": {"sizes": {"users": 2_500, "items": 68_377, "events": 1_203_556}},
    "wall_s": 39.3,
    "cpu_s": 35.7,
    "peak_mib": 881.0,
    "steps": {"read": {"seconds": 3.0, "peak_mib": 370.1}},
    "log": ["2026-01-01 04:00:00 UTC info promoted version=20260101T040000Z-3f9a"],
}
LIST: Final = {
    "items": [PLACE],
    "placement": "home",
    "model_version": VERSION,
    "fallback": "personal",
    "request_id": "5f0c1b2a9e44-1a",
}
ROWS: Final = {
    "rows": [
        {"title": "Buy again", "placement": "buy-again", "because": [], "items": [PLACE], "fallback": "personal"},
        {
            "title": "Because you bought Milk 1 gal",
            "placement": "because",
            "because": ["1029743"],
            "items": [BESIDE],
            "fallback": "session",
        },
    ],
    "placement": "home",
    "model_version": VERSION,
    "fallback": "personal",
    "request_id": "5f0c1b2a9e44-1b",
}
ERROR: Final = {
    "code": "unknown_placement",
    "message": "no placement 'hmoe'; did you mean 'home'?",
    "details": [],
}
RULE: Final = {"id": "no-gift-cards", "kind": "block", "categories": ["GIFT CARDS"], "reason": "Nobody returns them"}
CAP: Final = {
    "id": "two-per-category",
    "kind": "cap",
    "per": "category",
    "most": 2,
    "reason": "A list of one kind looks like an advertisement",
}
RULES_TOML: Final = """[[rules]]
id = "no-gift-cards"
kind = "block"
categories = ["GIFT CARDS"]
reason = "Nobody returns them"
"""
USER: Final = {
    "user_id": "900",
    "attributes": {"age": "35-44"},
    "consent": {"personalisation": True, "marketing": None, "channels": {"marketing": {"email": True, "sms": False}}},
    "merged_ids": ["visitor-7f3a"],
}
EXPORT: Final = USER | {
    "release": {"version": VERSION, "is_known": True, "history": []},
    "events": [{"event_id": "9c41d0", "user_id": "900", "item_id": "995242", "kind": "view", "at": AT_MS}],
    "facts": [
        {
            "fact_id": "7b02",
            "user_id": "900",
            "kind": "consent",
            "value": 1.0,
            "text": "till",
            "ref": "marketing",
            "channel": "email",
            "at": AT_MS,
        },
    ],
    "shown": [],
}

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "RecommendationsIn": {
        "session": ["1029743", {"item_id": "995242", "kind": "cart"}],
        "placement": "home",
        "k": 5,
        "filters": {"category_out": ["FLORAL"], "price_to": 20},
        "max_per": {"category": 2},
        "diversity": 0.3,
    },
    "BatchIn": {"asks": [{"user_id": "1", "k": 5}, {"placement": "basket", "context": ["995242", "1082185"], "k": 3}]},
    "ExplainIn": {"item_id": "995242", "ask": {"user_id": "900", "k": 10, "filters": {"price_to": 20}}},
    "EventIn": {"user_id": "1", "item_id": "995242", "kind": "purchase", "quantity": 2, "price": 1.5, "discount": 0.5},
    "FactIn": {"user_id": "900", "kind": "survey", "ref": "nps", "value": 9, "channel": "email"},
    "ItemFields": {"name": "Oat milk", "category": "DAIRY", "price": 2.19, "cost": 1.32, "stock": 40},
    "ItemIn": {"item_id": "995242", "name": "Oat milk", "price": 2.19},
    "UserFields": {
        "attributes": {"age": "35-44"},
        "consent": {"personalisation": True, "channels": {"marketing": {"email": True}}, "source": "till"},
    },
    "UserIn": {"user_id": "900", "attributes": {"age": "35-44"}},
    "UnmergeIn": {"user_id": "visitor-7f3a"},
    "MergeIn": {"from": "visitor-7f3a", "into": "900"},
    **SEGMENT_EXAMPLES,
    **PROMOTION_EXAMPLES,
    **KPI_EXAMPLES,
    **JUDGE_EXAMPLES,
    **LIST_EXAMPLES,
    **CAMPAIGN_EXAMPLES,
    "RulesTryIn": {
        "ask": {"user_id": "900", "placement": "home", "k": 10},
        "rules": {"rules": [CAP]},
        "against": "nothing",
    },
    "RecommendationsOut": LIST,
    "RowsOut": ROWS,
    "BatchOut": {
        "answers": [{"answer": LIST | {"request_id": "5f0c1b2a9e44-1c.1"}}, {"error": ERROR}],
        "request_id": "5f0c1b2a9e44-1c",
    },
    "RankingOut": {
        "items": [{name: PLACE[name] for name in ("item_id", "name", "score", "rank", "source")} | {"status": "ok"}],
        "unknown": ["4711"],
        "placement": "home",
        "model_version": VERSION,
        "fallback": "personal",
    },
    "AudienceOut": {
        "customers": [{"user_id": "1", "score": 0.31, "item_id": "995242", "source": "buy_again"}],
        "model_version": VERSION,
    },
    "CustomerOut": USER
    | {
        "model_version": VERSION,
        "as_of": AT_MS,
        "since": {"first_seen": AT_MS - 9 * 7 * DAY_MS, "first_order": AT_MS - 9 * 7 * DAY_MS},
        "recency": {"days": 3, "last_order": AT_MS - 3 * DAY_MS, "score": 4},
        "frequency": {"orders": 11, "purchase_days": 9, "score": 2},
        "money": {"total": 311.4, "per_order": 28.31, "discount": 22.1, "margin": 88.2, "score": 2},
        "rfm": {"cell": "422", "group": "promising", "short_group": "new", "as_of": AT_MS},
        "abc": {"class": "C", "as_of": AT_MS},
        "stage": {
            "name": "growing",
            "since": "2026-01-01",
            "before": "new",
            "reason": "9 purchase days since 2025-11-01; loyal is 5 in 91 days without falling dormant",
        },
        "rhythm": {"gap_days": 7, "usual_next_order": "2026-01-05", "at_risk_from": "2026-01-27"},
        "contact_time": {
            "orders": 11,
            "time_zone": "UTC",
            "best_hour": {"at": "17:00", "share": 0.141, "shop_share": 0.082},
            "best_day": None,
        },
        "taste": {
            "items": 64,
            "categories": 21,
            "top_categories": [{"category": "COFFEE", "money": 40.2, "share": 0.129}],
            "price_level": 0.44,
            "discount_share": 0.066,
        },
        "value": None,
        "churn": None,
        "needs": None,
        "category_needs": None,
        "contacts": {
            "count": {"message": 1},
            "newest": [
                {"kind": "message", "at": AT_MS, "text": "opened", "ref": "c7", "channel": "email", "value": None}
            ],
        },
        "campaigns": [{"campaign": "c7", "arm": "treated", "status": "running", "starts": AT_MS}],
        "offers": [
            {"item_id": "995242", "name": "Oat milk", "reason": "You bought this 4 times", "source": "buy_again"}
        ],
        "shown": {
            "days": 28,
            "hours": 24,
            "answers": 6,
            "shown": 60,
            "clicked": 4,
            "carted": 2,
            "bought": 2,
            "revenue": 5.1,
            "last_shown": AT_MS,
        },
        "unknown": {
            "value": "the log is too short, or too few customers left, to learn it",
            "contact_time.best_day": "no evidence: too few orders to hold some back and foretell them",
        },
    },
    "ChangesOut": {
        "since": AT_MS - 7 * DAY_MS,
        "as_of": AT_MS,
        "total": 1,
        "offset": 0,
        "changes": [{"user_id": "1", "change": "stage", "from": "loyal", "to": "at_risk", "on": "2025-12-28"}],
        "model_version": VERSION,
    },
    "NeedsOut": {
        "as_of": AT_MS,
        "days": 14,
        "horizons": [14],
        "needs": [
            {
                "item_id": "995242",
                "name": "Oat milk",
                "chance": 0.62,
                "due": "2026-01-05",
                "expected": "2026-01-05",
                "last_bought": "2025-12-29",
                "gap_days": 7.3,
            }
        ],
        "unknown": None,
        "model_version": VERSION,
    },
    "CustomerSumsOut": {
        "as_of": AT_MS,
        "customers": 2467,
        "buyers": 2467,
        "revenue": 4190128.36,
        "quantiles": {"recency_days": {"10%": 1, "25%": 3, "50%": 8, "75%": 22, "90%": 60}},
        "rfm_grid": [{"r": 1, "f": 1, "customers": 304, "revenue": 71008.4}],
        "groups": [{"name": "champions", "customers": 481, "revenue": 1793670.18}],
        "short_groups": [{"name": "high value", "customers": 637, "revenue": 2060502.22}],
        "abc": [{"name": "A", "customers": 1052, "revenue": 3352309.24}],
        "stages": [{"name": "new", "customers": None, "revenue": None}],
        "flow": {"days": 28, "moves": [{"from": "loyal", "to": "at_risk", "customers": 117}]},
        "value_classes": [{"name": "high", "customers": 493, "revenue": 1830412.6}],
        "value_flow": {"days": 28, "moves": [{"from": "high", "to": "middle", "customers": 61}]},
        "concentration": {"top": {"10%": 0.343}, "gini": 0.52},
    },
    "TwinsOut": {"customers": [{"user_id": "7", "likeness": 0.44, "shared": ["995242"]}], "model_version": VERSION},
    "VerdictsOut": {
        "accepted": 1,
        "duplicate": 0,
        "conflict": 0,
        "withheld": 0,
        "rejected": 1,
        "events": [
            {"index": 0, "event_id": "9c41d0", "verdict": "accepted"},
            {"index": 1, "event_id": None, "verdict": "rejected", "reason": "item_id: Field required"},
        ],
    },
    "FactVerdictsOut": {
        "accepted": 1,
        "duplicate": 0,
        "conflict": 0,
        "withheld": 0,
        "rejected": 0,
        "facts": [{"index": 0, "fact_id": "7b02", "verdict": "accepted"}],
    },
    "FactSummaryOut": {
        "since": AT_MS - 2_419_200_000,
        "until": AT_MS,
        "searches": [{"query": "oat milk", "searches": 61, "customers": 44}],
        "rare_searches": 17,
        "nps": {"value": 31.0, "low": 22.4, "high": 39.1, "n": 412},
        "csat": None,
    },
    "ItemOut": {
        "item_id": "995242",
        "name": "Oat milk",
        "category": "DAIRY",
        "brand": "Private",
        "price": 2.19,
        "stock": 40.0,
        "available_from": None,
        "available_until": None,
        "attributes": {"organic": True},
        "cost": 1.32,
        "known_from": "catalogue",
    },
    "StoredOut": {"stored": 2, "revision": 97_412},
    "StoredUsersOut": {"stored": 2},
    "UserOut": USER,
    "UnmergedOut": {
        "user_id": "visitor-7f3a",
        "receipt": {
            "receipt_id": "1b0c",
            "kind": "unmerge",
            "digest": "b1946ac92492d234",
            "at_ms": AT_MS,
            "seq": 1_470_120,
            "counts": {"events": 3, "kept": 312},
            "into": "0a4d55a8d778e502",
            "log_id": "8776b5ad6663ddc9",
        },
    },
    "MergedOut": {
        "user_id": "900",
        "merged": True,
        "receipt": {
            "receipt_id": "r-7f3a",
            "kind": "merge",
            "digest": "b1946ac92492d234",
            "at_ms": AT_MS,
            "seq": 1_470_113,
            "counts": {"events": 3},
            "into": "0a4d55a8d778e502",
            "log_id": "8776b5ad6663ddc9",
        },
    },
    "ErasedOut": {
        "receipt_id": "4f1c09d2a7b3e865",
        "kind": "erasure",
        "digest": "9d2c41e7b0a85f3641c7d8e9f0a1b2c3",
        "at_ms": 1_790_000_000_000,
        "seq": 1_204_518,
        "counts": {"events": 312, "records": 1, "ids": 2, "shown": 40, "rejected_lines": 0},
        "log_id": "8776b5ad6663ddc9",
        "remains": {"releases": [VERSION], "log_file": False},
    },
    "RunOut": RUN,
    "RunsOut": {"runs": [{**RUN, "log": []}]},
    "RulesOut": {
        "digest": "3b1f",
        "in_service": "3b1f",
        "refusal": None,
        "timezone": "Europe/Berlin",
        "rules": [RULE],
        "toml": RULES_TOML,
    },
    "RuleVersionsOut": {"versions": [{"version": 7, "digest": "3b1f", "at": "2026-01-01T04:00:00.000+00:00"}]},
    "RulesTryOut": {
        "without": [PLACE],
        "with": [],
        "came_in": [],
        "went_out": [
            {"item_id": "1029743", "name": "Milk 1 gal", "before": 1, "after": None, "rules": ["no-gift-cards"]}
        ],
        "moved": [],
        "rules": [{"rule": "no-gift-cards", "holds": True, "items": 12, "leaves": None}],
    },
    "LiveOut": {"status": "ok"},
    "ReadyOut": {
        "status": "ready",
        "model_version": VERSION,
        "parts": {"bundle": "ok", "log": "ok", "redis": "unset", "rules": "ok", "keys": "ok", "threads": "ok"},
        "warnings": [],
    },
    "VersionOut": {
        "version": "0.1.0",
        "model": {"version": VERSION, "made_at_ms": AT_MS, "age_s": 3_600, "item_revision": 97_412},
    },
    "ErrorOut": {"error": ERROR},
}


def with_examples(schema: dict[str, Any]) -> None:
    """Adds the examples to a finished schema, because FastAPI would drop every null in them."""
    for name, model in schema["components"]["schemas"].items():
        if name in EXAMPLES:
            model["examples"] = [EXAMPLES[name]]

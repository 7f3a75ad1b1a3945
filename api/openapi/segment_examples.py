"""OpenAPI examples of segments, of audiences and of a search for customers."""

from collections.abc import Mapping
from typing import Any, Final

AT_MS: Final = 1_767_240_000_000
VERSION: Final = "20260101T040000Z-3f9a"

SEGMENT_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "AudienceIn": {"where": {"brand": "Acme", "price": {"lt": 20}}, "limit": 500},
    "CustomersSearchIn": {"where": {"stage": "at_risk"}, "order": "money", "fields": ["user_id", "money"], "limit": 20},
    "CustomersFoundOut": {
        "customers": 84,
        "as_of": AT_MS,
        "rows": [{"user_id": "900", "money": 8123.4}],
        "model_version": VERSION,
    },
    "SegmentTryIn": {"where": {"stage": "at_risk", "money": {"gte": 500}}},
    "SegmentsOut": {
        "digest": "3b1f",
        "segments": [{"name": "leaving", "where": {"stage": "at_risk"}}],
        "toml": '[[segments]]\nname = "leaving"\nwhere = { stage = "at_risk" }\n',
    },
    "SegmentVersionsOut": {"versions": [{"version": 7, "digest": "3b1f", "at": "2026-01-01T04:00:00.000+00:00"}]},
    "SegmentTryOut": {
        "customers": 84,
        "share": 0.034,
        "revenue": 125_400.5,
        "revenue_share": 0.03,
        "as_of": AT_MS,
        "reach": [{"purpose": "marketing", "channel": "email", "open": 71, "agreed": 44}],
        "overlap": [{"segment": "coffee-lapsed", "customers": 23, "share": 0.2738}],
        "seconds": 0.004,
        "reason": None,
    },
}

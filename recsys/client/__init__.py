"""A typed client of the service, for a shop's own Python: `Client` waits, `AsyncClient` is awaited.

`with Client("http://localhost:8000", key) as recsys: recsys.recommend(Ask(user_id="900", k=5))`; see docs/api.md.
"""

from recsys.client.errors import ApiError, ClientError, Unreachable
from recsys.client.transport import AsyncClient, Client
from recsys.client.types import (
    Answered,
    Answers,
    Ask,
    Event,
    Failure,
    Item,
    Ranked,
    RankedItem,
    Ranking,
    Reason,
    Recommendation,
    Recommendations,
    Row,
    Rows,
    RuleTrial,
    RuleVersion,
    RuleVersions,
    ShopRules,
    Stored,
    Verdict,
    Verdicts,
)

__all__ = [
    "Answered",
    "Answers",
    "ApiError",
    "Ask",
    "AsyncClient",
    "Client",
    "ClientError",
    "Event",
    "Failure",
    "Item",
    "Ranked",
    "RankedItem",
    "Ranking",
    "Reason",
    "Recommendation",
    "Recommendations",
    "Row",
    "Rows",
    "RuleTrial",
    "RuleVersion",
    "RuleVersions",
    "ShopRules",
    "Stored",
    "Unreachable",
    "Verdict",
    "Verdicts",
]

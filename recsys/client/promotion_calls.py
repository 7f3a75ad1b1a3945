"""Calls about promotions: the file of them, and the offers of one customer."""

from collections.abc import Sequence

from recsys.client.call import Call, Value
from recsys.client.calls import Json
from recsys.client.promotion_types import Offers, PromotionVersions, ShopPromotions


def promotions() -> Call[ShopPromotions]:
    """The stored promotions."""
    return Call("GET", "/v1/promotions", ShopPromotions.model_validate_json)


def put_promotions(
    promotions: Sequence[Json], *, timezone: str = "UTC", if_digest: str | None = None
) -> Call[ShopPromotions]:
    """Replaces all promotions; with `if_digest` only those of that digest."""
    headers = {} if if_digest is None else {"if-match": f'"{if_digest}"'}
    body, parse = {"timezone": timezone, "promotions": list(promotions)}, ShopPromotions.model_validate_json
    return Call("PUT", "/v1/promotions", parse, body=body, headers=headers, is_repeatable=if_digest is None)


def promotion_versions() -> Call[PromotionVersions]:
    """All versions of the promotions, the newest first."""
    return Call("GET", "/v1/promotions/versions", PromotionVersions.model_validate_json)


def promotion_version(number: int) -> Call[ShopPromotions]:
    """The promotions of one version."""
    parse = ShopPromotions.model_validate_json
    return Call("GET", "/v1/promotions/versions/{version}", parse, {"version": str(number)})


def offers(user_id: str, *, days: float = 28.0, channel: str | None = None, k: int = 10) -> Call[Offers]:
    """The promotions that fit this customer, best first: chance x margin - cost.  channel: over which."""
    params: dict[str, Value] = {"days": days, "k": k} | ({} if channel is None else {"channel": channel})
    return Call("GET", "/v1/users/{user_id}/offers", Offers.model_validate_json, {"user_id": user_id}, params)

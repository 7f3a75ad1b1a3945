"""Calls about promotions: the file of them, and the offers of one customer."""

from collections.abc import Sequence

from recsys.client.call import Call, Value
from recsys.client.calls import LONG_TIMEOUT_S, Json
from recsys.client.promotion_types import (
    Bundles,
    CouponResponses,
    Loyalty,
    Offers,
    OfferTable,
    PromotionEffect,
    PromotionTrial,
    PromotionUses,
    PromotionVersions,
    ShopPromotions,
    Upsell,
)


def promotions() -> Call[ShopPromotions]:
    """The stored promotions."""
    return Call("GET", "/v1/promotions", ShopPromotions.model_validate_json)


def put_promotions(
    promotions: Sequence[Json] | str, *, timezone: str = "UTC", if_digest: str | None = None
) -> Call[ShopPromotions]:
    """Replaces all promotions by others, or by those of a TOML text; with `if_digest` only those of that digest."""
    headers = {} if if_digest is None else {"if-match": f'"{if_digest}"'}
    body, parse = _document(promotions, timezone), ShopPromotions.model_validate_json
    return Call("PUT", "/v1/promotions", parse, body=body, headers=headers, is_repeatable=if_digest is None)


def try_promotions(
    promotions: Sequence[Json] | str, *, timezone: str = "UTC", user_id: str | None = None, days: float = 28.0
) -> Call[PromotionTrial]:
    """A preview of promotions, with the offers of that customer by them.  Nothing is stored."""
    tried = {"toml" if isinstance(promotions, str) else "promotions": _document(promotions, timezone)}
    body = {**tried, "days": days} | ({} if user_id is None else {"user_id": user_id})
    return Call("POST", "/v1/promotions:try", PromotionTrial.model_validate_json, body=body)


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


def promotion_uses() -> Call[PromotionUses]:
    """Each promotion with what was given, redeemed and spent, and what is left of its budget."""
    return Call("GET", "/v1/promotions/uses", PromotionUses.model_validate_json)


def bundles(*, percent: float = 10.0, least: int = 150, limit: int = 100) -> Call[Bundles]:
    """Pairs of items to sell together with `percent` off, that `least` baskets hold, by what they leave in all."""
    params: dict[str, Value] = {"percent": percent, "least": least, "limit": limit}
    parse = Bundles.model_validate_json
    return Call("GET", "/v1/promotions/bundles", parse, query=params, timeout_s=LONG_TIMEOUT_S)


def upsell(item_id: str, *, up_to: float = 2.0) -> Call[Upsell]:
    """Dearer items of the same product type that leave the shop more, up to `up_to` times the price."""
    params: dict[str, Value] = {"item_id": item_id, "up_to": up_to}
    return Call("GET", "/v1/promotions/upsell", Upsell.model_validate_json, query=params, timeout_s=LONG_TIMEOUT_S)


def offer_table() -> Call[OfferTable]:
    """Stage x value: an offer for each cell, and the condition that finds its customers."""
    return Call("GET", "/v1/promotions/table", OfferTable.model_validate_json, timeout_s=LONG_TIMEOUT_S)


def promotion_effect() -> Call[PromotionEffect]:
    """What displays, mailers and other flags change in purchases, as it was last found."""
    return Call("GET", "/v1/promotions/effect", PromotionEffect.model_validate_json)


def coupon_responses(learn: str, judge: str) -> Call[CouponResponses]:
    """Who redeems coupons: a model of one campaign, judged on a later one."""
    params: dict[str, Value] = {"learn": learn, "judge": judge}
    parse = CouponResponses.model_validate_json
    return Call("GET", "/v1/promotions/responses", parse, query=params, timeout_s=LONG_TIMEOUT_S)


def loyalty(*, within: float = 100.0) -> Call[Loyalty]:
    """Participation, points earned and spent, members by tier, and who is `within` points of the next one."""
    parse = Loyalty.model_validate_json
    return Call("GET", "/v1/promotions/loyalty", parse, query={"within": within}, timeout_s=LONG_TIMEOUT_S)


def _document(promotions: Sequence[Json] | str, timezone: str) -> Json | str:
    return promotions if isinstance(promotions, str) else {"timezone": timezone, "promotions": list(promotions)}

"""Calls about lists: the rules of marketers, and what came of what was shown."""

from collections.abc import Sequence
from typing import Literal

from recsys.client.call import Call
from recsys.client.calls import LONG_TIMEOUT_S, Json
from recsys.client.types import Ask, ListRates, Placements, RuleTrial, RuleVersions, ShopRules

Against = Literal["nothing", "in-service"]


def placements() -> Call[Placements]:
    """The named spots of the shop."""
    return Call("GET", "/v1/placements", Placements.model_validate_json)


def rules() -> Call[ShopRules]:
    """The stored rules."""
    return Call("GET", "/v1/rules", ShopRules.model_validate_json)


def put_rules(rules: Sequence[Json] | str, *, timezone: str = "UTC", if_digest: str | None = None) -> Call[ShopRules]:
    """Replaces all rules by others, or by those of a TOML text; with `if_digest` only the rules of that digest.

    So no change of somebody else is lost.
    """
    headers = {} if if_digest is None else {"if-match": f'"{if_digest}"'}
    # A second try after a success would meet the digest of the first.
    body, read, is_repeatable = _rules(rules, timezone), ShopRules.model_validate_json, if_digest is None
    return Call("PUT", "/v1/rules", read, body=body, headers=headers, is_repeatable=is_repeatable)


def rule_versions() -> Call[RuleVersions]:
    """All versions of the rules, the newest first."""
    return Call("GET", "/v1/rules/versions", RuleVersions.model_validate_json)


def rule_version(number: int) -> Call[ShopRules]:
    """The rules of one version."""
    return Call("GET", "/v1/rules/versions/{version}", ShopRules.model_validate_json, {"version": str(number)})


def try_rules(
    ask: Ask,
    rules: Sequence[Json] | str,
    *,
    timezone: str = "UTC",
    against: Against = "nothing",
    customers: int | None = None,
) -> Call[RuleTrial]:
    """A preview: what those rules would change in one list, and in those of `customers`.  Nothing is stored."""
    of_shop = {} if customers is None else {"customers": customers}
    tried = {"toml" if isinstance(rules, str) else "rules": _rules(rules, timezone)}
    body = {"ask": ask.body(), **tried, "against": against, **of_shop}
    return Call("POST", "/v1/rules:try", RuleTrial.model_validate_json, body=body, timeout_s=LONG_TIMEOUT_S)


def list_rates(since: int | None = None, to: int | None = None) -> Call[ListRates]:
    """Dismissals, clicks, purchases and money of the lists of a time (Unix ms); without times the last day."""
    known = {name: value for name, value in {"from": since, "to": to}.items() if value is not None}
    return Call("GET", "/v1/shown/rates", ListRates.model_validate_json, query=known, timeout_s=LONG_TIMEOUT_S)


def _rules(rules: Sequence[Json] | str, timezone: str) -> Json | str:
    return rules if isinstance(rules, str) else {"timezone": timezone, "rules": list(rules)}

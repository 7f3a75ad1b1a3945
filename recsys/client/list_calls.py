"""Calls about lists: the rules of marketers, and what came of what was shown."""

from collections.abc import Sequence
from typing import Literal

from recsys.client.call import Call
from recsys.client.calls import LONG_TIMEOUT_S, Json
from recsys.client.types import Ask, ListRates, RuleTrial, RuleVersions, ShopRules

Against = Literal["nothing", "in-service"]


def rules() -> Call[ShopRules]:
    """The stored rules."""
    return Call("GET", "/v1/rules", ShopRules.model_validate_json)


def put_rules(rules: Sequence[Json], *, timezone: str = "UTC", if_digest: str | None = None) -> Call[ShopRules]:
    """Replaces all rules; with `if_digest` only those of that digest, so that no change of somebody else is lost."""
    headers = {} if if_digest is None else {"if-match": f'"{if_digest}"'}
    body = {"timezone": timezone, "rules": list(rules)}
    # A second try after a success would meet the digest of the first.
    return Call(
        "PUT", "/v1/rules", ShopRules.model_validate_json, body=body, headers=headers, is_repeatable=if_digest is None
    )


def rule_versions() -> Call[RuleVersions]:
    """All versions of the rules, the newest first."""
    return Call("GET", "/v1/rules/versions", RuleVersions.model_validate_json)


def rule_version(number: int) -> Call[ShopRules]:
    """The rules of one version."""
    return Call("GET", "/v1/rules/versions/{version}", ShopRules.model_validate_json, {"version": str(number)})


def try_rules(
    ask: Ask,
    rules: Sequence[Json],
    *,
    timezone: str = "UTC",
    against: Against = "nothing",
    customers: int | None = None,
) -> Call[RuleTrial]:
    """A preview: what those rules would change in one list, and in those of `customers`.  Nothing is stored."""
    of_shop = {} if customers is None else {"customers": customers}
    body = {"ask": ask.body(), "rules": {"timezone": timezone, "rules": list(rules)}, "against": against, **of_shop}
    return Call("POST", "/v1/rules:try", RuleTrial.model_validate_json, body=body, timeout_s=LONG_TIMEOUT_S)


def list_rates(since: int | None = None, to: int | None = None) -> Call[ListRates]:
    """Dismissals, clicks, purchases and money of the lists of a time (Unix ms); without times the last day."""
    known = {name: value for name, value in {"from": since, "to": to}.items() if value is not None}
    return Call("GET", "/v1/shown/rates", ListRates.model_validate_json, query=known, timeout_s=LONG_TIMEOUT_S)

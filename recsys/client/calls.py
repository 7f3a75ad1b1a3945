"""Every request one can make, as data: the two clients only differ in how they send it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from recsys.client.types import (
    Answers,
    Ask,
    Attribute,
    Audience,
    Erased,
    Event,
    Item,
    Merged,
    Ranked,
    Ranking,
    Recommendations,
    Rows,
    RuleTrial,
    RuleVersions,
    Sent,
    ShopRules,
    Stored,
    StoredUsers,
    Twins,
    User,
    Verdicts,
    Why,
)

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Json = Mapping[str, Any]

SECONDS_LONG = 120.0  # for what goes through all customers


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request.  template: its path in the service's schema; names: what stands in the path; read: of the body.

    timeout_s: where it may take longer than the client usually waits.
    is_repeatable: the same request twice does what it does once, so it may be sent again when no answer came.
    """

    method: str
    template: str
    read: Callable[[bytes], T]
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True
    timeout_s: float | None = None

    @property
    def path(self) -> str:
        """The path with the names in it, escaped."""
        return self.template.format(**{name: _escaped(value) for name, value in self.names.items()})


def recommendations(user_id: str, *, k: int = 10, placement: str = "home") -> Call[Recommendations]:
    """What to show this customer in this place, now."""
    template = "/v1/users/{user_id}/recommendations"
    return Call("GET", template, _as(Recommendations), {"user_id": user_id}, {"k": k, "placement": placement})


def recommend(ask: Ask) -> Call[Recommendations]:
    """What to show, with all that is known."""
    return Call("POST", "/v1/recommendations", _as(Recommendations), body={**ask.body(), "rows": False})


def rows(ask: Ask) -> Call[Rows]:
    """Several titled lists: those of the placement, or those that `ask.rows` names."""
    return Call("POST", "/v1/recommendations", _as(Rows), body={**ask.body(), "rows": ask.rows or True})


def batch(asks: Sequence[Ask]) -> Call[Answers]:
    """Up to 256 questions; what is wrong with one harms no other."""
    return Call("POST", "/v1/recommendations:batch", _as(Answers), body={"asks": _bodies(asks)})


def rank(asked: Ranking) -> Call[Ranked]:
    """The items of a list in the order in which one customer wants them."""
    return Call("POST", "/v1/rank", _as(Ranked), body=asked.body())


def similar(item_id: str, *, k: int = 10, where: Mapping[str, Any] | None = None) -> Call[Recommendations]:
    """What goes with this item; of what passes the conditions, where there are any."""
    query: dict[str, str | int] = {"k": k} if where is None else {"k": k, "where": json.dumps(where)}
    return Call("GET", "/v1/items/{item_id}/similar", _as(Recommendations), {"item_id": item_id}, query)


def audience(item_id: str, *, limit: int = 100) -> Call[Audience]:
    """The customers most likely to buy this item, without those who said no.  Takes seconds."""
    template = "/v1/items/{item_id}/audience"
    return Call("GET", template, _as(Audience), {"item_id": item_id}, {"limit": limit}, timeout_s=SECONDS_LONG)


def audience_where(where: Mapping[str, Any], *, limit: int = 100) -> Call[Audience]:
    """The customers most likely to buy one of the items on sale that pass the conditions.  Takes seconds."""
    body = {"where": where, "limit": limit}
    return Call("POST", "/v1/audience", _as(Audience), body=body, timeout_s=SECONDS_LONG)


def similar_customers(user_id: str, *, k: int = 10) -> Call[Twins]:
    """The customers whose purchases are most like this one's."""
    return Call("GET", "/v1/users/{user_id}/similar", _as(Twins), {"user_id": user_id}, {"k": k})


def events(happened: Sequence[Event]) -> Call[Verdicts]:
    """Keeps up to 1,000 events; those that are not rejected are durable when this returns."""
    return Call("POST", "/v1/events", _as(Verdicts), body={"events": _bodies(happened)})


def put_items(items: Sequence[Item]) -> Call[Stored]:
    """Stores up to 1,000 items, all or none; each replaces what was known of it."""
    return Call("POST", "/v1/items", _as(Stored), body={"items": _bodies(items)})


def item(item_id: str) -> Call[Item]:
    """The item as it is stored."""
    return Call("GET", "/v1/items/{item_id}", _as(Item), {"item_id": item_id})


def put_item(one: Item) -> Call[Item]:
    """Stores the item; what is left out is unknown from now on."""
    return Call("PUT", "/v1/items/{item_id}", _as(Item), {"item_id": one.item_id}, body=_without(one, "item_id"))


def change_item(item_id: str, **fields: Attribute | Mapping[str, Attribute]) -> Call[Item]:
    """Changes only what is named; None makes it unknown.  Attributes are merged by name."""
    return Call("PATCH", "/v1/items/{item_id}", _as(Item), {"item_id": item_id}, body=fields)


def delete_item(item_id: str) -> Call[None]:
    """Takes the item out of every answer; its events stay."""
    return Call("DELETE", "/v1/items/{item_id}", _nothing, {"item_id": item_id})


def put_users(users: Sequence[User]) -> Call[StoredUsers]:
    """Stores up to 1,000 customers, all or none, each as `put_user` does."""
    return Call("POST", "/v1/users", _as(StoredUsers), body={"users": _bodies(users)})


def user(user_id: str) -> Call[User]:
    """What is known of the customer beside their events."""
    return Call("GET", "/v1/users/{user_id}", _as(User), {"user_id": user_id})


def put_user(one: User) -> Call[User]:
    """Stores the customer; attributes left out are unknown from now on, consent stays where it is not named."""
    return Call("PUT", "/v1/users/{user_id}", _as(User), {"user_id": one.user_id}, body=_without(one, "user_id"))


def change_user(
    user_id: str,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    consent: Mapping[str, bool | None] | None = None,
) -> Call[User]:
    """Changes only what is named; None of one attribute makes it unknown, of one consent unset."""
    named = {"attributes": attributes, "consent": consent}
    body = {name: value for name, value in named.items() if value is not None}
    return Call("PATCH", "/v1/users/{user_id}", _as(User), {"user_id": user_id}, body=body)


def merge_users(visitor: str, *, into: str) -> Call[Merged]:
    """A visitor turns out to be a customer: what they did counts for the customer."""
    return Call("POST", "/v1/users:merge", _as(Merged), body={"from": visitor, "into": into})


def export_user(user_id: str) -> Call[Json]:
    """Everything known of the customer: record, events, what the release in service knows, what was shown."""
    return Call("GET", "/v1/users/{user_id}/export", _json, {"user_id": user_id})


def erase_user(user_id: str) -> Call[Erased]:
    """Erases the customer and the ids merged into them; the receipt says where traces are left."""
    return Call("DELETE", "/v1/users/{user_id}", _as(Erased), {"user_id": user_id})


def receipt(receipt_id: str) -> Call[Erased]:
    """What an erasure or a merge did, and where traces are left by now."""
    return Call("GET", "/v1/receipts/{receipt_id}", _as(Erased), {"receipt_id": receipt_id})


def why(item_id: str, *, user_id: str | None = None, placement: str = "home", k: int = 10) -> Call[Why]:
    """Why the item is not in this customer's list, or at which place it stands."""
    query: dict[str, str | int | float | bool] = {"item_id": item_id, "placement": placement, "k": k}
    return Call("GET", "/v1/explain", _as(Why), query=query if user_id is None else {**query, "user_id": user_id})


def why_in(ask: Ask, item_id: str) -> Call[Why]:
    """The same for any question."""
    return Call("POST", "/v1/explain", _as(Why), body={"item_id": item_id, "ask": ask.body()})


def rules() -> Call[ShopRules]:
    """The rules of marketers as they are written."""
    return Call("GET", "/v1/rules", _as(ShopRules))


def put_rules(wanted: Sequence[Json], *, timezone: str = "UTC", if_digest: str | None = None) -> Call[ShopRules]:
    """Replaces all rules; with `if_digest` only those of that digest, so that nobody's change is lost."""
    headers = {} if if_digest is None else {"if-match": f'"{if_digest}"'}
    body = {"timezone": timezone, "rules": list(wanted)}
    # Sent again after it was taken, it would find a digest of its own making.
    return Call("PUT", "/v1/rules", _as(ShopRules), body=body, headers=headers, is_repeatable=if_digest is None)


def rule_versions() -> Call[RuleVersions]:
    """Every text of rules that was ever taken."""
    return Call("GET", "/v1/rules/versions", _as(RuleVersions))


def rule_version(number: int) -> Call[ShopRules]:
    """One of them."""
    return Call("GET", "/v1/rules/versions/{version}", _as(ShopRules), {"version": str(number)})


def try_rules(
    ask: Ask, wanted: Sequence[Json], *, timezone: str = "UTC", against: Literal["nothing", "in-service"] = "nothing"
) -> Call[RuleTrial]:
    """What those rules would change in one answer.  Nothing is stored."""
    tried = {"timezone": timezone, "rules": list(wanted)}
    return Call("POST", "/v1/rules:try", _as(RuleTrial), body={"ask": ask.body(), "rules": tried, "against": against})


def live() -> Call[Json]:
    """Answers while the process does."""
    return Call("GET", "/livez", _json)


def ready() -> Call[Json]:
    """Answers when recommendations can be given; `warnings` names what is wrong beside that."""
    return Call("GET", "/readyz", _json)


def version() -> Call[Json]:
    """The build, and the model in service."""
    return Call("GET", "/version", _json)


def metrics() -> Call[str]:
    """What a Prometheus server reads."""
    return Call("GET", "/metrics", bytes.decode)


def _escaped(name: str) -> str:
    whole = quote(name, safe="")
    return whole.replace(".", "%2E") if name in (".", "..") else whole  # else they would mean folders


def _as(model: type[M]) -> Callable[[bytes], M]:
    return model.model_validate_json


def _json(raw: bytes) -> Json:
    found: Json = json.loads(raw)
    return found


def _nothing(_raw: bytes) -> None:
    return None


def _without(sent: Sent, left_out: str) -> dict[str, Any]:
    return {name: value for name, value in sent.body().items() if name != left_out}


def _bodies(sent: Sequence[Sent]) -> list[dict[str, Any]]:
    return [one.body() for one in sent]

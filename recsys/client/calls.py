"""Calls of the service as data: both clients build the same requests, and differ only in how they send them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from recsys.client.call import Call, Value
from recsys.client.customer_types import (
    Audience,
    CustomerCard,
    CustomerChanges,
    CustomerSums,
    FoundCustomers,
    Needs,
    SegmentTrial,
    SegmentVersions,
    ShopSegments,
    Twins,
)
from recsys.client.fact_types import Fact, FactSummary, FactVerdicts
from recsys.client.types import (
    Answers,
    Ask,
    Attribute,
    Consent,
    Erased,
    Event,
    Item,
    Merged,
    Ranked,
    Ranking,
    Recommendations,
    RequestModel,
    Rows,
    Run,
    Runs,
    Stored,
    StoredUsers,
    Unmerged,
    User,
    Verdicts,
    Why,
)

M = TypeVar("M", bound=BaseModel)
Json = Mapping[str, Any]

LONG_TIMEOUT_S = 120.0  # for calls that go through all customers


def recommendations(
    user_id: str, *, k: int = 10, placement: str = "home", fields: Sequence[str] = ()
) -> Call[Recommendations]:
    """What to show this customer in this place, now.  fields: what each item shows besides, such as `price`."""
    template, query = "/v1/users/{user_id}/recommendations", {"k": k, "placement": placement, **_named(fields)}
    return Call("GET", template, _parser(Recommendations), {"user_id": user_id}, query)


def recommend(ask: Ask) -> Call[Recommendations]:
    """A list for a query with any fields."""
    return Call("POST", "/v1/recommendations", _parser(Recommendations), body={**ask.body(), "rows": False})


def rows(ask: Ask) -> Call[Rows]:
    """Several titled lists: those of the placement, or those that `ask.rows` names."""
    return Call("POST", "/v1/recommendations", _parser(Rows), body={**ask.body(), "rows": ask.rows or True})


def batch(asks: Sequence[Ask]) -> Call[Answers]:
    """Up to 256 queries; each fails on its own."""
    return Call("POST", "/v1/recommendations:batch", _parser(Answers), body={"asks": _bodies(asks)})


def rank(ranking: Ranking) -> Call[Ranked]:
    """The items of a list in the order in which one customer wants them."""
    return Call("POST", "/v1/rank", _parser(Ranked), body=ranking.body())


def similar(
    item_id: str, *, k: int = 10, where: Mapping[str, Any] | None = None, fields: Sequence[str] = ()
) -> Call[Recommendations]:
    """Items that go with this item; with `where`, only items that pass the filter."""
    query = {"k": k, **_named(fields)} | ({} if where is None else {"where": json.dumps(where)})
    return Call("GET", "/v1/items/{item_id}/similar", _parser(Recommendations), {"item_id": item_id}, query)


def audience(
    item_id: str,
    *,
    limit: int = 100,
    fields: Sequence[str] = (),
    segment: str | None = None,
    days: float = 28.0,
    channel: str | None = None,
) -> Call[Audience]:
    """The customers most likely to buy this item within `days`, without those who refused marketing.  Takes seconds."""
    query: dict[str, str | int | float | bool] = {"limit": limit, "days": days, **_named(fields)}
    query |= {name: word for name, word in (("segment", segment), ("channel", channel)) if word is not None}
    template = "/v1/items/{item_id}/audience"
    return Call("GET", template, _parser(Audience), {"item_id": item_id}, query, timeout_s=LONG_TIMEOUT_S)


def audience_where(
    where: Mapping[str, Any], *, limit: int = 100, fields: Sequence[str] = (), **terms: Any
) -> Call[Audience]:
    """The customers most likely to buy one of the items on sale that pass the filter.  Takes seconds.

    terms: customers (a condition), segment, days, channel.
    """
    body = {"where": where, "limit": limit, **({"fields": [*fields]} if fields else {}), **terms}
    return Call("POST", "/v1/audience", _parser(Audience), body=body, timeout_s=LONG_TIMEOUT_S)


def similar_customers(user_id: str, *, k: int = 10) -> Call[Twins]:
    """The customers whose purchases are most like this one's."""
    return Call("GET", "/v1/users/{user_id}/similar", _parser(Twins), {"user_id": user_id}, {"k": k})


def events(events: Sequence[Event]) -> Call[Verdicts]:
    """Stores up to 1,000 events; those that are not rejected are durable when this returns."""
    return Call("POST", "/v1/events", _parser(Verdicts), body={"events": _bodies(events)})


def facts(facts: Sequence[Fact]) -> Call[FactVerdicts]:
    """Stores up to 1,000 facts; those that are not rejected are durable when this returns."""
    return Call("POST", "/v1/facts", _parser(FactVerdicts), body={"facts": _bodies(facts)})


def fact_summary(*, since: int | None = None, until: int | None = None) -> Call[FactSummary]:
    """Searches without a result, net promoter score and satisfied customers; of 28 days if nothing is said."""
    times = {name: at for name, at in (("since", since), ("until", until)) if at is not None}
    return Call("GET", "/v1/facts/summary", _parser(FactSummary), query=times, timeout_s=LONG_TIMEOUT_S)


def put_items(items: Sequence[Item]) -> Call[Stored]:
    """Stores up to 1,000 items, all or none; each replaces the stored item."""
    return Call("POST", "/v1/items", _parser(Stored), body={"items": _bodies(items)})


def item(item_id: str) -> Call[Item]:
    """The item as it is stored."""
    return Call("GET", "/v1/items/{item_id}", _parser(Item), {"item_id": item_id})


def put_item(item: Item) -> Call[Item]:
    """Stores the item; a field that is left out becomes unknown."""
    return Call("PUT", "/v1/items/{item_id}", _parser(Item), {"item_id": item.item_id}, body=_without(item, "item_id"))


def change_item(item_id: str, **fields: Attribute | Mapping[str, Attribute]) -> Call[Item]:
    """Changes only the named fields; None makes a field unknown.  Attributes are merged by name."""
    return Call("PATCH", "/v1/items/{item_id}", _parser(Item), {"item_id": item_id}, body=fields)


def delete_item(item_id: str) -> Call[None]:
    """Takes the item out of every answer; its events stay."""
    return Call("DELETE", "/v1/items/{item_id}", lambda _raw: None, {"item_id": item_id})


def put_users(users: Sequence[User]) -> Call[StoredUsers]:
    """Stores up to 1,000 customers, all or none, each as `put_user` does."""
    return Call("POST", "/v1/users", _parser(StoredUsers), body={"users": _bodies(users)})


def user(user_id: str) -> Call[User]:
    """The customer's attributes and consent."""
    return Call("GET", "/v1/users/{user_id}", _parser(User), {"user_id": user_id})


def customer(user_id: str) -> Call[CustomerCard]:
    """Who the customer is: recency, frequency, money, stage, rhythm, taste, and what to offer."""
    return Call("GET", "/v1/customers/{user_id}", _parser(CustomerCard), {"user_id": user_id})


def needs(
    user_id: str, *, days: int = 14, at_least: float = 0.0, k: int = 10, fields: Sequence[str] = ()
) -> Call[Needs]:
    """What the customer will likely buy again within so many days, 28 at most."""
    query = {"days": days, "at_least": at_least, "k": k, **_named(fields)}
    return Call("GET", "/v1/users/{user_id}/needs", _parser(Needs), {"user_id": user_id}, query)


def customer_changes(
    since: str | int, *, change: str | None = None, to: str | None = None, offset: int = 0, limit: int = 1_000
) -> Call[CustomerChanges]:
    """Customers who crossed a stage, lost a class of value or are due for a reminder since then.  Takes seconds."""
    named = {name: value for name, value in (("change", change), ("to", to)) if value is not None}
    query = {"since": since, "offset": offset, "limit": limit, **named}
    template = "/v1/customers/changes"
    return Call("GET", template, _parser(CustomerChanges), query=query, timeout_s=LONG_TIMEOUT_S)


def customers_summary() -> Call[CustomerSums]:
    """Sums of all customers: groups, ABC, stages and their moves, concentration of revenue."""
    return Call("GET", "/v1/customers/summary", _parser(CustomerSums))


def put_user(user: User) -> Call[User]:
    """Stores the customer; attributes that are left out become unknown, consent that is left out stays."""
    return Call("PUT", "/v1/users/{user_id}", _parser(User), {"user_id": user.user_id}, body=_without(user, "user_id"))


def change_user(
    user_id: str,
    *,
    attributes: Mapping[str, Attribute] | None = None,
    consent: Mapping[str, Consent] | None = None,
) -> Call[User]:
    """Changes only what is named; None makes an attribute unknown, and a consent unset."""
    named = {"attributes": attributes, "consent": consent}
    body = {name: value for name, value in named.items() if value is not None}
    return Call("PATCH", "/v1/users/{user_id}", _parser(User), {"user_id": user_id}, body=body)


def merge_users(visitor: str, *, into: str) -> Call[Merged]:
    """Merges a visitor into a customer: the visitor's events count for the customer."""
    return Call("POST", "/v1/users:merge", _parser(Merged), body={"from": visitor, "into": into})


def unmerge_user(user_id: str) -> Call[Unmerged]:
    """Takes back the merge of that id: its events and facts return to it, also those that came later."""
    return Call("POST", "/v1/users:unmerge", _parser(Unmerged), body={"user_id": user_id}, is_repeatable=False)


def export_user(user_id: str) -> Call[Json]:
    """All data of the customer: record, events, what the release in service knows, logged answers."""
    return Call("GET", "/v1/users/{user_id}/export", json.loads, {"user_id": user_id})


def erase_user(user_id: str) -> Call[Erased]:
    """Erases the customer and the ids merged into them; the receipt says where traces are left."""
    return Call("DELETE", "/v1/users/{user_id}", _parser(Erased), {"user_id": user_id})


def receipt(receipt_id: str) -> Call[Erased]:
    """The receipt of an erasure or a merge, and the traces that are left now."""
    return Call("GET", "/v1/receipts/{receipt_id}", _parser(Erased), {"receipt_id": receipt_id})


def runs(job: str | None = None, newest: int = 20) -> Call[Runs]:
    """The newest runs of all jobs, or of one."""
    return Call("GET", "/v1/runs", _parser(Runs), query={"newest": newest} | ({"job": job} if job else {}))


def run(run_id: str) -> Call[Run]:
    """One run of a job, with the last lines of its log."""
    return Call("GET", "/v1/runs/{run_id}", _parser(Run), {"run_id": run_id})


def releases() -> Call[Json]:
    """The published releases under `releases`, the newest first, each with the verdict of the gate."""
    return Call("GET", "/v1/releases", json.loads)


def promote_release(version: str) -> Call[Json]:
    """Puts that release into service; `live` is the one that serves."""
    return Call("POST", "/v1/releases:promote", json.loads, body={"version": version}, timeout_s=LONG_TIMEOUT_S)


def roll_back(version: str | None = None) -> Call[Json]:
    """Goes back to that release, or to the one that was live before."""
    body = {"version": version}
    path, timeout_s = "/v1/releases:rollback", LONG_TIMEOUT_S
    return Call("POST", path, json.loads, body=body, is_repeatable=False, timeout_s=timeout_s)


def why(item_id: str, *, user_id: str | None = None, placement: str = "home", k: int = 10) -> Call[Why]:
    """Why the item is not in this customer's list, or at which place it stands."""
    query: dict[str, str | int | float | bool] = {"item_id": item_id, "placement": placement, "k": k}
    return Call("GET", "/v1/explain", _parser(Why), query=query if user_id is None else {**query, "user_id": user_id})


def why_in(ask: Ask, item_id: str) -> Call[Why]:
    """The same for a query with any fields."""
    return Call("POST", "/v1/explain", _parser(Why), body={"item_id": item_id, "ask": ask.body()})


def search_customers(
    where: Json | None = None,
    *,
    segment: str | None = None,
    order: str = "money",
    fields: Sequence[str] = (),
    limit: int = 50,
    offset: int = 0,
    reverse: bool = False,
) -> Call[FoundCustomers]:
    """The customers of a condition or a saved segment with their figures, the highest first, or the lowest."""
    body = {"order": order, "reverse": reverse, "fields": list(fields), "limit": limit, "offset": offset}
    body |= {name: value for name, value in (("where", where), ("segment", segment)) if value is not None}
    return Call("POST", "/v1/customers:search", _parser(FoundCustomers), body=body, timeout_s=LONG_TIMEOUT_S)


def segments() -> Call[ShopSegments]:
    """The saved segments."""
    return Call("GET", "/v1/segments", _parser(ShopSegments))


def put_segments(segments: Sequence[Json], *, if_digest: str | None = None) -> Call[ShopSegments]:
    """Replaces all segments; with `if_digest` only those of that digest."""
    headers = {} if if_digest is None else {"if-match": f'"{if_digest}"'}
    body, is_repeatable = {"segments": list(segments)}, if_digest is None
    return Call("PUT", "/v1/segments", _parser(ShopSegments), body=body, headers=headers, is_repeatable=is_repeatable)


def segment_versions() -> Call[SegmentVersions]:
    """All versions of the segments, the newest first."""
    return Call("GET", "/v1/segments/versions", _parser(SegmentVersions))


def segment_version(number: int) -> Call[ShopSegments]:
    """The segments of one version."""
    return Call("GET", "/v1/segments/versions/{version}", _parser(ShopSegments), {"version": str(number)})


def try_segment(where: Json | None = None, *, segment: str | None = None) -> Call[SegmentTrial]:
    """A preview of a condition or a saved segment: size, revenue, reach, overlap.  Nothing is stored."""
    body = {"segment": segment} if where is None else {"where": where}
    return Call("POST", "/v1/segments:try", _parser(SegmentTrial), body=body, timeout_s=LONG_TIMEOUT_S)


def live() -> Call[Json]:
    """Answers while the process runs."""
    return Call("GET", "/livez", json.loads)


def ready() -> Call[Json]:
    """Answers when recommendations can be given; `warnings` names what is wrong nevertheless."""
    return Call("GET", "/readyz", json.loads)


def version() -> Call[Json]:
    """The version of the software, and the model in service."""
    return Call("GET", "/version", json.loads)


def metrics() -> Call[str]:
    """The metrics for a Prometheus server."""
    return Call("GET", "/metrics", bytes.decode)


def _parser(model: type[M]) -> Callable[[bytes], M]:
    return model.model_validate_json


def _named(fields: Sequence[str]) -> dict[str, Value]:
    """The query parameter `fields`, left out where there are none."""
    return {"fields": ",".join(fields)} if fields else {}


def _without(model: RequestModel, left_out: str) -> dict[str, Any]:
    return {name: value for name, value in model.body().items() if name != left_out}


def _bodies(models: Sequence[RequestModel]) -> list[dict[str, Any]]:
    return [model.body() for model in models]

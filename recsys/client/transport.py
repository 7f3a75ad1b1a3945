"""Clients over HTTP: the same calls, blocking or awaited, with retries."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import Generic, ParamSpec, Self, TypeVar, overload

import httpx

from recsys.client import calls, campaign_calls, experiment_calls, judge_calls, kpi_calls, list_calls, promotion_calls
from recsys.client.call import Call
from recsys.client.errors import ApiError, Unreachable

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT_S = 2.0
TRIES = 3
FIRST_WAIT_S = 0.05
MAX_BACKOFF_S = 1.0
MAX_RETRY_AFTER_S = 5.0
RETRY_STATUSES = frozenset({429, 502, 503, 504})  # another try may succeed


class _Method(Generic[P, T]):
    """A method of both clients: it builds a call and sends it; that of `AsyncClient` is awaited."""

    def __init__(self, build: Callable[P, Call[T]]) -> None:
        self._build = build

    @overload
    def __get__(self, client: None, owner: type) -> Callable[P, Call[T]]: ...
    @overload
    def __get__(self, client: "Client", owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: type) -> Callable[P, Awaitable[T]]: ...

    def __get__(self, client: "Client | AsyncClient | None", owner: type) -> Callable[P, object]:
        build = self._build
        if client is None:
            return build

        @wraps(build)
        def method(*args: P.args, **kwargs: P.kwargs) -> object:
            return client.send(build(*args, **kwargs))

        return method


class _Methods:
    """The methods of both clients: one for each call."""

    recommendations = _Method(calls.recommendations)
    recommend = _Method(calls.recommend)
    rows = _Method(calls.rows)
    batch = _Method(calls.batch)
    rank = _Method(calls.rank)
    similar = _Method(calls.similar)
    audience = _Method(calls.audience)
    audience_where = _Method(calls.audience_where)
    similar_customers = _Method(calls.similar_customers)
    events = _Method(calls.events)
    facts = _Method(calls.facts)
    fact_summary = _Method(calls.fact_summary)
    put_items = _Method(calls.put_items)
    item = _Method(calls.item)
    put_item = _Method(calls.put_item)
    change_item = _Method(calls.change_item)
    delete_item = _Method(calls.delete_item)
    put_users = _Method(calls.put_users)
    user = _Method(calls.user)
    customer = _Method(calls.customer)
    needs = _Method(calls.needs)
    customer_changes = _Method(calls.customer_changes)
    customers_summary = _Method(calls.customers_summary)
    kpis = _Method(kpi_calls.kpis)
    cohorts = _Method(kpi_calls.cohorts)
    expected_units = _Method(kpi_calls.expected_units)
    pairs = _Method(kpi_calls.pairs)
    movers = _Method(kpi_calls.movers)
    search_items = _Method(kpi_calls.search_items)
    put_user = _Method(calls.put_user)
    change_user = _Method(calls.change_user)
    merge_users = _Method(calls.merge_users)
    unmerge_user = _Method(calls.unmerge_user)
    export_user = _Method(calls.export_user)
    erase_user = _Method(calls.erase_user)
    receipt = _Method(calls.receipt)
    experiments = _Method(experiment_calls.experiments)
    experiment = _Method(experiment_calls.experiment)
    experiment_result = _Method(experiment_calls.experiment_result)
    settings = _Method(judge_calls.settings)
    evaluations = _Method(judge_calls.evaluations)
    evaluation_page = _Method(judge_calls.evaluation_page)
    evaluate_answers = _Method(judge_calls.evaluate_answers)
    verdicts = _Method(judge_calls.verdicts)
    verdict_page = _Method(judge_calls.verdict_page)
    try_experiment = _Method(experiment_calls.try_experiment)
    start_experiment = _Method(experiment_calls.start_experiment)
    stop_experiment = _Method(experiment_calls.stop_experiment)
    runs = _Method(calls.runs)
    run = _Method(calls.run)
    releases = _Method(calls.releases)
    promote_release = _Method(calls.promote_release)
    roll_back = _Method(calls.roll_back)
    why = _Method(calls.why)
    why_in = _Method(calls.why_in)
    search_customers = _Method(calls.search_customers)
    segments = _Method(calls.segments)
    put_segments = _Method(calls.put_segments)
    segment_versions = _Method(calls.segment_versions)
    segment_version = _Method(calls.segment_version)
    try_segment = _Method(calls.try_segment)
    promotions = _Method(promotion_calls.promotions)
    put_promotions = _Method(promotion_calls.put_promotions)
    try_promotions = _Method(promotion_calls.try_promotions)
    promotion_versions = _Method(promotion_calls.promotion_versions)
    promotion_version = _Method(promotion_calls.promotion_version)
    offers = _Method(promotion_calls.offers)
    promotion_uses = _Method(promotion_calls.promotion_uses)
    bundles = _Method(promotion_calls.bundles)
    upsell = _Method(promotion_calls.upsell)
    offer_table = _Method(promotion_calls.offer_table)
    promotion_effect = _Method(promotion_calls.promotion_effect)
    coupon_responses = _Method(promotion_calls.coupon_responses)
    loyalty = _Method(promotion_calls.loyalty)
    campaigns = _Method(campaign_calls.campaigns)
    mailings = _Method(campaign_calls.mailings)
    campaign = _Method(campaign_calls.campaign)
    campaign_result = _Method(campaign_calls.campaign_result)
    holdout_result = _Method(campaign_calls.holdout_result)
    plan_campaign = _Method(campaign_calls.plan_campaign)
    try_campaign = _Method(campaign_calls.try_campaign)
    draw_campaign = _Method(campaign_calls.draw_campaign)
    export_campaign = _Method(campaign_calls.export_campaign)
    campaign_csv = _Method(campaign_calls.campaign_csv)
    close_campaign = _Method(campaign_calls.close_campaign)
    placements = _Method(list_calls.placements)
    rules = _Method(list_calls.rules)
    put_rules = _Method(list_calls.put_rules)
    rule_versions = _Method(list_calls.rule_versions)
    rule_version = _Method(list_calls.rule_version)
    try_rules = _Method(list_calls.try_rules)
    list_rates = _Method(list_calls.list_rates)
    live = _Method(calls.live)
    ready = _Method(calls.ready)
    version = _Method(calls.version)
    metrics = _Method(calls.metrics)


class Client(_Methods):
    """Client of one service, for several threads; it keeps its connections.  Close it, or use `with`.

    Every method raises ApiError when the service refuses, Unreachable when no answer came.  A call that may be repeated
    is tried `tries` times, with growing waits or those of `Retry-After`, at most five seconds.
    """

    def __init__(self, url: str, key: str | None = None, *, timeout_s: float = TIMEOUT_S, tries: int = TRIES) -> None:
        self._http = httpx.Client(base_url=url, headers=_headers(key), timeout=timeout_s)
        self._tries = tries

    def send(self, call: Call[T]) -> T:
        """The parsed answer of the call."""
        for left in reversed(range(self._tries)):
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = self._http.send(_request(self._http, call))
            except httpx.TransportError as error:
                outcome = error
            result = _result(call, outcome, self._tries - left, left)
            if not isinstance(result, _Wait):
                return result
            time.sleep(result.seconds)
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Methods):
    """The same client for asyncio; belongs to one event loop.  Close it, or use `async with`.

    transport: how requests travel, such as to an application in the same process.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        tries: int = TRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(key), timeout=timeout_s, transport=transport)
        self._tries = tries

    async def send(self, call: Call[T]) -> T:
        """The parsed answer of the call."""
        for left in reversed(range(self._tries)):
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = await self._http.send(_request(self._http, call))
            except httpx.TransportError as error:
                outcome = error
            result = _result(call, outcome, self._tries - left, left)
            if not isinstance(result, _Wait):
                return result
            await asyncio.sleep(result.seconds)
        raise AssertionError("the last try returns or raises")

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


@dataclass(frozen=True, slots=True)
class _Wait:
    """Before another try."""

    seconds: float


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def _request(http: httpx.Client | httpx.AsyncClient, call: Call[T]) -> httpx.Request:
    timeout = httpx.USE_CLIENT_DEFAULT if call.timeout_s is None else call.timeout_s
    is_text = isinstance(call.body, str)
    content, body = (call.body.encode(), None) if is_text else (None, call.body)
    headers = {**call.headers, "content-type": "application/toml"} if is_text else call.headers
    return http.build_request(
        call.method, call.path, params=call.query, content=content, json=body, headers=headers, timeout=timeout
    )


def _result(call: Call[T], outcome: httpx.Response | httpx.TransportError, tried: int, left: int) -> "T | _Wait":
    """The parsed answer, or the wait before another try.  Raises ApiError, Unreachable."""
    if isinstance(outcome, httpx.TransportError):
        never_arrived = isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout)
        if left and (call.is_repeatable or never_arrived):
            return _Wait(_wait_s(tried, None))
        problem = f"no answer after {tried} tries ({type(outcome).__name__}: {outcome})"
        raise Unreachable(f"{call.method} {call.template}: {problem}") from outcome
    if outcome.is_success:
        return call.read(outcome.content)
    if left and call.is_repeatable and outcome.status_code in RETRY_STATUSES:
        return _Wait(_wait_s(tried, outcome.headers.get("retry-after")))
    raise _refusal(outcome)


def _wait_s(tried: int, retry_after: str | None) -> float:
    if retry_after is not None and retry_after.isdigit():
        return min(float(retry_after), MAX_RETRY_AFTER_S)
    spread = 0.5 + random.random()  # nosec B311 # a wait, no secret; so that clients do not return all at once
    return min(FIRST_WAIT_S * float(2 ** (tried - 1)), MAX_BACKOFF_S) * spread


def _refusal(response: httpx.Response) -> ApiError:
    request_id = response.headers.get("x-request-id")
    try:
        body = response.json()["error"]
        return ApiError(response.status_code, body["code"], body["message"], body["details"], request_id)
    except (ValueError, KeyError, TypeError):  # a proxy or a load balancer answered
        return ApiError(response.status_code, "http_error", response.text[:200], (), request_id)

"""The two clients: the same calls, sent and waited for, or sent and awaited."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import update_wrapper
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import httpx

from recsys.client import calls
from recsys.client.calls import Call
from recsys.client.errors import ApiError, Unreachable

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT_S = 2.0
TRIES = 3
FIRST_WAIT_S = 0.05
MOST_OWN_WAIT_S = 1.0
LONGEST_WAIT_S = 5.0
COMES_BACK = frozenset({429, 502, 503, 504})  # another try may be answered


def _waited(make: Callable[P, Call[T]]) -> "Callable[Concatenate[Client, P], T]":
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(make(*args, **kwargs))

    update_wrapper(method, make)
    return method


def _awaited(make: Callable[P, Call[T]]) -> "Callable[Concatenate[AsyncClient, P], Awaitable[T]]":
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(make(*args, **kwargs))

    update_wrapper(method, make)
    return method


class Client:
    """Of one service; keeps its connections, and may be used by several threads.  Close it, or use `with`.

    Every method raises ApiError when the service refuses, Unreachable when no answer came.  What may be repeated is
    tried `tries` times, with growing waits, or as long as the service says (`Retry-After`), up to five seconds.
    """

    def __init__(self, url: str, key: str | None = None, *, timeout_s: float = TIMEOUT_S, tries: int = TRIES) -> None:
        self._http = httpx.Client(base_url=url, headers=_headers(key), timeout=timeout_s)
        self._tries = tries

    def send(self, call: Call[T]) -> T:
        """What the call answers."""
        for left in reversed(range(self._tries)):
            try:
                response = self._http.send(_request(self._http, call))
            except httpx.TransportError as error:
                wait_s = _after_failure(call, error, self._tries - left, left)
            else:
                found = _after_answer(call, response, self._tries - left, left)
                if not isinstance(found, _Wait):
                    return found
                wait_s = found.seconds
            time.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    recommendations = _waited(calls.recommendations)
    recommend = _waited(calls.recommend)
    rows = _waited(calls.rows)
    batch = _waited(calls.batch)
    rank = _waited(calls.rank)
    similar = _waited(calls.similar)
    audience = _waited(calls.audience)
    audience_where = _waited(calls.audience_where)
    similar_customers = _waited(calls.similar_customers)
    events = _waited(calls.events)
    put_items = _waited(calls.put_items)
    item = _waited(calls.item)
    put_item = _waited(calls.put_item)
    change_item = _waited(calls.change_item)
    delete_item = _waited(calls.delete_item)
    put_users = _waited(calls.put_users)
    user = _waited(calls.user)
    put_user = _waited(calls.put_user)
    change_user = _waited(calls.change_user)
    merge_users = _waited(calls.merge_users)
    export_user = _waited(calls.export_user)
    erase_user = _waited(calls.erase_user)
    receipt = _waited(calls.receipt)
    why = _waited(calls.why)
    why_in = _waited(calls.why_in)
    rules = _waited(calls.rules)
    put_rules = _waited(calls.put_rules)
    rule_versions = _waited(calls.rule_versions)
    rule_version = _waited(calls.rule_version)
    try_rules = _waited(calls.try_rules)
    live = _waited(calls.live)
    ready = _waited(calls.ready)
    version = _waited(calls.version)
    metrics = _waited(calls.metrics)


class AsyncClient:
    """The same for code that awaits; belongs to one event loop.  Close it, or use `async with`."""

    def __init__(self, url: str, key: str | None = None, *, timeout_s: float = TIMEOUT_S, tries: int = TRIES) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(key), timeout=timeout_s)
        self._tries = tries

    async def send(self, call: Call[T]) -> T:
        """What the call answers."""
        for left in reversed(range(self._tries)):
            try:
                response = await self._http.send(_request(self._http, call))
            except httpx.TransportError as error:
                wait_s = _after_failure(call, error, self._tries - left, left)
            else:
                found = _after_answer(call, response, self._tries - left, left)
                if not isinstance(found, _Wait):
                    return found
                wait_s = found.seconds
            await asyncio.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    recommendations = _awaited(calls.recommendations)
    recommend = _awaited(calls.recommend)
    rows = _awaited(calls.rows)
    batch = _awaited(calls.batch)
    rank = _awaited(calls.rank)
    similar = _awaited(calls.similar)
    audience = _awaited(calls.audience)
    audience_where = _awaited(calls.audience_where)
    similar_customers = _awaited(calls.similar_customers)
    events = _awaited(calls.events)
    put_items = _awaited(calls.put_items)
    item = _awaited(calls.item)
    put_item = _awaited(calls.put_item)
    change_item = _awaited(calls.change_item)
    delete_item = _awaited(calls.delete_item)
    put_users = _awaited(calls.put_users)
    user = _awaited(calls.user)
    put_user = _awaited(calls.put_user)
    change_user = _awaited(calls.change_user)
    merge_users = _awaited(calls.merge_users)
    export_user = _awaited(calls.export_user)
    erase_user = _awaited(calls.erase_user)
    receipt = _awaited(calls.receipt)
    why = _awaited(calls.why)
    why_in = _awaited(calls.why_in)
    rules = _awaited(calls.rules)
    put_rules = _awaited(calls.put_rules)
    rule_versions = _awaited(calls.rule_versions)
    rule_version = _awaited(calls.rule_version)
    try_rules = _awaited(calls.try_rules)
    live = _awaited(calls.live)
    ready = _awaited(calls.ready)
    version = _awaited(calls.version)
    metrics = _awaited(calls.metrics)


class _Wait:
    """Try again after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def _request(http: httpx.Client | httpx.AsyncClient, call: Call[T]) -> httpx.Request:
    timeout = httpx.USE_CLIENT_DEFAULT if call.timeout_s is None else call.timeout_s
    return http.build_request(
        call.method, call.path, params=call.query, json=call.body, headers=call.headers, timeout=timeout
    )


def _after_answer(call: Call[T], response: httpx.Response, tried: int, left: int) -> "T | _Wait":
    """What the answer says, or that another try is worth while.  Raises ApiError."""
    if response.is_success:
        return call.read(response.content)
    if left and call.is_repeatable and response.status_code in COMES_BACK:
        return _Wait(_wait_s(tried, response.headers.get("retry-after")))
    raise _refusal(response)


def _after_failure(call: Call[T], error: httpx.TransportError, tried: int, left: int) -> float:
    """Seconds until another try is worth while.  Raises Unreachable."""
    never_arrived = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    if left and (call.is_repeatable or never_arrived):
        return _wait_s(tried, None)
    said = f"{call.method} {call.template}: no answer after {tried} tries ({type(error).__name__}: {error})"
    raise Unreachable(said) from error


def _wait_s(tried: int, retry_after: str | None) -> float:
    if retry_after is not None and retry_after.isdigit():
        return min(float(retry_after), LONGEST_WAIT_S)
    return min(FIRST_WAIT_S * float(2 ** (tried - 1)), MOST_OWN_WAIT_S) * (
        0.5 + random.random()  # nosec B311 # a wait, no secret
    )  # spread: not all come back at once


def _refusal(response: httpx.Response) -> ApiError:
    request_id = response.headers.get("x-request-id")
    try:
        told = response.json()["error"]
        return ApiError(response.status_code, told["code"], told["message"], told["details"], request_id)
    except (ValueError, KeyError, TypeError):  # somebody between us answered: a proxy, a load balancer
        return ApiError(response.status_code, "http_error", response.text[:200], (), request_id)

"""A shop whose customers have nothing in common, and clients a third of which disconnect during a request."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from recsys.testing import NOW
from recsys.time_units import DAY_MS
from tests.bench.client import length_of
from tests.homes import publish_live

N_CUSTOMERS, N_OWN, N_WEEKS = 60, 4, 8
SMALL_BATCH, LARGE_BATCH = 3, 200  # the answer to a large one takes a while to write
HANGS_UP = 1 / 3
RESET = struct.pack("ii", 1, 0)  # close sends no FIN, as when a phone loses its network

ItemIds = tuple[str, ...]


def customer(n: int) -> str:
    return f"c{n:03}"


def trained_shop(home: Path) -> Path:
    """A home in which each customer buys items every week that no other customer buys."""
    store = open_store(home, None)
    whose = [(customer(n), f"{customer(n)}-{own}", own) for n in range(N_CUSTOMERS) for own in range(N_OWN)]
    store.append([_purchase(user_id, item_id, week) for week in range(N_WEEKS) for user_id, item_id, _ in whose])
    store.put_items([Item(item_id, name=item_id, category=f"kind-{own}", price=1.0 + own) for _, item_id, own in whose])
    publish_live(store, home)
    store.close()
    return home


def _purchase(user_id: str, item_id: str, week: int) -> Event:
    order = f"{user_id}-{week}"
    at_ms = int((NOW - 7 * week) * DAY_MS)
    return Event(f"{order}-{item_id}", user_id, item_id, Kind.PURCHASE, at_ms, 1.0, 1.0, order)


@dataclass(frozen=True, slots=True)
class Question:
    """One request: its customers in order; none when it sends an event.  is_hasty: with a timeout."""

    sent: bytes
    request_id: str
    user_ids: tuple[str, ...]
    is_hasty: bool = False


def question(rng: Random, number: int) -> Question:
    """A random request of a storefront, for random customers."""
    user_id = customer(rng.randrange(N_CUSTOMERS))
    request_id = f"{user_id}.{number}"
    what = rng.random()
    if what < 0.5:
        path = f"/v1/users/{user_id}/recommendations?k={rng.randint(1, N_OWN)}&placement=buy-again"
        return Question(_raw("GET", path, request_id), request_id, (user_id,))
    if what < 0.6:
        timeout = b"X-Timeout-Ms: %d\r\n" % rng.randint(1, 20)
        path = f"/v1/users/{user_id}/recommendations?k={rng.randint(1, N_OWN)}&placement=buy-again"
        return Question(_raw("GET", path, request_id, more=timeout), request_id, (user_id,), is_hasty=True)
    if what < 0.8:
        sent = _raw("POST", "/v1/recommendations", request_id, _ask(user_id, rng))
        return Question(sent, request_id, (user_id,))
    if what < 0.9:
        event = {"user_id": user_id, "item_id": f"{user_id}-0", "kind": "impression"}
        return Question(_raw("POST", "/v1/events", request_id, event), request_id, ())
    n = LARGE_BATCH if rng.random() < 0.05 else SMALL_BATCH
    user_ids = tuple(customer(rng.randrange(N_CUSTOMERS)) for _ in range(n))
    queries = [_ask(user_id, rng) for user_id in user_ids]
    return Question(_raw("POST", "/v1/recommendations:batch", request_id, queries), request_id, user_ids)


def _ask(user_id: str, rng: Random) -> dict[str, object]:
    return {"user_id": user_id, "placement": "buy-again", "k": rng.randint(1, N_OWN), "exclude": ["nothing"]}


def _raw(method: str, path: str, request_id: str, body: object = None, more: bytes = b"") -> bytes:
    sent = b"" if body is None else orjson.dumps(body)
    head = f"{method} {path} HTTP/1.1\r\nHost: shop\r\nX-Request-ID: {request_id}\r\nContent-Length: {len(sent)}\r\n"
    return head.encode() + more + b"\r\n" + sent


def strangers(question: Question, head: bytes, body: bytes) -> list[str]:
    """The problems of an answer: data of another customer, or missing data of this one."""
    wrong = [] if f"x-request-id: {question.request_id}\r\n".encode() in head + b"\r\n" else [f"headers: {head!r}"]
    document = orjson.loads(body)
    if not question.user_ids:
        return wrong if document["accepted"] == 1 else [*wrong, f"answer: {body!r}"]
    if document["request_id"] != question.request_id:
        wrong.append(f"request id {document['request_id']}")
    answers = [part["answer"] for part in document["answers"]] if "answers" in document else [document]
    if len(answers) != len(question.user_ids):
        wrong.append(f"{len(answers)} answers")
    for user_id, answer in zip(question.user_ids, answers, strict=False):
        wrong += [f"{what} in a list for {user_id}" for what in _of_others(user_id, answer, question.is_hasty)]
    return wrong


def _of_others(user_id: str, answer: dict[str, Any], is_hasty: bool) -> list[str]:
    """Ids of items of another customer.  A degraded list may hold what every customer may see."""
    if is_hasty and answer["fallback"] == "popular":
        item_ids = [item_id for item in answer["items"] for item_id in item["reason"]["because"]]
    else:
        item_ids = [text for item in answer["items"] for text in (item["item_id"], *item["reason"]["because"])]
    return [item_id for item_id in item_ids if not item_id.startswith(f"{user_id}-")]


class Crowd:
    """Clients of one service, each with a connection of its own, that send one request after the other."""

    def __init__(self, port: int, n_questions: int, seed: int = 0) -> None:
        self._port = port
        self._left = n_questions
        self._rng = Random(seed)
        self.statuses: Counter[str] = Counter()
        self.hung_up: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def ask(self, at_once: int) -> None:
        await asyncio.gather(*(self._client() for _ in range(at_once)))

    async def _client(self) -> None:
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while self._left > 0:
            line = line or await asyncio.open_connection("127.0.0.1", self._port)
            query = self._questions()
            if self._rng.random() < HANGS_UP:
                await self._hang_up(*line, query)
                line = None
            else:
                await self._hear(*line, query)
        if line is not None:
            line[1].close()

    def _questions(self) -> Sequence[Question]:
        """One request, or now and then two on one connection before the first is answered."""
        n = 2 if self._rng.random() < 0.1 else 1
        self._left -= n
        return [question(self._rng, self._left + k) for k in range(n)]

    async def _hear(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, questions: Sequence[Question]
    ) -> None:
        writer.write(b"".join(entry.sent for entry in questions))
        for entry in questions:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(length_of(head.lower()))
            status = head[9:12].decode()
            self.statuses[status] += 1
            self.wrong += strangers(entry, head, body) if status[0] == "2" else [f"{status}: {body!r}"]

    async def _hang_up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, questions: Sequence[Question]
    ) -> None:
        sent = b"".join(entry.sent for entry in questions)
        where = self._rng.choice(("while sending", "before the answer", "in the answer"))
        self.hung_up[where] += len(questions)
        with suppress(ConnectionError):  # the service may close first
            if where == "while sending":
                writer.write(sent[: self._rng.randrange(1, len(sent))])
                await asyncio.sleep(self._rng.choice((0.0, 0.002)))
            elif where == "before the answer":
                writer.write(sent)
                await asyncio.sleep(self._rng.choice((0.0, 0.0005, 0.002)))
            else:
                writer.write(sent)
                await reader.read(self._rng.randrange(1, 400))
        self._go(writer)

    def _go(self, writer: asyncio.StreamWriter) -> None:
        if self._rng.random() < 0.5:
            line = writer.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()

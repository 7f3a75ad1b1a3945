"""Hostile requests: bodies, ids, times, numbers and queries that nobody should send, each with a name and status."""

import gzip
import json
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

REFUSED = frozenset({400, 404, 413, 422})
TAKEN = frozenset({200, 202})
EITHER = REFUSED | TAKEN  # odd but well-formed, or harmless: only a fault of the service is wrong


class Hostile(NamedTuple):
    """One request, and the statuses that are right for it."""

    name: str
    method: str
    path: str
    body: bytes = b""
    expected: frozenset[int] = REFUSED
    headers: tuple[tuple[str, str], ...] = ()


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "a NUL": b"\x00",
    "bytes that are no text": bytes(range(256)),
    "UTF-16": '{"user_id": "u"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a cut character": b'{"user_id": "\xe2\x82"}',
    "an overlong NUL": b'{"user_id": "\xc0\x80"}',
    "a raw line end in a text": b'{"user_id": "a\nb"}',
    "half a surrogate": b'{"user_id": "\\ud800", "item_id": "i", "kind": "view"}',
    "an unknown escape": b'{"user_id": "\\x41"}',
    "a cut escape": b'{"user_id": "\\u12',
    "an open text": b'{"user_id": "',
    "an open list": b"[",
    "a closed list": b"]",
    "a comma too many": b'{"user_id": "u",}',
    "two values": b"{} {}",
    "a comment": b"{/* */}",
    "single quotes": b"{'user_id': 'u'}",
    "a name without quotes": b'{user_id: "u"}',
    "not a number": b'{"price": NaN}',
    "infinity": b'{"price": Infinity}',
    "minus infinity": b'{"price": -Infinity}',
    "hexadecimal": b'{"price": 0x10}',
    "a leading zero": b'{"price": 01}',
    "a plus": b'{"price": +1}',
    "a point without digits": b'{"price": 1.}',
    "100,000 lists deep": b"[" * 100_000,
    "100,000 lists deep, closed": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "5,000 digits": b'{"price": ' + b"9" * 5_000 + b"}",
    "a megabyte and a bit": b'{"user_id": "' + b"x" * 1_100_000 + b'"}',
    "a number alone": b"7",
    "a text alone": b'"events"',
    "true alone": b"true",
    "null alone": b"null",
    "a list of null": b"[null]",
    "a list of lists": b"[[[]]]",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "a form": b"user_id=u&item_id=i&kind=view",
    "two bodies": b'{"user_id":"u"}\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n',
    "a prototype": b'{"__proto__": {"user_id": "u"}, "constructor": 1}',
    "a list that calls itself events": b'{"events": {"events": []}, "items": []}',
    "a gzip bomb": gzip.compress(b"0" * 50_000_000, 9),
}
READERS = ("/v1/events", "/v1/items", "/v1/recommendations")

TEXTS: dict[str, str] = {
    "an end of line": "a\r\nSet-Cookie: b=c",
    "a NUL": "a\x00b",
    "a delete": "a\x7f",
    "a tab": "\t",
    "513 characters": "x" * 513,
    "a megabyte": "x" * 1_000_000,
    "nothing": "",
}
ODD_TEXTS: dict[str, str] = {
    "512 characters": "é" * 512,
    "SQL": "'; DROP TABLE events; --",
    "SQL that is true": '" OR 1=1 --',
    "a path": "../../../../etc/passwd",
    "a path of Windows": "..\\..\\boot.ini",
    "a mark-up": "<script>alert(1)</script>",
    "a template": "{{7*7}}${7*7}#{7*7}",
    "a look-up": "${jndi:ldap://127.0.0.1/a}",
    "a format": "%s%n%x{0.__class__}",
    "an escape": "%00%0d%0a%2e%2e%2f",
    "right to left": "\u202etxt.exe",
    "no width": "\u200b\ufeff",
    "line separators": "a\u2028b\u2029c\x85d",
    "combining marks": "e" + "\u0301" * 200,
    "a private character": "\U0010ffff",
    "not a character": "\uffff",
    "an emoji": "👩‍👩‍👧‍👦",
    "blanks": "   ",
    "a word of JSON": "null",
    "a number": "-0",
    "a key of a cache": "recsys:answer:1:*",
    "a glob": "*",
    "an item of a list": "a,b;c|d",
}
NO_TEXTS: dict[str, object] = {
    "0": 0,
    "-1": -1,
    "1.5": 1.5,
    "true": True,
    "null": None,
    "a list": ["u"],
    "an object": {"$ne": ""},
    "a large number": 2**70,
}
TIMES: dict[str, object] = {
    "before all": -(2**63),
    "after all": 2**63,
    "seconds for milliseconds": 1_700_000_000,
    "tomorrow": "2999-01-01T00:00:00Z",
    "the last day, west": "9999-12-31T23:59:59.999999-23:59",
    "the first day, east": "0001-01-01T00:00:00+23:59",
    "the first day": "0001-01-01",
    "the thirtieth of February": "2024-02-30T00:00:00Z",
    "hour 25": "2024-01-01T25:00:00Z",
    "a word": "now",
    "nothing": "",
    "a fraction": 1.5,
    "true": True,
    "an offset of days": "2024-01-01T00:00:00+99:99",
    "a NUL": "2024-01-01\x00",
    "a week": "2024-W99-9",
    "a list": [2024, 1, 1],
}
NUMBERS: dict[str, str] = {
    "1e400": "1e400",
    "-1e400": "-1e400",
    "beyond all prices": "1000000001",
    "below nothing": "-0.01",
    "a text": '"1"',
    "true": "true",
    "a list": "[1]",
    "an object": "{}",
    "400 digits": "9" * 400,
}
ARGUMENTS = (
    *(
        "k=0",
        "k=-1",
        "k=101",
        "k=1.5",
        "k=1e2",
        "k=",
        "k=abc",
        "k=NaN",
        "k=99999999999999999999999",
        "k=%00",
        "k=1&k=x",
    ),
    *("k=٣٣٣٣", "placement=", "placement=%00", "placement=%ff", "placement=../home", "placement=" + "x" * 1_001),
    *("placement=%0d%0aX-Evil:1", "placement=home'--", "k[]=1&k=0", "k=0x10"),
)
HARMLESS = ("", "&&&", "nonsense=1", "%", "k", "=", "a=b" * 300, "k=10%20", "k=+5", "k=05")


def hostile() -> Iterator[Hostile]:
    """All hostile requests."""
    yield from _bodies()
    yield from _events()
    yield from _questions()
    yield from _items()
    yield from _paths()


def _bodies() -> Iterator[Hostile]:
    for name, body in BODIES.items():
        headers = (("content-encoding", "gzip"),) if "gzip" in name else ()
        for path in READERS:
            yield Hostile(f"{path}: {name}", "POST", path, body, REFUSED, headers)
    double = b'{"user_id": "a", "user_id": "b", "item_id": "i", "kind": "view"}'
    yield Hostile("an event with two customers", "POST", "/v1/events", double, EITHER)
    small = b'{"user_id": "u", "item_id": "i", "kind": "view", "price": 1e-400}'
    yield Hostile("an event that costs almost nothing", "POST", "/v1/events", small, EITHER)
    many = b"[" + b",".join([b"{}"] * 1_001) + b"]"
    yield Hostile("more events than one request may hold", "POST", "/v1/events", many)


def _events() -> Iterator[Hostile]:
    def event(field: str, value: object) -> bytes:
        return json.dumps({"user_id": "u", "item_id": "i", "kind": "view"} | {field: value}).encode()

    for field in ("user_id", "item_id", "event_id"):
        for name, text in TEXTS.items():
            yield Hostile(f"{field} of an event: {name}", "POST", "/v1/events", event(field, text))
    for field in ("user_id", "event_id"):
        for name, text in ODD_TEXTS.items():
            yield Hostile(f"{field} of an event: {name}", "POST", "/v1/events", event(field, text + field), EITHER)
    for name, value in NO_TEXTS.items():
        expected = EITHER if isinstance(value, int) and not isinstance(value, bool) else REFUSED
        yield Hostile(f"user_id of an event: {name}", "POST", "/v1/events", event("user_id", value), expected)
        yield Hostile(f"kind of an event: {name}", "POST", "/v1/events", event("kind", value))
    for name, value in TIMES.items():
        yield Hostile(f"time of an event: {name}", "POST", "/v1/events", event("at", value))
    for name, number in NUMBERS.items():
        for field in ("quantity", "price"):
            body = f'{{"user_id": "u", "item_id": "i", "kind": "purchase", "{field}": {number}}}'.encode()
            yield Hostile(f"{field} of an event: {name}", "POST", "/v1/events", body)


def _questions() -> Iterator[Hostile]:
    path = "/v1/recommendations"
    for name, text in TEXTS.items():
        yield Hostile(f"who asks: {name}", "POST", path, json.dumps({"user_id": text}).encode())
        yield Hostile(f"what is looked at: {name}", "POST", path, json.dumps({"context": [text]}).encode())
    for name, text in ODD_TEXTS.items():
        taken = REFUSED if name in ("no width", "blanks") else TAKEN  # nothing is left of such an id
        yield Hostile(f"who asks: {name}", "POST", path, json.dumps({"user_id": text}).encode(), taken)
        yield Hostile(f"where: {name}", "POST", path, json.dumps({"placement": text}).encode())
        yield Hostile(f"not this: {name}", "POST", path, json.dumps({"exclude": [text]}).encode(), TAKEN)
    for name, number in NUMBERS.items():
        for field in ("k", "filters"):
            yield Hostile(f"{field}: {name}", "POST", path, f'{{"{field}": {number}}}'.encode(), EITHER)
        body = f'{{"filters": {{"price_from": {number}}}}}'.encode()
        yield Hostile(f"a lowest price: {name}", "POST", path, body, EITHER)
    for name, value in TIMES.items():
        body = json.dumps({"session": [{"item_id": "i", "at": value}]}).encode()
        yield Hostile(f"time of a visit: {name}", "POST", path, body, EITHER)
    yield Hostile("too many items looked at", "POST", path, json.dumps({"context": ["i"] * 201}).encode())
    yield Hostile("too many names", "POST", path, json.dumps({"exclude": ["i"] * 1_001}).encode())
    yield Hostile("an argument nobody knows", "POST", path, b'{"user": "u"}')


def _items() -> Iterator[Hostile]:
    path = "/v1/items/hostile"
    for name, value in TIMES.items():
        yield Hostile(f"until when: {name}", "PUT", path, json.dumps({"available_until": value}).encode(), EITHER)
    for name, number in NUMBERS.items():
        yield Hostile(f"stock: {name}", "PATCH", path, f'{{"stock": {number}}}'.encode())
    for name, text in ODD_TEXTS.items():
        yield Hostile(f"name: {name}", "PUT", path, json.dumps({"name": text}).encode(), TAKEN)
    deep = b'{"attributes": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}"
    yield Hostile("attributes 300 deep", "PUT", path, deep)
    yield Hostile("201 attributes", "PUT", path, json.dumps({"attributes": {str(n): n for n in range(201)}}).encode())
    yield Hostile("a name with a NUL", "PUT", path, json.dumps({"name": "a\0b"}).encode())
    yield Hostile("half a surrogate", "PUT", path, b'{"name": "\\udfff"}')
    yield Hostile("half a surrogate in an attribute", "PUT", path, b'{"attributes": {"\\ud800": "x"}}')
    yield Hostile(
        "over before it begins", "PUT", path, b'{"available_from": "2030-01-01", "available_until": "2020-01-01"}'
    )


def _paths() -> Iterator[Hostile]:
    for name, text in {**TEXTS, **ODD_TEXTS}.items():
        if len(text) < 10_000:
            expected = EITHER if name in ODD_TEXTS else REFUSED
            yield Hostile(f"a path: {name}", "GET", f"/v1/users/{quote(text, safe='')}/recommendations", b"", expected)
            yield Hostile(f"an item: {name}", "GET", f"/v1/items/{quote(text, safe='')}")
    for query in ARGUMENTS:
        yield Hostile(f"?{query[:40]}", "GET", f"/v1/users/u/recommendations?{query}")
    for query in HARMLESS:
        yield Hostile(f"?{query[:40]}", "GET", f"/v1/users/u/recommendations?{query}", b"", EITHER)
    for path in ("/v1/users/%ff/recommendations", "/v1/items/%c0%80", "/v1/items/%ed%a0%80/similar", "/%f0%28%8c%bc"):
        yield Hostile(f"no UTF-8: {path}", "GET", path)
    for path in (
        "/..%2f..%2fetc/passwd",
        "//v1/items/x",
        "/v1/items/",
        "/v1//events",
        "/.git/config",
        "/v1/items/x/../y",
    ):
        yield Hostile(f"a path that is none: {path}", "GET", path)

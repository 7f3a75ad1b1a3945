"""Requests for lists and events, plain and unusual, and the scope that a connection makes of them."""

from urllib.parse import unquote

from api.middleware.path_ids import keep_escaped_slashes

PLAIN = [
    "/v1/users/user-002/recommendations",
    "/v1/users/user-002/recommendations?k=10",
    "/v1/users/user-002/recommendations?placement=home",
    "/v1/users/user-002/recommendations?k=3&placement=buy-again",
    "/v1/items/item-001/similar",
    "/v1/items/item-001/similar?k=3",
]
UNUSUAL = [
    "/v1/users/user-002/recommendations?placement=home&k=10",
    "/v1/users/user-002/recommendations?&k=10",
    "/v1/users/user-002/recommendations?k=10placement=home",
    "/v1/users/user-002/recommendations?k=101",
    "/v1/users/user-002/recommendations?k=0",
    "/v1/users/user-002/recommendations?k=1&k=2",
    "/v1/users/user-002/recommendations?k=%31",
    "/v1/users//recommendations",
    "/v1/users/user-002/recommendations?k=3&",
    "/v1/users/user-002/recommendations/",
    "/v1/users/user-002/recommendations?placement=HOME",
    "/v1/users/user-002/recommendations?nonsense=1",
    "/v1/users/user-002/recommendations?kk=5",
    "/v1/users/user-002%2Frecommendations",
    "/v1/users/user-002%2frecommendations/recommendations",
    "/v1/users/user-002/recommendations?k=5&_=1790000000",
    "/v1/items/item-001/similar?placement=home",
    "/v1/items/item-001/similar?where=price%3E1",
    "/v1/items/item-001%2Fsimilar/similar",
]
UNKNOWN = ["/v1/users/user-002/recommendations?placement=nowhere", "/v1/items/nothing/similar"]


BODIES = [
    b'{"user_id": "u", "item_id": "i", "kind": "dance"}',
    b'[{"event_id": "e", "user_id": "u", "item_id": "i", "kind": "view"}, 7]',
    b"",
    b"[]",
    b"{",
]


QUERIES = [
    b'{"user_id": "user-002", "k": 3, "filters": {"category_in": ["category-1"]}}',
    b'{"user_id": "user-002", "session": ["item-001"], "max_per": {"brand": 1}}',
    b'{"user_id": "user-002", "rows": true}',
    b'{"user_id": "user-002", "explain": true, "rotate": true}',
    b'{"placement": "nowhere"}',
    b'{"filters": {"where": {"nothing": 1}}}',
    b'{"k": 0}',
    b"",
    b"{",
]


def scope_of(url: str, **headers: str) -> dict[str, object]:
    path, _, query = url.partition("?")
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in ({"host": "shop"} | headers).items()]
    scope = {"path": unquote(path), "raw_path": path.encode(), "method": "GET", "query_string": query.encode()}
    keep_escaped_slashes(scope)
    return {**scope, "headers": pairs}

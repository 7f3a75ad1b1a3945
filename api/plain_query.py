"""Plain query bodies: the checked form of arguments that many customers share is kept, so that only ids are checked.

A shop sends the same filters for one customer after the other, and the schema takes longer than some lists do.
"""

import re
from functools import lru_cache

import orjson

from api.list_query import list_query
from api.recommendation_service import CacheableQuery
from api.schemas.recommendations import MAX_SESSION, RecommendationsIn
from api.schemas.validation import parse_body

SHARED = frozenset({"placement", "k", "filters", "fields"})  # nothing of a customer: it would outlive an erasure
MAX_BYTES = 512  # of arguments that are kept, so that strangers cannot fill the memory
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.~-]{1,128}")  # which the schema leaves as it is


def parse_list_query(raw: bytes) -> CacheableQuery | None:
    """The query of a body for one list that is computed at once, else None; the same as by the schema.

    Raises Refused.
    """
    return _plain_query(raw) or list_query(parse_body(RecommendationsIn, raw))


def _plain_query(raw: bytes) -> CacheableQuery | None:
    """The query of a body with nothing but shared arguments and plain ids; None for any other."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return None
    user_id, session = body.pop("user_id", None), body.pop("session", [])
    ids = [user_id] if user_id is not None else []
    if not isinstance(session, list) or len(session) > MAX_SESSION or not body.keys() <= SHARED:
        return None
    shared = orjson.dumps(body)
    is_plain = all(isinstance(value, str) and _PLAIN_ID.fullmatch(value) for value in (*ids, *session))
    if len(shared) > MAX_BYTES or not is_plain:
        return None
    checked, query = _shared_arguments(shared)
    if session:
        return list_query(checked.model_copy(update={"user_id": user_id, "session": session}))
    return query._replace(user_id=user_id)


@lru_cache(256)
def _shared_arguments(raw: bytes) -> tuple[RecommendationsIn, CacheableQuery]:
    """These arguments checked, and the query of nobody in particular.  Raises Refused."""
    body = parse_body(RecommendationsIn, raw)
    query = list_query(body)
    assert query is not None  # no shared argument asks for more than one list
    return body, query

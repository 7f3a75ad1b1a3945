"""Request bodies that hold one thing or many."""

import orjson

from api.errors.refused import Refused


def json_of(raw: bytes) -> object:
    """What the body says.  Raises Refused when it is no JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refused("bad_json", f"the body is no JSON: {error}") from None


def batch_from(raw: bytes, name: str, limit: int) -> list[object]:
    """The things in a body that is one object, `{name: [...]}`, or a bare list.  Raises Refused."""
    found = json_of(raw)
    if isinstance(found, dict) and name in found:
        if len(found) > 1:
            raise Refused("invalid", f"a body with `{name}` holds nothing else")
        found = found[name]
        if not isinstance(found, list):
            raise Refused("invalid", f"{name}: must be a list")
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        raise Refused("invalid", f'the body must be an object, a list, or {{"{name}": [...]}}')
    if not found:
        raise Refused("invalid", f"{name}: there is none in it")
    if len(found) > limit:
        raise Refused("too_many", f"{name}: {len(found)} in one request, at most {limit}; send several requests")
    return found

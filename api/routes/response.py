"""Response of a route: data as JSON."""

import orjson
from fastapi import Response


def json_response(data: object) -> Response:
    return Response(orjson.dumps(data), media_type="application/json")

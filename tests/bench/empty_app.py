"""The measure of all ratios: an empty FastAPI route that returns a fixed body, served as `recsys serve` serves.

`python -m tests.bench.empty_app PORT`
"""

import sys

import uvicorn
from fastapi import FastAPI, Response

BODY = b'{"items":[]}'


def app() -> FastAPI:
    """Nothing but the route: no id, no metrics, no limits."""
    api = FastAPI()

    @api.get("/empty")
    async def empty() -> Response:
        return Response(BODY, media_type="application/json")

    return api


def main(port: int) -> None:
    uvicorn.run(
        app(),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=30,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))

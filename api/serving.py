"""`python -m api.serving`: what `recsys serve` becomes, a fresh process in which thread limits hold from the start."""

import os

import uvicorn

from api.binding import check_address
from api.settings import Place


def main() -> None:
    """Serves what the environment says until it is told to stop."""
    place = Place.from_env(os.environ)
    check_address(place)
    serve = place.serve
    uvicorn.run(
        "api.app:served",
        factory=True,
        host=serve.host,
        port=serve.port,
        workers=serve.workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        timeout_worker_healthcheck=30,  # a worker that reads a large bundle is busy, not dead
    )


if __name__ == "__main__":
    main()

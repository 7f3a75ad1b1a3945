"""Server process `python -m api.server`: `recsys serve` execs it, so that thread limits hold from the start."""

import os
import resource
from functools import partial

import uvicorn

from api.server.bind_address import check_address
from api.server.http_protocol import HttpConnection
from api.server.unsent_answers import UnsentAnswers
from api.settings import ServerConfig
from recsys.garbage_collection import begin_loading, end_quickly


def main() -> None:
    """Serves as the environment configures it, until a signal stops the process."""
    begin_loading()
    end_quickly()
    config = ServerConfig.from_env(os.environ)
    check_address(config)
    serve = config.serve
    _allow_many_connections()
    uvicorn.run(
        "api.app:served",
        factory=True,
        host=serve.host,
        port=serve.port,
        workers=serve.workers,
        loop="api.server.event_loop:AcceptingLoop",
        http=partial(  # type: ignore[arg-type]
            HttpConnection,
            arrival_s=serve.arrival_s,
            drain_s=serve.drain_s,
            unsent=UnsentAnswers(serve.unsent_mb * 2**20),
        ),
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=serve.keep_alive_s,
        timeout_graceful_shutdown=max(10, round(2 * serve.drain_s)),
        timeout_worker_healthcheck=30,  # a worker that reads a large bundle is busy, not dead
    )


def _allow_many_connections() -> None:
    """Raises the limit of open files to the maximum of this user; the usual 1,024 are few for idle connections.

    Workers inherit it.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()

"""Console process `python -m api.console`: `recsys console` execs it."""

import os
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial

import httpx
import uvicorn

from api.console.app import create_console
from api.console.settings import ConsoleSettings
from api.observability.logging import configure_logs
from api.server.attached import attached_worker
from api.server.unsent_answers import UnsentAnswers
from api.server.upload_connection import UploadConnection
from api.settings import ServerConfig
from recsys.cli.priority import lower_priority
from recsys.data.uploads import MIB
from recsys.garbage_collection import end_quickly

PARENT_VARIABLE = "_RECSYS_CONSOLE_PARENT"  # a pipe whose other end the service holds: `recsys serve --console`
_READY_S, _PAUSE_S = 60.0, 0.1


def main() -> None:
    """Serves as the environment configures it, until a signal stops the process or its service is gone."""
    end_quickly()
    config = ServerConfig.from_env(os.environ)
    configure_logs(config.serve.log_level, config.serve.log_format)
    settings = ConsoleSettings.load(config.file, os.environ)
    lower_priority(settings.niceness)
    with ExitStack() as stack:
        if settings.service is None and settings.own_worker:
            url = stack.enter_context(attached_worker(os.environ))
            _wait_for(f"{url}/livez")
            settings = settings.model_copy(update={"service": url})
        _serve(config, settings)


def _serve(config: ServerConfig, settings: ConsoleSettings) -> None:
    serve = config.serve
    connection = partial(
        UploadConnection,
        arrival_s=serve.arrival_s,
        drain_s=serve.drain_s,
        unsent=UnsentAnswers(serve.unsent_mb * MIB),
    )
    server = uvicorn.Server(
        uvicorn.Config(
            create_console(config, settings),
            host=settings.host,
            port=settings.port,
            http=connection,  # type: ignore[arg-type]
            access_log=False,
            log_config=None,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=5,
        )
    )
    pipe = os.environ.get(PARENT_VARIABLE)
    if pipe is not None:
        threading.Thread(target=_end_with, args=(int(pipe), server), daemon=True).start()
    server.run()


def _wait_for(url: str) -> None:
    """Returns once it answers; after READY_S in any case, for pages say in words that it does not."""
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        with suppress(httpx.TransportError):
            httpx.get(url)
            return
        time.sleep(_PAUSE_S)


def _end_with(pipe: int, server: uvicorn.Server) -> None:
    with suppress(OSError):
        os.read(pipe, 1)
    server.should_exit = True


if __name__ == "__main__":
    main()

"""Console process `python -m api.console`: `recsys console` execs it."""

import os
import threading
from contextlib import suppress

import uvicorn

from api.console.settings import ConsoleSettings
from api.settings import ServerConfig

PARENT_VARIABLE = "_RECSYS_CONSOLE_PARENT"  # a pipe whose other end the service holds: `recsys serve --console`


def main() -> None:
    """Serves as the environment configures it, until a signal stops the process or its service is gone."""
    config = ServerConfig.from_env(os.environ)
    settings = ConsoleSettings.load(config.file, os.environ)
    server = uvicorn.Server(
        uvicorn.Config(
            "api.console.app:served",
            factory=True,
            host=settings.host,
            port=settings.port,
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


def _end_with(pipe: int, server: uvicorn.Server) -> None:
    with suppress(OSError):
        os.read(pipe, 1)
    server.should_exit = True


if __name__ == "__main__":
    main()

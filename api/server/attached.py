"""Worker that lives as long as the process which started it: `python -m api.server.attached`, kept running by that."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from api.server.__main__ import main as serve

PARENT_VARIABLE = "_RECSYS_WORKER_PARENT"  # a pipe whose other end only the parent holds
COMMAND = (sys.executable, "-m", "api.server.attached")
_PAUSE_S = 1.0  # between the end of a worker and the next one


def main() -> None:
    """Serves as the environment configures it, until the parent is gone, however it went."""
    threading.Thread(target=_end_with, args=(int(os.environ[PARENT_VARIABLE]),), daemon=True).start()
    serve()


@contextmanager
def attached_worker(env: Mapping[str, str]) -> Iterator[str]:
    """The address of a worker of its own on this machine, for whoever must not keep those of the service busy."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    own = {"RECSYS_SERVE_HOST": "127.0.0.1", "RECSYS_SERVE_PORT": str(port), "RECSYS_SERVE_WORKERS": "1"}
    shared = {name: value for name, value in env.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    with kept_running(COMMAND, shared | own):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def kept_running(command: Sequence[str], env: Mapping[str, str], pause_s: float = _PAUSE_S) -> Iterator[None]:
    """That process, started anew when it ends; it is told of this one's end by end of file on PARENT_VARIABLE."""
    theirs, ours = os.pipe()
    ended = threading.Event()

    def keep() -> None:
        while not ended.is_set():
            subprocess.Popen(command, env={**env, PARENT_VARIABLE: str(theirs)}, pass_fds=(theirs,)).wait()
            ended.wait(pause_s)

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        os.close(ours)
        keeper.join()
        os.close(theirs)


def _end_with(pipe: int) -> None:
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()

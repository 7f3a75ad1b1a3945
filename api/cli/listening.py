"""Environment and address of a process that listens."""

import os
import socket
from collections.abc import Mapping

from recsys.cli.context import CliContext
from recsys.errors import BadSettings
from recsys.threads import limit_threads


def service_environment(
    cli: CliContext, table: str, options: Mapping[str, object], before: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of a process of the service.  options: settings of that table that the command was given.

    before: the environment that it is made of, that of this process when None.
    """
    from api.settings import FILE_VARIABLE, HOME_VARIABLE

    env = dict(os.environ if before is None else before)
    limit_threads(env)
    env["PYTHONSAFEPATH"] = "1"  # a folder named `api` where the command is run must not be imported instead of ours
    env[HOME_VARIABLE] = str(cli.home)
    if cli.file is not None:
        env[FILE_VARIABLE] = str(cli.file)
    return env | {f"RECSYS_{table}_{name}": str(value) for name, value in options.items() if value is not None}


def check_port(host: str, port: int) -> None:
    """Raises BadSettings for an address that cannot be listened on."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        problem = f"{host}:{port} cannot be listened on: {error.strerror or error}"
        raise BadSettings(f"{problem}; end who does, or choose another with --host and --port") from None

"""`recsys serve`, `recsys doctor` and `recsys shown`; and `recsys keys`, from the file beside."""

import os
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from api.cli import keys, users
from api.cli.answers import shown
from api.cli.context import settled
from recsys.cli.context import MENDABLE, OK
from recsys.cli.context import CliContext as Given
from recsys.cli.registration import register_command
from recsys.threads import limit_threads

if TYPE_CHECKING:
    from api.settings import ServerConfig as Settled


def register(app: typer.Typer) -> None:
    """Adds the commands of the service to `recsys`."""
    register_command(app, serve, panel="Serve")
    register_command(app, doctor, panel="Serve")
    keys.register(app)
    users.register(app)
    register_command(app, shown, panel="Serve")


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.")] = None,
) -> None:
    """Answer over HTTP until Ctrl-C.

    Example: recsys serve --port 8000 --workers 2
    """
    from api.settings import ServerConfig

    given = cast(Given, context.obj)
    env = dict(os.environ)
    _tell(env, given, {"HOST": host, "PORT": port, "WORKERS": workers})
    place = ServerConfig.from_env(env)
    _check(place)
    if place.serve.workers > 1:
        env["PROMETHEUS_MULTIPROC_DIR"] = str(_fresh(place.home / "run" / f"metrics-{place.serve.port}"))
    print(f"http://{place.serve.host}:{place.serve.port}/docs  ({place.serve.workers} workers, home {place.home})")
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "api.server"], env)  # nosec B606 # no shell is what is wanted


def doctor(context: typer.Context) -> None:
    """Check threads, packages, log, live bundle and Redis; say what to do about what is wrong.

    Exits with 1 when something is wrong.  Example: recsys doctor
    """
    from rich.console import Console

    from api.cli.doctor import examine

    findings = examine(settled(context))
    console = Console(highlight=False)
    for finding in findings:
        mark = "[green]ok[/]   " if finding.is_well else "[red]wrong[/]"
        console.print(mark, f"{finding.what:<10}", finding.found, markup=True)
        if finding.advice:
            console.print(" " * 17 + finding.advice, style="yellow", markup=False)
    raise typer.Exit(OK if all(finding.is_well for finding in findings) else MENDABLE)


def _check(place: "Settled") -> None:
    """What would stop every worker stops the command, in a line.  Raises BadSettings, BadFile, LogUnavailable."""
    from api.server.bind_address import check_address
    from recsys.data.store.base import open_store
    from recsys.errors import BadSettings

    check_address(place)
    if place.shop.redis_url:
        _check_redis(place)
    open_store(place.home, place.shop.database_url).close()
    address = (place.serve.host, place.serve.port)
    try:
        socket.create_server(address, family=socket.AF_INET6 if ":" in address[0] else socket.AF_INET).close()
    except OSError as error:
        said = f"{address[0]}:{address[1]} cannot be listened on: {error.strerror or error}"
        raise BadSettings(f"{said}; end who does, or choose another with --host and --port") from None


def _check_redis(place: "Settled") -> None:
    # Half of what a worker loads: a shop without a Redis does not wait for it twice.
    from api.observability.metrics import Metrics
    from api.state import redis_cache

    redis_cache(place, Metrics())


def _tell(env: dict[str, str], given: Given, options: dict[str, object]) -> None:
    """Puts everything a worker must know into the environment it will have."""
    from api.settings import FILE_VARIABLE, HOME_VARIABLE

    limit_threads(env)
    env["PYTHONSAFEPATH"] = "1"  # a folder named `api` where the command is run must not take our place
    env[HOME_VARIABLE] = str(given.home)
    if given.file is not None:
        env[FILE_VARIABLE] = str(given.file)
    env |= {f"RECSYS_SERVE_{name}": str(value) for name, value in options.items() if value is not None}


def _fresh(folder: Path) -> Path:
    """The folder, without what an earlier run left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder

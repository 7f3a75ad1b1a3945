"""Command `recsys serve`; also registers `console`, `audit`, `doctor`, `keys`, `users` and `export`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from api.cli import export, keys, users
from api.cli.audit import audit
from api.cli.console import console, console_environment
from api.cli.context import server_config
from api.cli.listening import check_port, service_environment
from recsys.cli.context import OK, USER_ERROR, CliContext
from recsys.cli.output import AsJson, print_json
from recsys.cli.registration import register_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.cli.doctor import HealthCheck
    from api.settings import ServerConfig


def register(app: typer.Typer) -> None:
    """Adds the commands of the service to `recsys`."""
    register_command(app, serve, panel="Serve")
    register_command(app, console, panel="Serve")
    register_command(app, audit, panel="Serve")
    register_command(app, doctor, panel="Serve")
    keys.register(app)
    users.register(app)
    export.register(app)


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.")] = None,
    with_console: Annotated[
        bool,
        typer.Option("--console", help="Run the console beside it, in a process of its own; see `recsys console`."),
    ] = False,
) -> None:
    """Answer over HTTP until Ctrl-C.

    Example: recsys serve --port 8000 --workers 2
    """
    from api.settings import ServerConfig

    cli = cast(CliContext, context.obj)
    env = service_environment(cli, "SERVE", {"HOST": host, "PORT": port, "WORKERS": workers})
    config = ServerConfig.from_env(env)
    _check(config)
    if config.serve.workers > 1:
        _share_metrics(env, config.home / "run" / f"metrics-{config.serve.port}")
    print(f"http://{config.serve.host}:{config.serve.port}/docs  ({config.serve.workers} workers, home {config.home})")
    sys.stdout.flush()
    if with_console:
        _start_console(cli, env)
    os.execve(sys.executable, [sys.executable, "-m", "api.server"], env)  # nosec B606 # no shell is what is wanted


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check threads, packages, keys, signatures, log, live bundle and Redis; say what to do about what is wrong.

    Exits with 1 when something is wrong.  Example: recsys doctor
    """
    from api.cli.doctor import examine

    checks = examine(server_config(context))
    if as_json:
        print_json(checks)
    else:
        _print_checks(checks)
    raise typer.Exit(OK if all(check.is_ok for check in checks) else USER_ERROR)


def _print_checks(checks: "Sequence[HealthCheck]") -> None:
    console = Console(highlight=False, soft_wrap=True)
    for check in checks:
        console.print("ok   " if check.is_ok else "wrong", style="green" if check.is_ok else "red", end=" ")
        console.print(f"{check.name:<10} {check.result}", markup=False)
        if check.advice:
            console.print(" " * 17 + check.advice, style="yellow", markup=False)


def _check(config: "ServerConfig") -> None:
    """Raises BadSettings, BadFile, LogUnavailable for what would stop every worker."""
    from api.server.bind_address import check_address
    from recsys.data.store.open import open_store

    check_address(config)
    if config.shop.redis_url:
        _check_redis(config)
    open_store(config.home, config.shop.database_url).close()
    check_port(config.serve.host, config.serve.port)


def _check_redis(config: "ServerConfig") -> None:
    # Half of the imports of a worker: a shop without a Redis does not wait for them twice.
    from api.observability.metrics import Metrics
    from api.state import redis_cache

    redis_cache(config, Metrics())


def _start_console(cli: CliContext, service_env: Mapping[str, str]) -> None:
    """Starts the console, which ends when this process does: it reads a pipe that only this process holds open."""
    theirs, ours = os.pipe()
    os.set_inheritable(ours, True)  # over the exec that follows
    env = {**console_environment(cli, {}, service_env), "_RECSYS_CONSOLE_PARENT": str(theirs)}
    subprocess.Popen([sys.executable, "-m", "api.console"], env=env, pass_fds=(theirs,))
    os.close(theirs)


def _share_metrics(env: dict[str, str], folder: Path) -> None:
    """Names the folder of the workers' metrics, without the files of an earlier run."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        typer.echo(f"{folder}: {error.strerror}: /metrics shows one worker at a time", err=True)
        return
    env["PROMETHEUS_MULTIPROC_DIR"] = str(folder)

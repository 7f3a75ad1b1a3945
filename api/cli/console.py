"""Command `recsys console`: the pages for marketers and operators, in a process of their own."""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, cast

import typer

from api.cli.listening import check_port, service_environment
from recsys.cli.context import CliContext
from recsys.errors import BadSettings
from recsys.time_units import now_ms

if TYPE_CHECKING:
    from api.console.settings import OidcSettings
    from api.settings import ServerConfig


def console(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    service: Annotated[str | None, typer.Option(help="URL of the service; else a worker of its own.")] = None,
) -> None:
    """Show the pages for marketers and operators in a browser, until Ctrl-C; the service runs beside it.

    Example: recsys keys create ann --scope marketing && recsys console
    """
    options = {"HOST": host, "PORT": port, "SERVICE": service}
    env = console_environment(cast(CliContext, context.obj), options)
    os.execve(sys.executable, [sys.executable, "-m", "api.console"], env)  # nosec B606 # no shell is what is wanted


def console_environment(
    cli: CliContext, options: Mapping[str, object], before: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of the console's process; says its address.  Raises BadSettings for what would stop it."""
    from api.settings import ServerConfig

    env = service_environment(cli, "CONSOLE", options, before)
    config = ServerConfig.from_env(env)
    _check_packages("console", "httpx", "python_multipart")
    from api.console.settings import ConsoleSettings

    settings = ConsoleSettings.load(config.file, env)
    _check_keys(config)
    _check_provider(config, settings.oidc)
    check_port(settings.host, settings.port)
    print(f"http://{settings.host}:{settings.port}/console  (sign in with a key; home {config.home})")
    sys.stdout.flush()
    return env


def _check_packages(extra: str, *names: str) -> None:
    for name in names:
        if find_spec(name) is None:
            raise BadSettings(f"this needs the package {name}: pip install 'recsys-shop[{extra}]'")


def _check_keys(config: "ServerConfig") -> None:
    """Raises BadSettings in a home without a key that opens the console, BadFile."""
    from api.auth.api_keys import keys_in_force
    from api.console.roles import ROLE_BY_SCOPE

    keys, now = keys_in_force(config) or (), now_ms()
    if not any(key.state(now) == "valid" and not ROLE_BY_SCOPE.keys().isdisjoint(key.scopes) for key in keys):
        advice = "make one: recsys keys create NAME --scope marketing"
        raise BadSettings(f"{config.keys_file}: no key in it opens the console; {advice}")


def _check_provider(config: "ServerConfig", settings: "OidcSettings") -> None:
    """Raises BadSettings for a sign-in over OpenID Connect that lets nobody in, BadFile."""
    from api.auth.api_keys import digest_of, keys_in_force
    from api.console.roles import ROLE_BY_SCOPE

    if not settings.issuer:
        return
    _check_packages("oidc", "authlib", "joserfc")
    if not settings.client_id or not any(settings.groups(role.word) for role in ROLE_BY_SCOPE.values()):
        raise BadSettings("console.oidc needs a client_id, and groups of a role such as marketer_groups")
    keys = {bytes.fromhex(key.digest): key for key in keys_in_force(config) or () if key.state(now_ms()) == "valid"}
    for scope, role in ROLE_BY_SCOPE.items():
        key = keys.get(digest_of(settings.key(role.word).encode()))
        if settings.groups(role.word) and (key is None or scope not in key.scopes):
            advice = f"recsys keys create {role.word}s --scope {scope}"
            raise BadSettings(f"console.oidc.{role.word}_key is no valid key of the scope {scope}; make one: {advice}")

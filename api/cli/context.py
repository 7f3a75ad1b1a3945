"""Command context of the service: server configuration of the given home."""

import os
from typing import TYPE_CHECKING, cast

import typer

from recsys.cli.context import CliContext
from recsys.threads import limit_threads

if TYPE_CHECKING:
    from api.settings import ServerConfig


def server_config(context: typer.Context) -> "ServerConfig":
    """The settings of the home that the command was given.  Raises BadSettings."""
    from api.settings import ServerConfig

    cli = cast(CliContext, context.obj)
    env = dict(os.environ)
    limit_threads(env)
    return ServerConfig.load(cli.home, cli.file, env)

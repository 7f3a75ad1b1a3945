"""Command context of the service: server configuration of the given home."""

import os
from typing import TYPE_CHECKING, cast

import typer

from recsys.cli.context import CliContext as Given
from recsys.threads import limit_threads

if TYPE_CHECKING:
    from api.settings import ServerConfig as Settled


def settled(context: typer.Context) -> "Settled":
    """The place a command was given, with its settings.  Raises BadSettings."""
    from api.settings import ServerConfig

    given = cast(Given, context.obj)
    env = dict(os.environ)
    limit_threads(env)
    return ServerConfig.load(given.home, given.file, env)

"""Commands `recsys users export | erase | unmerge | receipt`: the data of one customer."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from recsys.cli.context import CliContext
from recsys.cli.output import print_json
from recsys.cli.registration import register_group
from recsys.errors import BadInput, NoBundle

if TYPE_CHECKING:
    from recsys.data.store.base import Store
    from recsys.data.store.identity import Receipt

UserId = Annotated[str, typer.Argument(help="Id of the customer, or one that was merged into it.", show_default=False)]

AlwaysJson = Annotated[bool, typer.Option("--json", help="The result is JSON with or without it.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    text = "Answer a customer who asks what is known of them, or to be erased."
    register_group(app, "users", (export, erase, unmerge, receipt), panel="Data", help=text)


def export(
    context: typer.Context,
    user: UserId,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Write it there; else to the terminal.")] = None,
    _as_json: AlwaysJson = True,
) -> None:
    """All data of a customer as JSON: attributes, consent, events, what the release knows, logged answers.

    Example: recsys users export 900 --out 900.json
    """
    from recsys.atomic_file import open_private
    from recsys.privacy.export import export_user_data as exported
    from recsys.ranking.recommender import open_recommender

    cli = cast(CliContext, context.obj)
    try:
        recommender = open_recommender(cli.home, cli.file)
    except NoBundle:
        recommender = None
    parts = exported(cli.existing_store(), cli.home, recommender, user)
    if out is None:
        sys.stdout.buffer.writelines(parts)
    else:
        with open_private(out, "wb") as file:
            file.writelines(parts)


def erase(
    context: typer.Context,
    user: UserId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    _as_json: AlwaysJson = True,
) -> None:
    """Erase a customer, and the ids merged into them, from log, caches, answer log and refused lines.

    Releases made before are not used for them any more; `recsys train` and `recsys sweep` remove them.
    Prints the receipt: keep it, it names nobody.

    Example: recsys users erase 900
    """
    from recsys.privacy.erasure import erase_user_data as erased

    cli = cast(CliContext, context.obj)
    if not yes:
        typer.confirm(f"Erase customer {user} from {cli.home}? This cannot be undone", abort=True, err=True)
    store = cli.existing_store()
    done = erased(store, cli.home, user)
    asyncio.run(_clear_redis(cli))
    _print_receipt(store, cli, done)


def unmerge(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="Id that was merged into a customer.", show_default=False)],
    _as_json: AlwaysJson = True,
) -> None:
    """Take back a merge: the id is a customer of its own again, and its events and facts return to it.

    Also those that were sent for it after the merge.  Train afterwards: releases learnt from both as one customer.
    Prints the receipt.

    Example: recsys users unmerge visitor-7f3a
    """
    cli = cast(CliContext, context.obj)
    print_json(cli.existing_store().unmerge_user(user).as_mapping())


def receipt(
    context: typer.Context,
    receipt_id: Annotated[str, typer.Argument(help="As the erasure told it.")],
    _as_json: AlwaysJson = True,
) -> None:
    """What an erasure or a merge did, and where traces are left until `recsys train` and `recsys sweep`.

    Example: recsys users receipt 4f1c09d2a7b3e865
    """
    cli = cast(CliContext, context.obj)
    store = cli.existing_store()
    stored = store.receipt(receipt_id)
    if stored is None:
        raise BadInput(f"no receipt {receipt_id!r} in {cli.home}")
    _print_receipt(store, cli, stored)


def _print_receipt(store: "Store", cli: CliContext, receipt: "Receipt") -> None:
    from recsys.privacy.erasure import remaining_traces

    print_json(receipt.as_mapping() | {"remains": remaining_traces(store, cli.home, receipt)})


async def _clear_redis(cli: CliContext) -> None:
    from api.cache.redis import RedisCache
    from api.settings import ServeSettings
    from recsys.config import ShopSettings

    url = ShopSettings.load(cli.file).redis_url
    if url:
        cache = RedisCache(url, ServeSettings.load(cli.file))
        await cache.clear()
        await cache.close()

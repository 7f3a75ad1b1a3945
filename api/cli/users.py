"""`recsys users`: what is known of one customer, told or erased."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from recsys.cli.context import CliContext as Given
from recsys.cli.registration import register_group

if TYPE_CHECKING:
    from recsys.data.store.base import Store
    from recsys.data.store.identity import Receipt

UserId = Annotated[str, typer.Argument(help="Id of the customer, or one that was merged into it.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    text = "Answer a customer who asks what is known of them, or to be erased."
    register_group(app, "users", (export, erase, receipt), panel="Data", help=text)


def export(
    context: typer.Context,
    user: UserId,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Write it there; else to the terminal.")] = None,
) -> None:
    """Everything known of a customer, as JSON: attributes, consent, events, what the release knows, what was shown.

    Example: recsys users export 900 --out 900.json
    """
    from recsys.errors import NoBundle
    from recsys.privacy.export import export_user_data as exported
    from recsys.ranking.recommender import open_recommender

    given = cast(Given, context.obj)
    try:
        recommender = open_recommender(given.home, given.file)
    except NoBundle:
        recommender = None
    parts = exported(given.store(), given.home, recommender, user)
    if out is None:
        sys.stdout.buffer.writelines(parts)
    else:
        with out.open("wb") as file:
            file.writelines(parts)


def erase(
    context: typer.Context,
    user: UserId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a customer, and the ids merged into them, from log, answers, what was shown and refused lines.

    Releases made before are not used for them any more; `recsys train` and `recsys sweep` make an end of those.
    Prints the receipt: keep it, it names nobody.

    Example: recsys users erase 900
    """
    from recsys.privacy.erasure import erase_user_data as erased

    given = cast(Given, context.obj)
    if not yes:
        typer.confirm(f"Erase customer {user} from {given.home}? This cannot be undone", abort=True)
    store = given.store()
    done = erased(store, given.home, user)
    asyncio.run(_clear_shared(given))
    _print(_whole(store, given, done))


def receipt(context: typer.Context, receipt_id: Annotated[str, typer.Argument(help="As the erasure told it.")]) -> None:
    """What an erasure or a merge did, and where traces are left until `recsys train` and `recsys sweep`.

    Example: recsys users receipt 4f1c09d2a7b3e865
    """
    from recsys.errors import BadInput

    given = cast(Given, context.obj)
    store = given.store()
    found = store.receipt(receipt_id)
    if found is None:
        raise BadInput(f"no receipt {receipt_id!r} in {given.home}")
    _print(_whole(store, given, found))


def _whole(store: "Store", given: Given, found: "Receipt") -> dict[str, Any]:
    from recsys.privacy.erasure import remaining_traces

    return found.as_mapping() | {"remains": remaining_traces(store, given.home, found)}


async def _clear_shared(given: Given) -> None:
    from api.cache.redis import RedisCache
    from api.settings import ServeSettings
    from recsys.config import ShopSettings

    url = ShopSettings.load(given.file).redis_url
    if url:
        cache = RedisCache(url, ServeSettings.load(given.file))
        await cache.clear()
        await cache.close()


def _print(told: dict[str, Any]) -> None:
    import orjson

    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())

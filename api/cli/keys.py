"""Commands `recsys keys create | list | rotate | revoke | forget | signing`."""

from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, cast

import typer

from api.cli.context import server_config
from recsys.cli.context import CliContext
from recsys.cli.output import AsJson, print_json, print_table
from recsys.cli.registration import register_group
from recsys.errors import BadFile, BadInput, LogUnavailable
from recsys.time_units import DAY_MS, HOUR_MS, minute, now_ms

if TYPE_CHECKING:
    from api.auth.api_keys import ApiKey
    from recsys.bundle.key_rotation import SigningState

_CURL_BY_SCOPE = {
    "read": "'{url}/v1/users/CUSTOMER/recommendations?k=5'",
    "events": """{url}/v1/events -d '{{"user_id": "CUSTOMER", "item_id": "ITEM", "kind": "view"}}'""",
    "catalogue": "{url}/v1/items/ITEM",
    "users": "{url}/v1/users/CUSTOMER",
    "viewer": "{url}/v1/customers/CUSTOMER",
    "marketing": "{url}/v1/customers/CUSTOMER",
    "admin": "{url}/metrics",
}


def register(app: typer.Typer) -> None:
    """Adds `keys` to `recsys`."""
    register_group(
        app,
        "keys",
        (create, list_, rotate, revoke, forget, signing),
        panel="Serve",
        help="Who may ask the service, and who signs its releases.",
    )


def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Purpose, e.g. the program that uses it.")],
    scope: Annotated[
        list[str],
        typer.Option(help="read, events, catalogue, users, viewer, marketing or admin (all of them); once for each."),
    ],
    origin: Annotated[
        list[str] | None,
        typer.Option(help="A page whose scripts may use it, such as https://shop.example; makes it a browser's key."),
    ] = None,
    days: Annotated[float | None, typer.Option(min=0.0, help="Days until it expires; never when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, once: only its digest is kept.  In force within a second in every worker.

    Example: recsys keys create storefront --scope read --scope events
    """
    from api.auth.api_keys import create_key, mark_required

    config, now = server_config(context), now_ms()
    key, text = create_key(
        config.keys_file,
        name,
        scope,
        now_ms=now,
        origins=origin or (),
        expires_at_ms=None if days is None else now + round(days * DAY_MS),
    )
    typer.echo(f"key {key.id} ({key.name}): {', '.join(key.scopes)}{_until(key)}", err=True)
    typer.echo("This is shown once; keep it where secrets are kept:", err=True)
    if as_json:
        print_json({**_as_data(key, now), "key": text})
    else:
        typer.echo(text)
    typer.echo(f"Try it:  {_curl(context, key, text)}", err=True)
    mark_required(config.keys_marker)


def list_(
    context: typer.Context,
    as_json: AsJson = False,
) -> None:
    """All keys, including expired and revoked ones, without their secrets, and when each was last used.

    Example: recsys keys list
    """
    from api.auth.api_keys import read_keys

    keys, now = read_keys(server_config(context).keys_file) or (), now_ms()
    uses = _last_uses(cast(CliContext, context.obj))
    if as_json:
        print_json([{**_as_data(key, now), "used_at_ms": uses.get(key.id)} for key in keys])
    else:
        columns = ("id", "name", "scopes", "origins", "made", "used", "expires", "state")
        print_table(columns, (_row(key, uses.get(key.id), now) for key in keys))


def rotate(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="Its id, as `recsys keys list` shows it.")],
    keep_hours: Annotated[
        float, typer.Option(min=0.0, help="How long the old key still opens, until the program has the new one.")
    ] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Make another key with the name, scopes and lifetime of this one, and show it, once; the old one ends later.

    Example: recsys keys rotate 1f0c93ab --keep-hours 2
    """
    from api.auth.api_keys import rotate_key

    now = now_ms()
    made = rotate_key(server_config(context).keys_file, key_id, now_ms=now, keep_ms=round(keep_hours * HOUR_MS))
    typer.echo(f"key {made.new.id} ({made.new.name}) takes the place of {made.old.id}{_until(made.old)}", err=True)
    if as_json:
        print_json({**_as_data(made.new, now), "key": made.text, "old": _as_data(made.old, now)})
    else:
        typer.echo(made.text)


def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="Its id, as `recsys keys list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """End a key: every worker refuses it within a second.

    Example: recsys keys revoke 1f0c93ab
    """
    from api.auth.api_keys import revoke_key

    key = revoke_key(server_config(context).keys_file, key_id, now_ms=now_ms())
    if as_json:
        print_json(_as_data(key, now_ms()))
    else:
        typer.echo(f"key {key.id} ({key.name}) is revoked")


def forget(
    context: typer.Context,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it: whoever reaches the service may then do everything.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove all keys and open the home again: from its next start the service answers everybody, on loopback only.

    Example: recsys keys forget --yes
    """
    from api.auth.api_keys import forget_keys

    if not yes:
        raise BadInput("without keys everybody who reaches the service may read and change everything; add --yes")
    forget_keys(server_config(context))
    if as_json:
        print_json({"forgotten": True})
    else:
        typer.echo("all keys are forgotten; after a restart the service answers everybody, on loopback only")


def signing(
    context: typer.Context,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make another pair; it signs from now on, older ones stay trusted.")
    ] = False,
    distrust: Annotated[
        str | None, typer.Option(metavar="ID", help="Stop trusting that key: what it alone signed is refused.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the key pair that signs every release of this home, and show the trusted keys; later ones show them only.

    Releases published before are signed, too.  From then on the service takes nothing that is not signed.

    Example: recsys keys signing --rotate
    """
    from recsys.bundle.key_rotation import create_signing_key, is_signing, signing_state
    from recsys.bundle.key_rotation import distrust as distrust_key
    from recsys.shared_registry.mirror import open_mirror

    config, now = server_config(context), now_ms()
    if rotate and distrust is not None:
        raise BadInput("--rotate and --distrust are two steps: rotate first, train, then distrust the old key")
    if distrust is not None:
        state = distrust_key(config.home, distrust)
    elif rotate or not is_signing(config.home):
        state = create_signing_key(config.home, config.bundles, now_ms=now)
        mirror = open_mirror(config.home, config.registry)
        if mirror is not None:
            mirror.push_signatures(state.signed)
    else:
        state = signing_state(config.home)
    if as_json:
        print_json(_signing_data(state))
    else:
        rows = (
            (key.id, minute(key.made_at_ms), "signs" if key.id == state.signs_with else "") for key in state.trusted
        )
        print_table(("trusted key", "made", "use"), rows)
    if state.signed:
        typer.echo(f"signed: {', '.join(state.signed)}", err=True)


def _last_uses(cli: CliContext) -> dict[str, int]:
    try:
        return cli.store().last_uses() if cli.has_store else {}
    except (BadFile, LogUnavailable) as error:  # keys are looked at when something is wrong
        typer.echo(f"when keys were last used is not known: {error}", err=True)
        return {}


def _as_data(key: "ApiKey", now: int) -> dict[str, object]:
    return {**key.model_dump(exclude={"digest"}), "state": key.state(now)}


def _signing_data(state: "SigningState") -> dict[str, object]:
    trusted = [
        {"id": key.id, "public_key": b64encode(key.raw).decode(), "made_at_ms": key.made_at_ms} for key in state.trusted
    ]
    return {"signs_with": state.signs_with, "trusted": trusted, "signed": state.signed}


def _row(key: "ApiKey", used_at_ms: int | None, now: int) -> tuple[str, ...]:
    ends = "never" if key.expires_at_ms is None else minute(key.expires_at_ms)
    scopes, origins = ", ".join(key.scopes), ", ".join(key.origins)
    used = "-" if used_at_ms is None else minute(used_at_ms)
    return (key.id, key.name, scopes, origins, minute(key.made_at_ms), used, ends, key.state(now))


def _curl(context: typer.Context, key: "ApiKey", text: str) -> str:
    serve = server_config(context).serve
    is_everywhere = not serve.host.strip("0.:")  # zeros stand for every address
    host = "127.0.0.1" if is_everywhere else serve.host
    origin = f" -H 'Origin: {key.origins[0]}'" if key.origins else ""
    arguments = _CURL_BY_SCOPE[key.scopes[0]].format(url=f"http://{host}:{serve.port}")
    return f"curl -H 'Authorization: Bearer {text}'{origin} {arguments}"


def _until(key: "ApiKey") -> str:
    return "" if key.expires_at_ms is None else f", until {minute(key.expires_at_ms)}"

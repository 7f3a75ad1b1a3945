"""Page of keys: their list, and creation, rotation and revocation; the text of a key is shown once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from api.auth.api_keys import SCOPES, ApiKey, create_key, read_keys, revoke_key, rotate_key
from api.console.page import Action, ConsolePage, MenuGroup
from api.console.roles import Role
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.errors import BadInput
from recsys.time_units import DAY_MS, HOUR_MS, now_ms

COLUMNS = (
    Column("name", "For"),
    Column("key_id", "Id"),
    Column("state", "State", "words"),
    Column("scopes", "Scopes"),
    Column("made_at_ms", "Made", "moment"),
    Column("expires_at_ms", "Ends", "moment"),
    Column("used_at_ms", "Last used", "moment", hint="noted once a minute; – for a key that was never used"),
    Column("origins", "Pages that may use it", is_sortable=False),
)
SCOPE_WORDS = {
    "read": "read lists: recommendations for a shop's pages",
    "events": "send events: views, baskets, purchases",
    "catalogue": "keep products and rules",
    "users": "read and change customers",
    "viewer": "this console, to look",
    "marketing": "this console, to plan campaigns and answer customers",
    "admin": "everything, this page too",
}
KEEP_HOURS, MOST_DAYS = 24, 36_500


async def view(visit: Visit) -> Response:
    """The list and the form."""
    return await _page(visit)


async def create(visit: Visit) -> Response:
    """Makes a key and shows its text, this once."""
    scopes = [scope for scope in SCOPES if visit.typed(f"scope_{scope}")]
    days, now = visit.whole("days", 0, MOST_DAYS), now_ms()
    key, text = await asyncio.to_thread(
        create_key,
        visit.home.config.keys_file,
        visit.typed("name"),
        scopes,
        now_ms=now,
        origins=visit.typed("origins").split(),
        expires_at_ms=now + days * DAY_MS if days else None,
    )
    await visit.note_change(f"made key {key.id}: {', '.join(key.scopes)}")
    visit.form = {}  # the next key is another one
    return await _page(visit, key, text)


async def rotate(visit: Visit) -> Response:
    """Makes another key in the place of one, and shows its text, this once."""
    key_id, keep_ms = visit.typed("id"), visit.whole("hours", KEEP_HOURS, MOST_DAYS) * HOUR_MS
    file = visit.home.config.keys_file
    made = await asyncio.to_thread(rotate_key, file, key_id, now_ms=now_ms(), keep_ms=keep_ms)
    await visit.note_change(f"made key {made.new.id} in the place of {made.old.id}")
    return await _page(visit, made.new, made.text)


async def revoke(visit: Visit) -> Response:
    """Ends a key; not the last one that opens this page."""
    key_id = visit.typed("id")
    if visit.typed("sure") != "1":
        raise BadInput("nothing was changed: tick that whoever uses the key is refused from now on")
    valid = [key for key in await _keys(visit) if key.state(now_ms()) == "valid"]
    if {key.id for key in valid if "admin" in key.scopes} == {key_id}:
        raise BadInput("this is the last key with the scope admin: without it nobody opens this page; make one first")
    key = await asyncio.to_thread(revoke_key, visit.home.config.keys_file, key_id, now_ms=now_ms())
    await visit.note_change(f"revoked key {key.id}")
    return visit.redirect("/keys", f"Key {key.id} ({key.name}) is revoked: it is refused from now on.")


async def _page(visit: Visit, made: ApiKey | None = None, text: str = "") -> Response:
    await visit.home.uses.flush()
    used = await asyncio.to_thread(visit.home.store.last_uses)
    keys, now = await _keys(visit), now_ms()
    return visit.render(
        "keys.html",
        table=table_page(visit, COLUMNS, [_row(key, used, now) for key in keys], default="made_at_ms", caption="Keys"),
        valid=[key for key in keys if key.state(now) == "valid"],
        scopes=SCOPE_WORDS,
        made=made,
        text=text,
        now=now,
        keep_hours=KEEP_HOURS,
    )


async def _keys(visit: Visit) -> Sequence[ApiKey]:
    return await asyncio.to_thread(read_keys, visit.home.config.keys_file) or ()


def _row(key: ApiKey, used: dict[str, int], now: int) -> dict[str, Any]:
    scopes, origins = ", ".join(key.scopes), ", ".join(key.origins)
    row = {**key.model_dump(include={"name", "made_at_ms", "expires_at_ms"}), "key_id": key.id}
    return {**row, "state": key.state(now), "scopes": scopes, "origins": origins, "used_at_ms": used.get(key.id)}


PAGE = ConsolePage(
    path="/keys",
    title="Keys",
    sentence="Who and which program may ask the service, and what each key opens.",
    view=view,
    menu=MenuGroup.ACCESS,
    role=Role.OPERATOR,
    actions={
        "create": Action(create, Role.OPERATOR),
        "rotate": Action(rotate, Role.OPERATOR),
        "revoke": Action(revoke, Role.OPERATOR),
    },
)

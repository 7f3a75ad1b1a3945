"""Page of settings: each with its value, default, source and meaning, and when a change of it counts."""

from typing import Any

from starlette.responses import Response

from api.console.page import ConsolePage, MenuGroup
from api.console.roles import Role
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.client.judge_calls import Setting

COLUMNS = (
    Column("name", "Setting"),
    Column("value", "Value"),
    Column("default", "Default"),
    Column("place", "From"),
    Column("meaning", "Meaning"),
    Column("counts", "A change counts"),
)


NO_TABLE = "outside a table"
PLACES = {"default": "default", "file": "{}", "variable": "variable {}"}


async def view(visit: Visit) -> Response:
    """The settings of a table, those that were changed, or all."""
    answer = await visit.client.settings()
    table, only, word = visit.query("table"), visit.query("only"), visit.query("word").lower()
    chosen = [
        each
        for each in answer.settings
        if (not table or (each.table.partition(".")[0] or NO_TABLE) == table)
        and (only != "changed" or each.source != "default")
        and word in f"{each.table}.{each.name} {each.meaning}".lower()
    ]
    tables = dict.fromkeys(each.table.partition(".")[0] or NO_TABLE for each in answer.settings)
    return visit.render(
        "settings.html",
        table=table_page(visit, COLUMNS, list(map(_row, chosen)), default="name", caption="Settings"),
        tables=[(each, each) for each in tables],
        file=answer.file,
        pending=[_row(each) | {"running": _words(each.running)} for each in answer.settings if each.is_pending],
        n_changed=sum(each.source != "default" for each in answer.settings),
        n=len(answer.settings),
    )


def _row(setting: Setting) -> dict[str, Any]:
    return {
        **setting.model_dump(),
        "name": ".".join(part for part in (setting.table, setting.name) if part),
        "value": _words(setting.value),
        "default": _words(setting.default),
        "place": PLACES[setting.source].format(setting.place.rpartition("/")[2]),
        "meaning": f"{setting.meaning} ({setting.allowed.replace('`', '')})" if setting.allowed else setting.meaning,
    }


def _words(value: Any) -> str | None:
    """As it stands in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, dict):
        return "; ".join(f"{name} = {_words(each)}" for name, each in value.items())
    return None if value is None else str(value)


PAGE = ConsolePage(
    path="/settings",
    title="Settings",
    sentence="Every setting with its value, where it came from, and when a change counts; nothing is changed here.",
    view=view,
    menu=MenuGroup.ENGINE,
    role=Role.OPERATOR,
)

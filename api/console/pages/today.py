"""Today page: what moved, what is due, what is odd.  What takes seconds to work out comes after the rest."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from api.console.charts import ChartSeries, PlotChart
from api.console.page import ConsolePage, MenuGroup
from api.console.pages.customers import PICKS
from api.console.tables import Kind
from api.console.visit import Visit
from recsys.client import ApiError, CustomerChanges, Kpis
from recsys.time_units import DAY_MS

DAYS = 7
FIGURES = {"revenue": "Revenue", "customers": "Customers with an order", "basket_value": "Money per order"}
_GOOD = frozenset({"growing", "loyal", "advocate", "back"})


async def view(visit: Visit) -> Response:
    """Customers by stage, and the month's moves between them."""
    sums, ready = await asyncio.gather(visit.client.customers_summary(), visit.client.ready())
    moves = [move for move in sums.flow["moves"] if move["customers"] is not None]
    moves.sort(key=lambda move: -move["customers"])
    return visit.render(
        "today.html", sums=sums, moves=moves, good=_GOOD, picks=PICKS, warnings=ready.get("warnings", ())
    )


async def week(visit: Visit) -> Response:
    """The last week of the data: figures, customers who changed, reminders, and figures out of their usual range."""
    kpis = await visit.client.kpis(by="week")
    since = kpis.as_of - DAYS * DAY_MS
    kinds = ("stage", "value", "reminder")
    answers = await asyncio.gather(*(visit.client.customer_changes(since, change=kind, limit=5) for kind in kinds))
    changes: Mapping[str, CustomerChanges] = dict(zip(kinds, answers, strict=True))
    items = await asyncio.gather(*(_item_name(visit, change.to) for change in changes["reminder"].changes))
    await visit.note_read([change.user_id for answer in answers for change in answer.changes])
    return visit.render(
        "today_week.html",
        kpis=kpis,
        odd=[row for row in kpis.watch if row["is_outside"]],
        titles={row["name"]: row["title"] for row in kpis.definitions},
        units={row["name"]: row["unit"] for row in kpis.definitions},
        charts=[_chart(kpis, name, title) for name, title in FIGURES.items()],
        changes=changes,
        reminders=[*zip(changes["reminder"].changes, items, strict=True)],
        days=DAYS,
    )


async def _item_name(visit: Visit, item_id: str) -> str:
    """Its name, or its id where the catalogue has it no more."""
    try:
        return (await visit.client.item(item_id)).name or item_id
    except ApiError as error:
        if error.status != 404:
            raise
        return item_id


def _chart(kpis: Kpis, name: str, title: str) -> PlotChart:
    """The figure of the weeks that are over, with its interval."""
    periods = [period for period in kpis.periods if period["is_over"]]
    rows: list[dict[str, Any]] = [period["figures"][name] for period in periods]
    values, low, high = ([row[part] for row in rows] for part in ("value", "low", "high"))
    kind: Kind = "money" if name in ("revenue", "basket_value") else "number"
    series = ChartSeries(title, values, low, high)
    return PlotChart(
        title, [period["from"] for period in periods], [series], kind, "Week from", "by week, with intervals"
    )


PAGE = ConsolePage(
    path="/today",
    title="Today",
    sentence="What moved among your customers, what is due, and what looks odd.",
    view=view,
    menu=MenuGroup.TODAY,
)
WEEK = ConsolePage(
    path="/today/week",
    title="The last week",
    sentence="Figures of the last weeks, customers who changed, and what is out of its usual range.",
    view=week,
)

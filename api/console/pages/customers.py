"""List of customers: all customers with their figures, narrowed by stage, group and conditions."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.responses import Response

from api.console.conditions import parsed_condition
from api.console.page import ConsolePage, MenuGroup
from api.console.tables import Column, DataTable, TableState
from api.console.visit import Visit

COLUMNS = (
    Column("user_id", "Customer", href="/console/customer?id="),
    Column("stage", "Stage", "words"),
    Column("rfm_group", "Group", "words", hint="by recency, frequency and money"),
    Column("abc", "ABC", hint="A: the customers who make the first 80 % of revenue"),
    Column("money", "Paid", "money"),
    Column("orders", "Orders", "number"),
    Column("recency_days", "Days since", "whole", hint="whole days since the last order"),
    Column("last_order", "Last order", "date"),
    Column("value", "Value, 91 days", "money", hint="money expected in the next 91 days"),
    Column("churn_28", "May leave", "share", hint="chance of no order in 28 days"),
)


class CustomerPick(NamedTuple):
    """A condition that is often needed.  name: of a segment of it."""

    title: str
    about: str
    where: Mapping[str, Any]

    @property
    def name(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower())

    @property
    def text(self) -> str:
        return json.dumps(self.where)


CHAMPIONS_AT_RISK = CustomerPick(
    "Champions at risk",
    "they belong to those who make the first 80 % of your revenue (class A), and stop coming: at risk or dormant",
    {"abc": "A", "stage": ["at_risk", "dormant"]},
)
PICKS = (
    CHAMPIONS_AT_RISK,
    CustomerPick("One order only", "they bought once and never again", {"orders": 1}),
    CustomerPick("Came back", "they were dormant or lost, and bought again", {"stage": "back"}),
)
SELECTS = {"stage": "stages", "rfm": "groups", "abc": "abc"}


async def view(visit: Visit) -> Response:
    """The table, and above it the conditions that narrow it."""
    where = condition(visit)
    sums = await visit.client.customers_summary()
    segments = await visit.client.segments()
    state = TableState.of_visit(visit, COLUMNS, "money")
    answer = await visit.client.search_customers(
        where,
        segment=visit.query("segment") or None,
        order=state.order,
        limit=state.rows,
        offset=state.offset,
        reverse=state.is_reversed,
    )
    await visit.note_read([row["user_id"] for row in answer.rows])
    columns = [column for column in COLUMNS if not answer.rows or column.name in answer.rows[0]]
    kept = {name: visit.query(name) for name in (*SELECTS, "segment", "where")}
    table = DataTable(columns, answer.rows, state, answer.customers, "Customers", kept)
    choices = {name: _choices(getattr(sums, field)) for name, field in SELECTS.items()}
    return visit.render(
        "customers.html",
        table=table,
        choices=choices,
        segments=[segment["name"] for segment in segments.segments],
        as_of=answer.as_of,
        where=where,
        picks=PICKS,
        pick=next((pick for pick in PICKS if pick.where == where), None),
        empty=_empty(visit),
    )


def condition(visit: Visit) -> Mapping[str, Any] | None:
    """What the form says, as a condition on customers; None for all.  Raises BadInput."""
    parts: list[Mapping[str, Any]] = [{name: visit.query(name)} for name in SELECTS if visit.query(name)]
    text = visit.query("where")
    if text:
        parts.append(parsed_condition(text))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"all": parts}


def _empty(visit: Visit) -> str:
    words = "No customer passes this condition."
    if visit.query("rfm") == "champions" and visit.query("stage"):
        words += f" Who stopped coming is no champion any more: choose “{CHAMPIONS_AT_RISK.title}” above."
    return words


def _choices(groups: tuple[dict[str, Any], ...]) -> list[tuple[str, int | None]]:
    """Name and number of customers of each group."""
    return [(next(str(value) for value in group.values()), group.get("customers")) for group in groups]


PAGE = ConsolePage(
    path="/customers",
    title="Customers",
    sentence="Who buys from you, who is worth keeping, and who is about to leave.",
    view=view,
    menu=MenuGroup.PEOPLE,
)

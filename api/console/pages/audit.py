"""Audit page: who looked at which customer in the console, and who changed what."""

from dataclasses import asdict

from starlette.responses import Response

from api.console.page import ConsolePage, MenuGroup
from api.console.roles import Role
from api.console.tables import Column, DataTable, TableState
from api.console.visit import Visit

COLUMNS = (
    Column("at_ms", "When (UTC)", "moment", is_sortable=False),
    Column("who", "Who", is_sortable=False, hint="the person, or the id of the key"),
    Column("role", "Role", is_sortable=False),
    Column("kind", "Did", is_sortable=False),
    Column("page", "Page", is_sortable=False),
    Column("customer", "Customer", is_sortable=False),
    Column("detail", "Detail", is_sortable=False),
)


async def view(visit: Visit) -> Response:
    """The newest rows, of one customer or of all."""
    state = TableState.of_visit(visit, COLUMNS, "at_ms")
    user_id = visit.query("user")
    rows = await visit.audit(user_id, state.rows, state.offset)
    shown = [
        {**asdict(row), "who": row.who, "customer": row.user_id or ("erased" if row.digest else None)} for row in rows
    ]
    table = DataTable(COLUMNS, shown, state, None, "Audit, newest first", {"user": user_id})
    return visit.render("audit.html", table=table)


PAGE = ConsolePage(
    path="/audit",
    title="Audit",
    sentence="Who looked at which customer here, and who changed what.",
    view=view,
    menu=MenuGroup.ACCESS,
    role=Role.OPERATOR,
    reads="user",
)

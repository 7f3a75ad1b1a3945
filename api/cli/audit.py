"""Command `recsys audit`: who looked at which customer in the console, and who changed what."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from recsys.cli.context import CliContext
from recsys.cli.output import AsJson, print_json, print_table
from recsys.time_units import second

if TYPE_CHECKING:
    from recsys.data.audit import AuditRow


def audit(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="A customer, also one who was erased; everybody when left out.")] = "",
    newest: Annotated[int, typer.Option(min=1, max=100_000, help="Rows at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Who looked at which customer in the console, and who changed what; the newest first.

    Of an erased customer only a digest is left.  Example: recsys audit 900
    """
    rows = cast(CliContext, context.obj).existing_store().audit(user_id=user, newest=newest)
    if as_json:
        print_json([_as_data(row) for row in rows])
    else:
        print_table(("when", "who", "role", "did", "page", "customer", "detail"), map(_row, rows))


def _as_data(row: "AuditRow") -> dict[str, object]:
    customer = {"user_id": row.user_id or None, "digest": row.digest or None}
    who = {"at_ms": row.at_ms, "key_id": row.key_id, "person": row.person or None, "role": row.role}
    return {**who, "kind": row.kind, "page": row.page, **customer, "detail": row.detail}


def _row(row: "AuditRow") -> tuple[str, ...]:
    customer = row.user_id or (f"erased {row.digest[:12]}" if row.digest else "")
    return (second(row.at_ms), row.who, row.role, row.kind, row.page, customer, row.detail)

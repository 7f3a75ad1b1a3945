"""Rules of marketers: a form for one more, the text of all of them, a preview of both, and the versions before."""

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from api.console.forms.documents import StoredDocument
from api.console.forms.fields import typed_days, typed_name, typed_number, typed_words
from api.console.page import ConsolePage, MenuGroup
from api.console.pages.lists import place_choices
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.client import Ask, RuleTrial, list_calls
from recsys.errors import BadInput

COLUMNS = (
    Column("id", "Rule"),
    Column("kind", "Does", "words"),
    Column("about", "Products"),
    Column("placements", "Where"),
    Column("customers", "For whom"),
    Column("from", "From"),
    Column("until", "Until, this day included"),
    Column("state", "Holds"),
    Column("reason", "Reason"),
)
KINDS = (
    ("pin", "pin: at a place of your choice"),
    ("boost", "boost: further up"),
    ("bury", "bury: below everything else"),
    ("block", "block: not at all"),
)
DOCUMENT = StoredDocument(
    "rule", list_calls.rules, list_calls.put_rules, list_calls.rule_version, list_calls.rule_versions
)
LENGTH = 12
SAMPLE = 200


async def view(visit: Visit, trial: RuleTrial | None = None, text: str | None = None) -> Response:
    """The rules in service and the forms; with a trial, what its text would change."""
    state = await DOCUMENT.state(visit, text)
    places = await visit.client.placements()
    rows = [_row(rule) for rule in state["stored"].rules]
    return visit.render(
        "rules.html",
        **state,
        table=table_page(visit, COLUMNS, rows, default="id", caption="Rules"),
        placements=place_choices(places),
        kinds=KINDS,
        trial=trial,
    )


def typed_rule(visit: Visit) -> dict[str, Any]:
    """The rule of the form, without what was left empty.  Raises BadInput for a number that is none."""
    kind, product = visit.typed("kind", "pin"), visit.typed("product")
    if not product:
        raise BadInput("which product is it about? Put in its id")
    name = typed_name(visit.typed("name") or f"{kind}-{product}")
    rule: dict[str, Any] = {"id": name, "kind": kind, "items": typed_words(product)}
    if kind in ("pin", "boost"):
        field, default = ("slot", "1") if kind == "pin" else ("factor", "3")
        rule[field] = typed_number(visit.typed("strength") or default, "a place such as 1, or a factor such as 3")
    if visit.typed("placement"):
        rule["placements"] = [visit.typed("placement")]
    return rule | typed_days(visit) | {"reason": visit.typed("reason")}


def _rule_of_today(visit: Visit) -> dict[str, Any]:
    """The rule of the form as if it held today: a list before its first day would say nothing of it."""
    return {name: value for name, value in typed_rule(visit).items() if name not in ("from", "until")}


async def _preview(visit: Visit, text: str, shown: str) -> Response:
    ask = Ask(user_id=visit.typed("customer") or None, placement=visit.typed("placement") or "home", k=LENGTH)
    trial = await visit.client.try_rules(ask, text, against="in-service", customers=SAMPLE)
    return await view(visit, trial, shown)


def _row(rule: dict[str, Any]) -> dict[str, Any]:
    about = [*rule.get("items", ()), *rule.get("categories", ()), *rule.get("brands", ())]
    about += [str(rule["where"])] if rule.get("where") else []
    return {
        "id": rule.get("id"),
        "kind": rule.get("kind"),
        "about": ", ".join(map(str, about)) or "all",
        "placements": ", ".join(map(str, rule.get("placements", ()))) or "everywhere",
        "customers": str(rule.get("customers") or rule.get("segment") or "all"),
        "from": str(rule.get("from", "")),
        "until": str(rule.get("until", "")),
        "state": _state(rule, str(datetime.now(UTC).date())),
        "reason": rule.get("reason"),
    }


def _state(rule: dict[str, Any], today: str) -> str:
    """Whether its days are now; its hours and weekdays are not looked at."""
    if not rule.get("on", True):
        return "switched off"
    if str(rule.get("from") or today)[:10] > today:
        return "later"
    return "is over" if str(rule.get("until") or today)[:10] < today else "yes"


PAGE = ConsolePage(
    path="/rules",
    title="Rules",
    sentence="Put a product first for some days, move others up or down, or take them off, without a developer.",
    view=view,
    menu=MenuGroup.SHOP,
    actions=DOCUMENT.actions(typed_rule, _preview, _rule_of_today),
)

"""Rules of marketers: a form for one more, the text of all of them, a preview of both, and the versions before."""

import re
from typing import Any

from starlette.responses import Response

from api.console.forms.fields import typed_days, typed_number, typed_version, typed_words
from api.console.forms.toml_text import with_entry, without_entry
from api.console.page import Action, ConsolePage
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.client import Ask, RuleTrial
from recsys.errors import BadInput

COLUMNS = (
    Column("id", "Rule"),
    Column("kind", "Does", "words"),
    Column("about", "Products"),
    Column("placements", "Where"),
    Column("customers", "For whom"),
    Column("from", "From"),
    Column("until", "Until, this day included"),
    Column("on", "On"),
    Column("reason", "Reason"),
)
KINDS = (
    ("pin", "pin: at a place of your choice"),
    ("boost", "boost: further up"),
    ("bury", "bury: below everything else"),
    ("block", "block: not at all"),
)
TABLE = "rules"
LENGTH = 12
SAMPLE = 200


async def view(visit: Visit, trial: RuleTrial | None = None, text: str | None = None) -> Response:
    """The rules in service and the forms; with a trial, what its text would change."""
    stored = await visit.client.rules()
    places = await visit.client.placements()
    versions = await visit.client.rule_versions()
    return visit.render(
        "rules.html",
        stored=stored,
        table=table_page(visit, COLUMNS, [_row(rule) for rule in stored.rules], default="id", caption="Rules"),
        versions=versions.versions,
        placements=[(each.name, each.name) for each in places.placements],
        kinds=KINDS,
        trial=trial,
        text=stored.toml if text is None else text,
        digest=visit.typed("digest", stored.digest),
    )


async def preview_rule(visit: Visit) -> Response:
    """What the rules in service with the one of the form would change."""
    stored = await visit.client.rules()
    return await _preview(visit, with_entry(stored.toml, TABLE, typed_rule(visit)), shown=stored.toml)


async def add(visit: Visit) -> Response:
    """Puts the rule of the form into service, beside the others."""
    stored, rule = await visit.client.rules(), typed_rule(visit)
    await visit.client.put_rules(with_entry(stored.toml, TABLE, rule), if_digest=stored.digest)
    return visit.redirect("/rules", f"Rule {rule['id']} is in service.")


async def preview_text(visit: Visit) -> Response:
    """What the rules of the text would change."""
    text = visit.typed("toml")
    return await _preview(visit, text, shown=text)


async def save(visit: Visit) -> Response:
    """Puts the rules of the text into service, unless somebody else changed them meanwhile."""
    await visit.client.put_rules(visit.typed("toml"), if_digest=visit.typed("digest"))
    return visit.redirect("/rules", "The rules are in service.")


async def remove(visit: Visit) -> Response:
    """Takes one rule out of the text."""
    stored, name = await visit.client.rules(), visit.typed("rule")
    text = without_entry(stored.toml, TABLE, name, [rule.get("id") for rule in stored.rules])
    await visit.client.put_rules(text, if_digest=stored.digest)
    return visit.redirect("/rules", f"Rule {name} is taken away; the versions below have it still.")


async def restore(visit: Visit) -> Response:
    """Puts the rules of an earlier version into service."""
    number = typed_version(visit)
    old = await visit.client.rule_version(number)
    await visit.client.put_rules(old.toml)
    return visit.redirect("/rules", f"The rules of version {number} are in service again.")


def typed_rule(visit: Visit) -> dict[str, Any]:
    """The rule of the form, without what was left empty.  Raises BadInput for a number that is none."""
    kind, product = visit.typed("kind", "pin"), visit.typed("product")
    if not product:
        raise BadInput("which product is it about? Put in its id")
    name = visit.typed("name") or f"{kind}-{re.sub(r'[^A-Za-z0-9]+', '-', product).strip('-')[:40]}"
    rule: dict[str, Any] = {"id": name, "kind": kind, "items": typed_words(product)}
    if kind in ("pin", "boost"):
        field, default = ("slot", "1") if kind == "pin" else ("factor", "3")
        rule[field] = typed_number(visit.typed("strength") or default, "a place such as 1, or a factor such as 3")
    if visit.typed("placement"):
        rule["placements"] = [visit.typed("placement")]
    return rule | typed_days(visit) | {"reason": visit.typed("reason")}


async def _preview(visit: Visit, text: str, *, shown: str) -> Response:
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
        "on": "yes" if rule.get("on", True) else "no",
        "reason": rule.get("reason"),
    }


PAGE = ConsolePage(
    path="/rules",
    title="Rules",
    sentence="Put a product first for some days, move others up or down, or take them off, without a developer.",
    view=view,
    menu=74,
    actions={
        "add": Action(add),
        "preview-rule": Action(preview_rule),
        "save": Action(save),
        "preview": Action(preview_text),
        "remove": Action(remove),
        "restore": Action(restore),
    },
)

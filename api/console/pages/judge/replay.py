"""Off-policy evaluation: what other rules would have earned, without showing anybody a new list."""

from typing import Any

from starlette.responses import Response

from api.console.forms.fields import typed_number
from api.console.page import Action, ConsolePage
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.client import AnswersEvaluation
from recsys.errors import BadInput

REWARDS = (
    Column("name", "In 1,000 lists", "words", is_sortable=False),
    Column("log", "As they were", is_sortable=False),
    Column("dr", "With these rules", hint="doubly robust", is_sortable=False),
    Column("difference", "More than the log", is_sortable=False),
    Column("ips", "Weighted (IPS)", is_sortable=False),
    Column("snips", "Self-normalised (SNIPS)", is_sortable=False),
)
PLACES = "3"


async def view(visit: Visit, result: AnswersEvaluation | None = None) -> Response:
    """The form; with a result, what the rules would have earned."""
    stored = await visit.client.rules()
    places = await visit.client.placements()
    rows = [_row(name, each) for name, each in result.rewards.items()] if result else []
    return visit.render(
        "replay.html",
        result=result,
        table=table_page(visit, REWARDS, rows, default="name", caption="What they would have earned"),
        rules=stored.toml,
        placements=[(each.name, each.name) for each in places.placements],
        places=PLACES,
    )


async def judge(visit: Visit) -> Response:
    """Judges the rules of the form on the explored answers of the log."""
    if not visit.typed("toml"):
        raise BadInput("which rules? Put them in; a line such as # none stands for a shop without rules")
    k = int(typed_number(visit.typed("places") or PLACES, "how many places, such as 3"))
    placement = visit.typed("placement") or "home"
    return await view(visit, await visit.client.evaluate_answers(visit.typed("toml"), placement=placement, k=k))


def _row(name: str, estimates: dict[str, Any]) -> dict[str, str]:
    return {"name": name, **{method: _words(each, method) for method, each in estimates.items()}}


def _words(each: dict[str, float], method: str) -> str:
    """212 (190 to 234), of 1,000 lists."""
    sign = "+" if method == "difference" else ""
    value, low, high = (f"{1_000 * each[end]:{sign},.0f}" for end in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


PAGE = ConsolePage(
    path="/replay",
    title="Other rules",
    sentence="What other rules would have earned, worked out from lists of the past that left something to chance.",
    view=view,
    actions={"judge": Action(judge)},
)

"""Command `recsys facts summary`: searches without a result, net promoter score and satisfied customers."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from recsys.cli.context import CliContext
from recsys.cli.output import AsJson, plain_console, print_json
from recsys.time_units import DAY_MS, now_ms

if TYPE_CHECKING:
    from recsys.customers.surveys import SurveyScore


def summary(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, help="Of so many days until now.")] = 28,
    as_json: AsJson = False,
) -> None:
    """What customers searched for in vain, and how they answered surveys; groups below 20 customers are not told.

    Example: recsys facts summary --days 91
    """
    from recsys.customers.surveys import summarize_facts

    store, until_ms = cast(CliContext, context.obj).existing_store(), now_ms()
    facts = summarize_facts(store, until_ms - days * DAY_MS, until_ms)
    if as_json:
        names = ("query", "searches", "customers")
        vain = [dict(zip(names, search, strict=True)) for search in facts.searches]
        scores = {"nps": facts.nps and facts.nps._asdict(), "csat": facts.csat and facts.csat._asdict()}
        print_json({"days": days, "searches": vain, "rare_searches": facts.n_rare, **scores})
        return
    console = plain_console()
    console.print(f"net promoter score, {days} days: {_words(facts.nps, '')}")
    console.print(f"satisfied customers, {days} days: {_words(facts.csat, ' %')}")
    console.print(f"searches without a result, {days} days: {len(facts.searches)} by 20 customers or more")
    for query, searches, customers in facts.searches:
        console.print(f"  {searches:>7,} by {customers:>6,} customers  {query}", markup=False)
    if facts.n_rare:
        console.print(f"  {facts.n_rare:,} other searches by fewer than 20 customers each")


def _words(score: "SurveyScore | None", unit: str) -> str:
    if score is None:
        return "not told: fewer than 20 customers answered"
    return f"{score.value:.1f}{unit} ({score.low:.1f} to {score.high:.1f} with 95 %, {score.n:,} customers)"

"""Command `recsys customer`: the terminal card of a customer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.table import Table

from recsys.cli.context import live_recommender
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.time_units import DAY_MS, date, minute, now_ms

SHOWN_CONTACTS = 3

Rows = Iterator[tuple[str, str]]
Needs = Sequence[Mapping[str, Any]] | None


def customer(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer.")],
    as_json: AsJson = False,
) -> None:
    """Who this customer is: recency, frequency, money, stage, rhythm, taste, and what to offer now.

    Example: recsys customer 900
    """
    from recsys.data.answer_log.answer_log import open_answer_log
    from recsys.ranking.customer_profile import read_profile

    store = ctx.obj.existing_store()
    recommender, answers = live_recommender(ctx.obj, store), open_answer_log(ctx.obj.home)
    if answers is None:
        card = read_profile(store, recommender, None, user, now_ms())
    else:
        with closing(answers):
            card = read_profile(store, recommender, answers, user, now_ms())
    if as_json:
        print_json(card)
    else:
        print_card(card)


def print_card(card: Mapping[str, Any]) -> None:
    """Prints the card: a line for each part, then what to offer, then why figures are missing."""
    rows = dict(card_rows(card))
    if card["stage"] is None:
        rows["figures"] = f"none: {next(iter(card['unknown'].values()))}"
    console = plain_console()
    console.print(f"Customer {card['user_id']}, as of {minute(card['as_of'])} UTC")
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
    if card["offers"]:
        cells = [(offer["item_id"], offer["name"] or "", offer["reason"]) for offer in card["offers"]]
        print_table(("offer now", "name", "why"), cells)
    _print_needs("needs again", card["needs"], lambda need: " ".join(filter(None, (need["item_id"], need["name"]))))
    _print_needs("category", card["category_needs"], lambda need: need["category"])
    for path, reason in card["unknown"].items() if card["stage"] else ():
        console.print(f"not known: {path.replace('.', ' ').replace('_', ' ')}: {reason}")


def _print_needs(title: str, needs: Needs, name: Callable[[Mapping[str, Any]], str]) -> None:
    if not needs:
        return
    days = (7, 14, 28)
    by = {"frequency": "how often bought", "logistic": "model"}
    cells = [(name(need), *(f"{need[f'within_{n}_days']:.0%}" for n in days), by[need["method"]]) for need in needs]
    print_table((title, *(f"in {n} days" for n in days), "by"), cells)


def card_rows(card: Mapping[str, Any]) -> Rows:
    """The parts of the card as names and values."""
    if card["stage"] is not None:
        yield from _figures(card)
    yield "consent", ", ".join(_consent(card["consent"]))
    if card["attributes"]:
        yield (
            "attributes",
            ", ".join(f"{key}={value}" for key, value in card["attributes"].items() if value is not None),
        )
    if card["merged_ids"]:
        yield "merged ids", ", ".join(card["merged_ids"])


_ANSWERS = {True: "yes", False: "no", None: "not asked"}


def _consent(consent: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{purpose} {_ANSWERS[answer]}" for purpose, answer in consent.items() if purpose != "channels")
    for purpose, answers in consent["channels"].items():
        yield from (f"{purpose} by {channel} {_ANSWERS[answer]}" for channel, answer in answers.items())


def _figures(card: Mapping[str, Any]) -> Rows:
    recency, frequency, money, rhythm = card["recency"], card["frequency"], card["money"], card["rhythm"]
    stage, since, taste, shown = card["stage"], card["since"], card["taste"], card["shown"]
    yield "since", f"first seen {_day(since['first_seen'])}, first order {_day(since['first_order'])}"
    before = f" (before: {_words(stage['before'])})" if stage["before"] else ""
    yield "stage", f"{_words(stage['name'])} since {stage['since'] or '-'}{before}: {stage['reason']}"
    yield (
        "group",
        f"{_text(card['rfm']['group'])}, {_text(card['rfm']['short_group'])}; ABC {_text(card['abc']['class'])}",
    )
    yield from _predictions(card)
    yield "recency", f"{_count(recency['days'], 'day')}, last order {_day(recency['last_order'])}{_score(recency)}"
    yield (
        "frequency",
        f"{_count(frequency['orders'], 'order')} on {_count(frequency['purchase_days'], 'day')}{_score(frequency)}",
    )
    margin = "" if money["margin"] is None else f", margin {money['margin']:,.2f}"
    yield "money", f"{money['total']:,.2f}, {_money(money['per_order'])} per order{margin}{_score(money)}"
    yield "rhythm", _rhythm(rhythm)
    yield "best time", _best_time(card["contact_time"])
    top = ", ".join(f"{each['category']} {each['share']:.0%}" for each in taste["top_categories"] if each["share"])
    yield "buys", f"{_count(taste['items'], 'item')}, categories {taste['categories']}: {top or '-'}"
    yield "price level", f"{_share(taste['price_level'])} (0 % cheapest, 100 % dearest of each category)"
    yield "discounts", _share(taste["discount_share"])
    yield "shown", _shown(shown)
    contacts = ", ".join(f"{n} {_words(kind)}" for kind, n in card["contacts"]["count"].items())
    newest = map(_contact, card["contacts"]["newest"][:SHOWN_CONTACTS])
    yield "contacts", "\n".join((contacts or "none are kept", *newest))
    if card["campaigns"]:
        yield "campaigns", ", ".join(f"{each['campaign']} ({each['arm']})" for each in card["campaigns"])


def _contact(contact: Mapping[str, Any]) -> str:
    value = None if contact["value"] is None else f"{contact['value']:g}"
    said = (_words(contact["kind"]), contact["ref"], value, contact["text"], contact["channel"])
    return f"{_day(contact['at'])}: {' '.join(filter(None, said))}"


def _predictions(card: Mapping[str, Any]) -> Rows:
    value, churn = card["value"], card["churn"]
    if value is not None:
        interval = f"{value['low']:,.2f} to {value['high']:,.2f}" if value["low"] is not None else "no interval"
        said = f"{value['amount']:,.2f} in {value['horizon_days']} days ({interval}), class {value['class'] or '-'}"
        yield "value", f"{said}; by {value['method']}"
    if churn is not None:
        chances = ((days, churn[f"within_{days}_days"]) for days in (28, 56, 91))
        known = [f"{chance['chance']:.0%} in {days} days" for days, chance in chances if chance["chance"] is not None]
        reasons = "; ".join(churn["within_28_days"]["reasons"])
        yield "may leave", ", ".join(known) + (f": {reasons}" if reasons else "") if known else "-"


def _rhythm(rhythm: Mapping[str, Any]) -> str:
    if rhythm["at_risk_from"] is None:
        return "no order yet"
    at_risk = f"at risk from {rhythm['at_risk_from']} without an order"
    if rhythm["gap_days"] is None:
        return f"too few orders for a gap of their own; {at_risk}"
    return f"an order every {_count(rhythm['gap_days'], 'day')}, next about {rhythm['usual_next_order']}; {at_risk}"


def _best_time(times: Mapping[str, Any]) -> str:
    places = [
        f"{best['at']} ({best['share']:.0%} of their orders, {best['shop_share']:.0%} of the shop's)"
        for best in (times["best_day"], times["best_hour"])
        if best is not None
    ]
    return f"{', '.join(places)}, {times['time_zone']}" if places else "-"


def _shown(shown: Mapping[str, Any]) -> str:
    lists = f"{_count(shown['answers'], 'list')} with {_count(shown['shown'], 'item')} in {shown['days']} days"
    return f"{lists}: {shown['clicked']} clicked, {shown['bought']} bought for {shown['revenue']:,.2f}"


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _count(n: float | None, word: str) -> str:
    return "-" if n is None else f"{n:,g} {word}" + "s" * (n != 1)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _score(part: Mapping[str, Any]) -> str:
    return "" if part["score"] is None else f" (score {part['score']} of 5)"


def _day(at_ms: int | None) -> str:
    return "-" if at_ms is None else date(at_ms / DAY_MS)

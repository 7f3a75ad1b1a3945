"""Eight tasks that somebody without a terminal does in the console, each by what stands on the page."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.scenarios.console.hostile_shop import GONE, MAILING
from tests.scenarios.console.person import Person, Shop, enter

pytestmark = pytest.mark.slow
SEGMENT = "champions-at-risk"
MAY_BE_ERASED, PRODUCT = "user-100", "item-022"


@pytest.fixture
def person(chrome: Browser, shop: Shop, pictures: Path) -> Iterator[Person]:
    somebody = enter(chrome, shop, pictures)
    yield somebody
    somebody.page.context.close()


def test_champions_at_risk_are_found_saved_planned_for_and_exported(person: Person, shop: Shop) -> None:
    person.click("Customers")
    person.click("Champions at risk")
    person.sees("Customers (25)")
    person.sees(GONE)
    person.picture("1-champions-at-risk")
    assert person.clicks == 2

    person.click("Save these customers as a segment")
    person.click("Save the segment", "button")
    person.sees(f"{SEGMENT} is saved")
    person.picture("2-segment-saved")
    assert person.clicks == 4

    person.click("Plan a campaign")
    person.fill("Name", "come-back")
    person.fill("Offer", "10 % off")
    person.click("Show the plan", "button")
    person.sees("Will get it")
    person.picture("3-plan")
    person.click("Save the draft", "button")
    person.sees("control 10.0 %")
    assert person.clicks == 7

    person.page.get_by_label("also when the result will prove nothing").check()
    person.click("Draw now", "button")
    person.sees("It is drawn: ")
    person.picture("4-drawn")
    rows = [*csv.DictReader(Path(person.download("Download the list").path()).read_text().splitlines())]
    draw = shop.client.campaign("come-back").draw
    assert draw is not None
    assert (len(rows), draw["treated"] + draw["control"]) == (draw["treated"], draw["eligible"])
    assert draw["control"] > 0
    assert person.clicks == 9
    assert person.complaints == []


def test_a_mailing_of_another_tool_is_read_and_said_to_prove_nothing(person: Person) -> None:
    person.click("Campaigns")
    person.click(MAILING)
    person.sees("no control group: not proof")
    person.sees("80 were written to and 160 were not")
    person.picture("5-mailing")
    assert (person.clicks, person.complaints) == (2, [])


def test_why_a_product_is_not_shown_is_answered_with_what_would_change_it(person: Person) -> None:
    person.click("Why not shown")
    person.fill("Product", "Product 22")
    expect(person.page.locator(f"datalist option[value={PRODUCT}]")).to_have_text("Product 22")
    person.fill("Product", PRODUCT)
    person.fill("Customer", GONE)
    person.fill("Length of the list", "3")
    person.click("Why?", "button")
    person.sees("It is not shown: other products rank higher.")
    person.sees("Pin it with a rule")
    person.picture("6-why-not")
    assert (person.clicks, person.complaints) == (2, [])


def test_an_access_request_is_answered_and_the_customer_erased(person: Person, shop: Shop) -> None:
    person.click("Customers")
    person.fill("Find a customer", MAY_BE_ERASED)
    person.click("Open", "button")
    person.click("Access request, consent, erasure")
    document = json.loads(Path(person.download("Download their data").path()).read_text())
    assert MAY_BE_ERASED in json.dumps(document)
    assert document["events"]

    person.fill("Type the id once more", f"{MAY_BE_ERASED}0")
    person.click("Erase this customer", "button")
    person.sees("Nothing was erased")
    person.fill("Type the id once more", MAY_BE_ERASED)
    person.picture("7-erase")
    person.click("Erase this customer", "button")
    person.sees("The customer is erased.")
    person.picture("7-receipt")
    assert person.clicks == 6
    person.page.goto(f"{shop.url}/console/customer?id={MAY_BE_ERASED}")
    person.sees("No customer has the id")


def test_a_product_is_pinned_for_friday_without_a_line_of_code(person: Person, shop: Shop) -> None:
    today = datetime.now(UTC).date()
    friday = str(today + timedelta(days=(4 - today.weekday()) % 7 or 7))
    person.click("Rules")
    person.fill("Product", PRODUCT)
    for label in ("From empty", "Until"):
        person.fill(label, friday)
    person.fill("Reason", "The week's offer")
    person.click("Preview", "button")
    person.sees(f"Shown as if it held today; it will hold from {friday}")
    person.sees("holds in this list, 1 product")
    person.picture("8-preview")
    person.click("Put into service", "button")
    person.sees(f"Rule pin-{PRODUCT} is saved and will hold from {friday} until {friday}")
    person.picture("8-pinned")
    (rule,) = [rule for rule in shop.client.rules().rules if rule["id"] == f"pin-{PRODUCT}"]
    assert (rule["items"], rule["from"], rule["until"], rule["slot"]) == ([PRODUCT], friday, friday, 1)
    assert (person.clicks, person.complaints) == (3, [])

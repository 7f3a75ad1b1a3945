"""Every page of the console in a browser: accessible, whole at both widths, with hostile names as text, by keyboard."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from api.console.page import ConsolePage
from api.console.table import PAGES
from tests.scenarios.console.hostile_shop import BACKWARDS, ENDLESS, MARKUP
from tests.scenarios.console.person import Person, Scheme, Shop, enter

pytestmark = pytest.mark.slow
WIDTHS, LAPTOP_WIDTH = (390, 1_440), 1_280
SERIOUS = {"serious", "critical"}
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# What each page shows; a page that is not named here is looked at as it opens from the menu.
EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "/customer": {"id": MARKUP},
    "/segments": {"open": "hostile"},
    "/campaign": {"campaign": "hostile"},
    "/campaign/result": {"campaign": "hostile"},
    "/products": {"query": "Long"},
    "/products/names": {"item": "Long"},
    "/product": {"item": "item-000", "fans": "1"},
    "/lists": {"id": MARKUP},
    "/why": {"id": MARKUP, "item": "item-000"},
    "/promotions": {"id": MARKUP},
    "/products/pairs": {"count": "1", "least": "5"},
    "/experiment": {"experiment": "hostile"},
    "/experiment/result": {"experiment": "hostile"},
    "/audit": {"user": MARKUP},
    "/pairs": {"count": "1", "by": "category", "least": "1"},
    "/movers": {"count": "1", "way": "all", "sure": "0"},
}
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CUT_TABLES = """[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth + 1)
.map(each => `${each.getAttribute('aria-label')}: ${each.scrollWidth} of ${each.clientWidth}`)"""
WITHOUT_FOCUS = """[...document.querySelectorAll('main :is(a, button, input, select, textarea, summary)')]
.filter(each => each.type !== 'hidden' && each.checkVisibility())
.filter(each => { each.focus({focusVisible: true}); return getComputedStyle(each).outlineStyle === 'none' })
.map(each => each.outerHTML.slice(0, 200))"""
NOT_FOR_PAPER = "[...document.querySelectorAll('nav, form, button')].filter(each => each.checkVisibility()).length"
TITLE_COLOUR = "getComputedStyle(document.querySelector('h1')).color"
PAPER_WIDTH = 718  # A4 within margins of a centimetre
UNASKED = "status of 422"  # a page that is opened without what it is about, and says so in words
RUN_OR_LOADED = "document.querySelectorAll('img[src^=x], main script, iframe, object').length"
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)


@pytest.fixture(scope="module")
def hostile_shop(shop: Shop) -> Shop:
    """The shop with texts of people that are hostile, too."""
    client = shop.client
    client.put_segments(
        [{"name": "hostile", "about": f"{MARKUP} {BACKWARDS} {ENDLESS}", "where": {"orders": {"gte": 1}}}]
    )
    rule = {"id": "hostile", "kind": "boost", "items": ["item-000"], "factor": 2, "reason": f"{MARKUP} {ENDLESS}"}
    client.put_rules([rule])
    client.plan_campaign(campaign())
    client.draw_campaign("hostile", force=True)
    client.start_experiment(experiment())
    return shop


def experiment() -> dict[str, object]:
    other = {"placements": {"home": {"sources": ["discover"], "mix": "in-order"}}}
    return {"id": "hostile", "goal": f"{MARKUP} {BACKWARDS} {ENDLESS}", "days": 14, "looks": 2, "b": other}


def campaign() -> dict[str, object]:
    return {
        "id": "hostile",
        "name": MARKUP,
        "goal": f"{BACKWARDS} {ENDLESS}",
        "audience": {"segment": "hostile"},
        "offer": {"text": MARKUP, "coupon": ENDLESS[:40]},
        "channel": "email",
        "starts": "2100-12-01T10:00Z",
        "reading": "2100-12-29T10:00Z",
        "control_share": 0.1,
    }


@pytest.fixture(scope="module")
def people(chrome: Browser, hostile_shop: Shop, pictures: Path) -> Iterator[Mapping[Scheme, Person]]:
    """Somebody who likes it light, and somebody who likes it dark."""
    schemes: Sequence[Scheme] = get_args(Scheme)
    somebody = {scheme: enter(chrome, hostile_shop, pictures, scheme=scheme) for scheme in schemes}
    yield somebody
    for person in somebody.values():
        person.page.context.close()


def open_page(person: Person, shop: Shop, page: ConsolePage, width: int) -> Page:
    """That page, once everything on it is there."""
    person.complaints.clear()
    person.page.set_viewport_size({"width": width, "height": 900})
    person.page.goto(f"{shop.url}{page.url}?{urlencode(EXAMPLES.get(page.path, {}))}")
    person.page.wait_for_load_state("networkidle")
    return person.page


@every_page
@pytest.mark.parametrize("scheme", get_args(Scheme))
def test_a_page_is_accessible_whole_and_shows_hostile_names_as_text(
    people: Mapping[Scheme, Person], hostile_shop: Shop, page: ConsolePage, scheme: Scheme
) -> None:
    person = people[scheme]
    shown = open_page(person, hostile_shop, page, WIDTHS[0])
    assert [each for each in person.complaints if UNASKED not in each] == [], "of the policy of content, or of a script"
    assert shown.evaluate(RUN_OR_LOADED) == 0
    shown.set_viewport_size({"width": LAPTOP_WIDTH, "height": 900})
    assert shown.evaluate(CUT_TABLES) == []
    for width in WIDTHS:
        shown.set_viewport_size({"width": width, "height": 900})
        person.picture(f"page{page.path.replace('/', '-')}-{width}-{scheme}")
        assert shown.evaluate(TOO_WIDE) <= 0
        assert shown.evaluate(CUT_TABLES) == []
        found = Axe().run(shown, options=AXE).response["violations"]
        assert [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found if each["impact"] in SERIOUS] == []


@every_page
def test_a_page_is_used_by_keyboard_and_printed_without_menu_and_forms(
    people: Mapping[Scheme, Person], hostile_shop: Shop, page: ConsolePage
) -> None:
    person = people["dark"]
    shown = open_page(person, hostile_shop, page, PAPER_WIDTH)
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "To the content"
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.activeElement.id") == "main"
    assert shown.evaluate(WITHOUT_FOCUS) == []
    shown.emulate_media(media="print")
    person.picture(f"print{page.path.replace('/', '-')}")
    printed = [shown.evaluate(script) for script in (NOT_FOR_PAPER, TITLE_COLOUR, TOO_WIDE, CUT_TABLES)]
    shown.emulate_media(media="screen")
    assert printed == [0, "rgb(0, 0, 0)", 0, []]

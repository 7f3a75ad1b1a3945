"""Campaigns in the console: planned, drawn, downloaded and closed by forms."""

import re
from contextlib import closing
from pathlib import Path

from recsys.data.facts import Fact, FactKind
from recsys.data.store.open import open_store
from tests.api.console.conftest import HOSTILE, Browser, SignedIn

URL = "/console/campaigns"
PLAN = {
    "name": "spring sale",
    "goal": "They come again",
    "offer": "10 % off",
    "item": "item-004",
    "channel": "email",
    "control": "10",
    "starts": "2100-12-01T10:00",
    "reading": "2100-12-29T10:00",
}


def test_a_campaign_is_planned_drawn_downloaded_and_closed(console: Browser) -> None:
    plan = console.submit(f"{URL}/preview", **PLAN)
    assert all(words in plan.text for words in ("The plan", "Customers needed", 'value="They come again"'))
    assert "No campaign is planned yet." in plan.text
    saved = console.submit(f"{URL}/save", **PLAN)
    assert all(words in saved.text for words in ("The draft is saved", "They come again", "10.0 %", "Will get it"))
    assert 'name="force" value="1" required' in saved.text
    refused = console.submit("/console/campaign/draw", campaign="spring-sale")
    assert (refused.status_code, "tick “also when the result will prove nothing”" in refused.text) == (422, True)
    drawn = console.submit("/console/campaign/draw", campaign="spring-sale", force="1")
    assert re.search(r"It is drawn: \d+ get it, \d+ are the control group", drawn.text)
    assert "What it earned stands here from 2100-12-29 10:00 UTC on" in drawn.text
    file = console.submit("/console/campaign/download", campaign="spring-sale", layout="plain")
    assert file.headers["content-disposition"] == 'attachment; filename="spring-sale.csv"'
    assert "user-" in file.text
    assert "It is closed" in console.submit("/console/campaign/close", campaign="spring-sale").text
    assert "They come again" in console.get(URL).text


def test_a_result_says_what_it_leaves_out_and_whether_the_groups_are_those_of_the_draw(console: Browser) -> None:
    past = PLAN | {"name": "past", "starts": "2017-11-01T10:00", "reading": "2017-11-28T10:00", "cost": "0.5"}
    console.submit(f"{URL}/save", **past | {"control": "50", "item": "item-001"})
    drawn = console.submit("/console/campaign/draw", campaign="past", force="1")
    assert "Taken out:" in drawn.text
    text = console.get("/console/campaign/result?campaign=past").text
    assert all(words in text for words in ("Are the groups those of the draw?", "More customers with an order"))
    assert "Money in all, less contacts" in text
    assert "what the goods cost is not known and not taken off" in text


def test_the_form_is_open_for_whoever_comes_with_a_segment_or_a_product(console: Browser) -> None:
    for asked, is_open in (({}, ""), ({"segment": "none"}, " open"), ({"item": "item-004"}, " open")):
        assert f'<details id="plan"{is_open}>' in console.get(URL, params=asked).text


def test_a_form_with_a_fault_comes_back_with_words_and_what_was_typed(console: Browser) -> None:
    for wrong, words in (
        ({"item": ""}, "Choose a segment"),
        ({"cost": "much"}, "is no number"),
        ({"starts": ""}, "starts"),
    ):
        answer = console.submit(f"{URL}/save", **PLAN | {"name": "autumn"} | wrong)
        assert (answer.status_code, words in answer.text, "They come again" in answer.text) == (422, True, True)


def test_what_was_sent_without_a_plan_is_listed_and_of_few_nothing_is_said(
    console: Browser, console_home: Path
) -> None:
    with closing(open_store(console_home, None)) as store:
        many = [Fact(f"m{n}", f"user-{n:03}", FactKind.MESSAGE, 1_000, None, "sent", "18") for n in range(30)]
        store.add_facts([*many, Fact("few", "user-001", FactKind.MESSAGE, 2_000, None, "sent", HOSTILE)])
    text = console.get("/console/mailings").text
    assert '<a href="/console/campaign?campaign=18">18</a>' in text
    assert 'hx-get="/console/campaign/result?campaign=18"' in console.get("/console/campaign?campaign=18").text
    assert re.findall(r'data-label="Customers">\s*([^<]+)<', text) == ["–", "30"]


def test_a_campaign_that_there_is_not_is_told_in_words(signed_in: SignedIn) -> None:
    viewer = signed_in("viewer")
    assert "no campaign" in viewer.get("/console/campaign", params={"campaign": "none"}).text
    assert "Plan a campaign" not in viewer.get(URL).text

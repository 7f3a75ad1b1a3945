"""Campaigns in the console: planned, drawn, downloaded and closed by forms."""

from tests.api.console.conftest import Browser, SignedIn

URL = "/console/campaigns"
PLAN = {
    "name": "spring",
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
    assert "There is no campaign yet." in plan.text
    saved = console.submit(f"{URL}/save", **PLAN)
    assert all(words in saved.text for words in ("The draft is saved", "They come again", "10.0 %"))
    drawn = console.submit("/console/campaign/draw", campaign="spring", force="1")
    assert "It is drawn." in drawn.text
    file = console.submit("/console/campaign/download", campaign="spring", layout="plain")
    assert file.headers["content-disposition"] == 'attachment; filename="spring.csv"'
    assert "user-" in file.text
    assert "It is closed" in console.submit("/console/campaign/close", campaign="spring").text
    assert "They come again" in console.get(URL).text


def test_a_form_with_a_fault_comes_back_with_words_and_what_was_typed(console: Browser) -> None:
    for wrong, words in (
        ({"item": ""}, "Choose a segment"),
        ({"cost": "much"}, "is no number"),
        ({"starts": ""}, "starts"),
    ):
        answer = console.submit(f"{URL}/save", **PLAN | {"name": "autumn"} | wrong)
        assert (answer.status_code, words in answer.text, "They come again" in answer.text) == (422, True, True)


def test_a_campaign_that_there_is_not_is_told_in_words(signed_in: SignedIn) -> None:
    viewer = signed_in("viewer")
    assert "no campaign" in viewer.get("/console/campaign", params={"campaign": "none"}).text
    assert "Plan a campaign" not in viewer.get(URL).text

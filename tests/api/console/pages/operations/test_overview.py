"""Operations in the console: health, releases and runs; changes need a tick."""

from tests.api.console.conftest import SignedIn

URL = "/console/operations"


def test_an_operator_sees_health_releases_and_runs(signed_in: SignedIn) -> None:
    text = signed_in("operator").get(URL).text
    assert all(words in text for words in ("bundle: ok", "in service", "Roll back", "No job has run yet."))


def test_a_release_is_changed_with_a_tick_only_and_a_refusal_is_told_in_words(signed_in: SignedIn) -> None:
    operator = signed_in("operator")
    for action in ("promote", "roll-back"):
        answer = operator.submit(f"{URL}/{action}", version="20200101T000000Z-0000")
        assert (answer.status_code, "tick that all customers" in answer.text) == (422, True)
    answer = operator.submit(f"{URL}/promote", version="20200101T000000Z-0000", sure="1")
    assert (answer.status_code, "is not published here" in answer.text) == (422, True)
    answer = operator.submit(f"{URL}/roll-back", sure="1")
    assert (answer.status_code, "no sound release was live before" in answer.text) == (422, True)

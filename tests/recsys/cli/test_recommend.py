"""Commands that query the live release: recommend, similar and audience on a small trained shop."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.entities import Item, User
from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from recsys.testing import small_events, small_items
from tests.homes import publish_live


def run(*words: str) -> Result:
    return CliRunner().invoke(application(), list(words))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop, trained, and then one item renamed and one sold out."""
    home = tmp_path_factory.mktemp("home")
    store = open_store(home, None)
    store.append(small_events())
    store.put_items(small_items())
    publish_live(store, home)
    store.put_items([Item("item-004", name="New name"), Item("item-006", stock=0.0)])
    store.close()
    return home


def test_an_answer_shows_rank_name_and_reason_of_each_item(trained: Path) -> None:
    result = run("--home", str(trained), "recommend", "user-002", "-k", "3")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "\titem\tname\tscore\tsource\twhy"
    assert result.stdout.count("item-") >= 3
    assert "3 of 23 eligible; personal; model" in result.stdout


def test_as_json_an_answer_is_whole_and_knows_the_catalogue_of_this_second(trained: Path) -> None:
    result = run("--home", str(trained), "recommend", "user-002", "-k", "100", "--placement", "home", "--json")
    answer = json.loads(result.stdout)
    name_by_item = {item["item_id"]: item["name"] for item in answer["items"]}
    assert len(name_by_item) == 23
    assert "item-006" not in name_by_item
    assert name_by_item["item-004"] == "New name"
    assert [item["rank"] for item in answer["items"]] == list(range(1, 24))
    assert all(item["reason"]["text"] and item["source"] for item in answer["items"])


def test_what_happened_after_the_training_counts(trained: Path) -> None:
    words = ("--home", str(trained), "recommend", "nobody-yet", "--json")
    before = json.loads(run(*words).stdout)
    store = open_store(trained, None)
    store.append([Event("late", "nobody-yet", "item-002", Kind.PURCHASE, int(time.time() * 1_000))])
    store.close()
    after = json.loads(run(*words).stdout)
    assert (before["fallback"], after["fallback"]) == ("popular", "personal")


def test_who_was_erased_or_does_not_consent_is_a_stranger_here_too(trained: Path) -> None:
    def step(user: str) -> str:
        return str(json.loads(run("--home", str(trained), "recommend", user, "--json").stdout)["fallback"])

    assert (step("user-010"), step("user-011")) == ("personal", "personal")
    store = open_store(trained, None)
    store.erase_user("user-010")
    store.put_users([User("user-011", consent={"personalisation": False})])
    store.merge_users("user-012", "user-011-again")
    store.close()
    assert [step(user) for user in ("user-010", "user-011", "user-012")] == ["popular", "popular", "personal"]


def test_similar_items_never_hold_the_item_itself(trained: Path) -> None:
    result = run("--home", str(trained), "similar", "item-002", "-k", "5", "--json")
    ids = [item["item_id"] for item in json.loads(result.stdout)["items"]]
    assert len(ids) == 5
    assert "item-002" not in ids


def test_an_unknown_item_or_placement_says_so(trained: Path) -> None:
    assert run("--home", str(trained), "similar", "nothing").stderr.startswith("unknown_item: ")
    result = run("--home", str(trained), "recommend", "u", "--placement", "hom")
    assert (result.exit_code, result.stderr.startswith("unknown_placement: ")) == (1, True)


def test_conditions_narrow_what_is_shown_and_wrong_ones_are_told(trained: Path) -> None:
    def with_where(where: str, *words: str) -> Result:
        return run("--home", str(trained), *words, "-k", "30", "--json", "--where", where)

    for words in (("recommend", "user-002"), ("similar", "item-004")):
        answer = json.loads(with_where('{"colour": "blue", "price": {"lt": 12}}', *words).stdout)
        assert {item["item_id"] for item in answer["items"]} == {"item-000", "item-005", "item-010"}
        assert answer["eligible"] == 3
    assert with_where('{"color": "blue"}', "recommend", "u").stderr.startswith("unknown_attribute: ")
    assert with_where("blue", "recommend", "u").stderr.startswith("bad_filter: no JSON")


def test_an_audience_is_shown_or_written_to_a_file(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "campaign.csv"
    result = run("--home", str(trained), "audience", "item-005", "--limit", "6", "--csv", str(file))
    assert result.exit_code == 0, result.output
    rows = [line.split(",") for line in file.read_text().splitlines()]
    assert rows[0] == ["user_id", "score", "item_id", "source"]
    assert {int(row[0][-3:]) % 2 for row in rows[1:]} == {1}
    assert len(rows) == 7
    shown = run("--home", str(trained), "audience", "--where", '{"colour": "blue"}', "--limit", "3")
    assert "3 customers; their chances add up to" in shown.stdout
    assert run("--home", str(trained), "audience").exit_code == 2

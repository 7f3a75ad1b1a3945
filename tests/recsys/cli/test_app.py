"""The command `recsys`: help, errors, where state lives, and what it loads before its thread limits are set."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys import __version__
from recsys.cli.app import application, limit, report_error
from recsys.cli.context import CliContext
from recsys.data.entities import Item, User
from recsys.data.events import Event, Kind
from recsys.data.store.base import open_store
from recsys.errors import BadFile, LogUnavailable
from recsys.progress import StepLog
from recsys.testing import small_events, small_items
from recsys.threads import THREAD_LIMITS
from training.job import train

HEAVY = ("numpy", "polars", "scipy", "faiss", "pydantic", "fastapi", "implicit")


def run(*words: str) -> Result:
    return CliRunner().invoke(application(), list(words))


def test_nothing_heavy_is_loaded_before_a_command_knows_its_threads() -> None:
    load = "import sys; from recsys.cli.app import application; application()"
    code = f"{load}; print(sorted({set(HEAVY)} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def test_help_names_the_commands_of_every_layer_and_the_exit_codes() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert {"import", "recommend", "similar"} <= set(result.stdout.split())
    assert "130 stopped" in " ".join(result.stdout.split())


def test_every_command_shows_an_example() -> None:
    for words in (["recommend"], ["similar"], ["import", "events"], ["import", "items"], ["import", "users"]):
        assert "Example: recsys" in run(*words, "--help").stdout


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout.startswith("recsys ")
    assert run("--version").stdout == f"recsys {__version__}\n"


def test_the_settings_file_is_that_of_home_else_that_of_the_folder_else_none(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    assert CliContext(home, folder).file is None
    (folder / "recsys.toml").touch()
    assert CliContext(home, folder).file == folder / "recsys.toml"
    (home / "recsys.toml").touch()
    assert CliContext(home, folder).file == home / "recsys.toml"


def test_home_comes_from_the_environment_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_HOME", str(tmp_path / "there"))
    run("recommend", "u")
    assert (tmp_path / "there" / "shop.db").is_file()


def test_before_the_first_training_asking_says_to_train(tmp_path: Path) -> None:
    for words in (("recommend", "u"), ("similar", "i")):
        result = run("--home", str(tmp_path), *words)
        assert result.exit_code == 1
        assert result.stderr.startswith("no_live_bundle: ")
        assert "recsys train" in result.stderr
        assert result.stdout == ""


def test_a_wrong_setting_says_which(tmp_path: Path) -> None:
    (tmp_path / "recsys.toml").write_text("redis_ur = 1\n")
    result = run("--home", str(tmp_path), "recommend", "u")
    assert (result.exit_code, "did you mean 'redis_url'" in result.stderr) == (1, True)


def test_a_store_that_cannot_be_opened_exits_with_4(tmp_path: Path) -> None:
    (tmp_path / "shop.db").mkdir()
    result = run("--home", str(tmp_path), "recommend", "u")
    assert (result.exit_code, result.stderr.startswith("log_unavailable")) == (4, True)


def test_debug_keeps_the_error_as_it_was(tmp_path: Path) -> None:
    result = run("--home", str(tmp_path), "--debug", "recommend", "u")
    assert type(result.exception).__name__ == "NoBundle"


@pytest.fixture(scope="module")
def trained(no_spares: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop, trained, and then one item renamed and one sold out."""
    home = tmp_path_factory.mktemp("home")
    store = open_store(home, None)
    store.append(small_events())
    store.put_items(small_items())
    train(store, home, no_spares, StepLog())
    store.put_items([Item("item-004", name="New name"), Item("item-006", stock=0.0)])
    store.close()
    return home


def test_an_answer_shows_rank_name_and_reason_of_each_item(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = run("--home", str(trained), "recommend", "user-002", "-k", "3")
    assert result.exit_code == 0, result.output
    assert "home for user-002" in result.stdout
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


def test_wrong_usage_exits_with_2() -> None:
    assert run("recommend").exit_code == 2
    assert run("recommend", "u", "-k", "0").exit_code == 2


def test_every_error_is_one_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert [report_error(BadFile("a\nb")), report_error(LogUnavailable("c")), report_error(ValueError("d"))] == [
        1,
        4,
        5,
    ]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "bad_file: a b"
    assert lines[2].startswith("fault: ValueError: d; ")


def test_a_place_that_may_not_be_written_is_named_and_can_be_mended(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_error(PermissionError(13, "Permission denied", "home/bundles")) == 1
    assert "home/bundles: Permission denied; check" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("[models]\nals = 3\n", "[models.als]"),
        ('[placements.x]\nsources = ["nope"]\n', "no source 'nope'"),
        (
            '[placements.x]\nsources = ["buy_again", "discover", "trending"]\nmix = "probability"\n',
            "merges 2 sources, not 3",
        ),
    ],
)
def test_nothing_is_learnt_or_published_under_settings_that_nobody_can_serve(
    tmp_path: Path, settings: str, says: str
) -> None:
    store = open_store(tmp_path, None)
    store.append(small_events())
    store.close()
    (tmp_path / "recsys.toml").write_text(settings)
    said = run("--home", str(tmp_path), "train")
    assert said.exit_code == 1, said.stderr
    assert says in said.stderr
    assert not (tmp_path / "bundles" / "LIVE").exists()


def test_jobs_leave_polars_every_core_and_answers_take_one_thread() -> None:
    answer: dict[str, str] = {"OMP_NUM_THREADS": "3"}
    limit(answer, is_job=False)
    assert answer == {**dict.fromkeys(THREAD_LIMITS, "1"), "OMP_NUM_THREADS": "3"}
    job: dict[str, str] = {}
    limit(job, is_job=True)
    assert set(THREAD_LIMITS) - set(job) == {"POLARS_MAX_THREADS"}


def test_the_console_script_answers_for_help_quickly() -> None:
    env = {**os.environ, "COLUMNS": "200"}
    script = Path(sys.executable).with_name("recsys")
    process = subprocess.run([script, "similar", "--help"], capture_output=True, text=True, check=True, env=env)
    assert "What goes with this item." in process.stdout

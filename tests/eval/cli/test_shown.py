"""`recsys shown` with rates: printed, as JSON and as a page; a few customers are not told."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.answer_log.answer_log import AnswerLog, LoggedAnswer
from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from recsys.time_units import DAY_MS

AT_MS = 20_000 * DAY_MS
ITEM = {"item_id": "item-001", "rank": 1, "score": 0.5, "source": "discover"}
ANSWER = json.dumps({"items": [ITEM], "placement": "home", "model_version": "v", "fallback": "personal"}).encode()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home without a release: 30 customers were shown an item; 10 clicked it, 3 dismissed it."""
    folder = tmp_path_factory.mktemp("shown")
    with closing(AnswerLog(folder / "shown.db")) as log:
        log.append([LoggedAnswer(f"r{n}", AT_MS + n, f"user-{n}", ANSWER) for n in range(30)])
    kinds = [Kind.CLICK] * 10 + [Kind.DISMISS] * 3
    with closing(open_store(folder, None)) as store:
        store.append(
            [Event(f"e{n}", f"user-{n}", "item-001", kind, AT_MS + 1_000, 1.0) for n, kind in enumerate(kinds)]
        )
    return folder


def shown(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "shown", "--since", "2024-10-04", *words])


def test_rates_are_printed_and_given_as_json(home: Path) -> None:
    text = shown(home, "--by", "placement").output
    assert "33.33%" in text
    assert "10.00%" in text
    report = json.loads(shown(home, "--by", "day,placement", "--json").stdout)
    assert list(report["by"]) == ["placement", "day"]
    assert report["all"]["click_rate"]["value"] == pytest.approx(1 / 3)
    assert report["by"]["day"][0]["dismiss_rate"]["value"] == pytest.approx(0.1)


def test_the_page_is_written(home: Path, tmp_path: Path) -> None:
    assert shown(home, "--html", str(tmp_path / "lists.html")).exit_code == 0
    assert "Of 1,000 shown items, 333 were clicked" in (tmp_path / "lists.html").read_text()


def test_what_is_wrong_is_refused_with_its_name(home: Path) -> None:
    result = shown(home, "--by", "plce")
    assert result.exit_code == 2
    assert "'plce'" in result.output
    assert CliRunner().invoke(application(), ["--home", str(home), "shown", "r1", "--by", "day"]).exit_code == 1


def test_a_few_customers_are_not_told(home: Path, tmp_path: Path) -> None:
    with closing(AnswerLog(tmp_path / "shown.db")) as log:
        log.append([LoggedAnswer(f"r{n}", AT_MS, f"user-{n}", ANSWER) for n in range(19)])
    open_store(tmp_path, None).close()
    result = shown(tmp_path, "--by", "placement")
    assert result.exit_code == 1
    assert "fewer than 20 customers" in result.output

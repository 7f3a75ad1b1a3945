"""A training promotes a release that is no worse, and keeps another one as rejected with the reasons."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys.cli.app import application
from recsys.cli.context import GATE_REFUSED, OK
from recsys.data.store.open import open_store
from recsys.errors import BadInput
from recsys.progress import StepLog
from recsys.testing import small_events, small_items
from training.job import train
from training.registry import Registry

POPULARITY_ALONE = "".join(
    f"[models.{name}]\noff = true\n"
    for name in ("als", "buy_again", "item_neighbours", "user_neighbours", "bought_together")
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose second training, of best-sellers alone, was rejected."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_TRAIN_SPARE_SECONDS", "0")
        store = open_store(folder, None)
        store.put_items(small_items())
        store.append(small_events())
        assert train(store, folder, None, StepLog()).verdict.outcome == "promoted"
        (folder / "recsys.toml").write_text(POPULARITY_ALONE)
        assert train(store, folder, folder / "recsys.toml", StepLog()).verdict.outcome == "rejected"
        store.close()
    return folder


def command(home: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(application(), ["--home", str(home), *words])
    return result.exit_code, " ".join(result.output.split())


def test_a_rejected_release_stays_beside_the_live_one_with_its_reasons(home: Path) -> None:
    rejected, live = Registry(home).releases()
    assert (live.is_live, live.is_rejected, rejected.is_live, rejected.is_rejected) == (True, False, False, True)
    assert rejected.verdict is not None
    assert any("the personal list against the live release" in reason for reason in rejected.verdict.reasons)


def test_the_list_of_releases_says_why_one_is_not_live(home: Path) -> None:
    _, text = command(home, "releases")
    assert "rejected" in text
    assert "the personal list against the live release" in text
    states = {release["state"] for release in json.loads(command(home, "releases", "--json")[1])}
    assert states == {"whole", "rejected"}


def test_a_rejected_release_is_not_brought_back_by_a_rollback(home: Path) -> None:
    rejected, live = (release.version for release in Registry(home).releases())
    with pytest.raises(BadInput, match="was rejected: .*the personal list"):
        Registry(home).rollback(rejected)
    assert Registry(home).live() == live


def test_a_training_that_is_rejected_has_an_exit_code_of_its_own(home: Path) -> None:
    code, text = command(home, "train")
    assert code == GATE_REFUSED
    assert "rejected, the live release stays" in text


def test_force_promotes_it_and_keeps_the_reason(home: Path) -> None:
    code, text = command(home, "train", "--force", "a test of the shelf", "--json")
    assert code == OK
    verdict = json.loads(text[text.index("{") :])["verdict"]
    assert (verdict["outcome"], verdict["forced_because"]) == ("forced", "a test of the shelf")
    registry = Registry(home)
    assert registry.live() == verdict["version"]
    kept = registry.verdict(verdict["version"])
    assert kept is not None
    assert kept.reasons

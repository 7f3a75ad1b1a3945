"""A training promotes a release that is no worse, and keeps another one as rejected with the reasons."""

import json
import shutil
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys.cli.app import application
from recsys.cli.context import GATE_REFUSED, NOTHING_NEW, OK, USER_ERROR
from recsys.data.store.open import open_store
from recsys.errors import BadInput, StaleJob
from recsys.progress import StepLog
from recsys.testing import small_events
from recsys.time_units import DAY_MS, now_ms
from tests.homes import copy_home
from training.data_digest import unchanged_release
from training.job import TrainingOptions, train, verdicts_until
from training.registry import Registry, Release

POPULARITY_ALONE = "".join(
    f"[models.{name}]\noff = true\n"
    for name in ("als", "buy_again", "item_neighbours", "user_neighbours", "bought_together")
)


@pytest.fixture(scope="module")
def home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose second training, of best-sellers alone, was rejected."""
    folder = copy_home(trained_home, tmp_path_factory.mktemp("job") / "home")
    assert [verdict.outcome for verdict in Registry(folder).verdicts()] == ["promoted"]
    (folder / "recsys.toml").write_text(POPULARITY_ALONE)
    with closing(open_store(folder, None)) as store:
        assert train(store, folder, folder / "recsys.toml", StepLog()).verdict.outcome == "rejected"
    return folder


@pytest.fixture
def unchanged(trained_home: Path, tmp_path: Path) -> Path:
    """A copy of the trained shop, moved by the clock of the file system only."""
    return Path(shutil.copytree(trained_home, tmp_path / "home"))


def command(home: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(application(), ["--home", str(home), *words])
    return result.exit_code, " ".join(result.output.split())


def test_a_rejected_release_stays_beside_the_live_one_with_its_reasons(home: Path) -> None:
    live, rejected = sorted(Registry(home).releases(), key=lambda release: not release.is_live)
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
    releases = sorted(Registry(home).releases(), key=lambda release: not release.is_live)
    live, rejected = (release.version for release in releases)
    with pytest.raises(BadInput, match="was rejected: .*the personal list"):
        Registry(home).rollback(rejected)
    assert Registry(home).live() == live


def test_a_training_that_is_rejected_has_an_exit_code_of_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_TRAIN_SEED", "1")
    code, text = command(home, "train")
    assert code == GATE_REFUSED
    assert "rejected, the live release stays" in text


def test_a_misspelt_setting_of_the_training_is_told_by_its_run(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, None)) as store:
        store.append(small_events(1))
        (tmp_path / "recsys.toml").write_text("[train]\nsed = 1\n")
        assert command(tmp_path, "train")[0] == USER_ERROR
        (run,) = store.runs()
    assert (run.job, run.verdict) == ("train", "failed")
    assert "sed is no setting; did you mean 'seed'?" in run.reasons[0]


def test_a_verdict_of_a_clock_that_ran_ahead_is_not_among_those_so_far(home: Path, tmp_path: Path) -> None:
    registry = Registry(Path(shutil.copytree(home, tmp_path / "home")))
    so_far = verdicts_until(registry, now_ms())
    version, ahead_ms = f"{so_far[-1].version[:-4]}ffff", now_ms() + 400 * DAY_MS
    registry.put_verdict(so_far[-1].model_copy(update={"version": version, "judged_at_ms": ahead_ms}))
    assert len(registry.verdicts()) == len(so_far) + 1
    assert verdicts_until(registry, now_ms()) == so_far


def lately(home: Path, digest: str) -> Release | None:
    with closing(open_store(home, None)) as store:
        return unchanged_release(store, Registry(home), digest, within_days=7, now_ms=now_ms())


def test_a_rejected_release_whose_training_was_to_go_on_is_learnt_again(home: Path, tmp_path: Path) -> None:
    registry = Registry(Path(shutil.copytree(home, tmp_path / "home")))
    rejected = [release for release in registry.releases() if release.is_rejected]
    digest = rejected[0].data_digest
    assert lately(registry.home, digest) is not None
    for release in rejected:
        assert release.verdict is not None
        registry.put_verdict(release.verdict.model_copy(update={"is_retried": True}))
    assert lately(registry.home, digest) is None


def test_what_was_rejected_is_not_learnt_again_beside_the_same_live_release(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = min((r for r in Registry(home).releases() if r.is_rejected), key=lambda release: release.made_at_ms or 0)
    assert lately(home, first.data_digest) == first
    monkeypatch.setenv("RECSYS_TRAIN_SEED", "2")
    command(home, "train", "--force", "another beside which it was never judged")
    assert lately(home, first.data_digest) is None


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


def test_the_same_data_and_settings_are_learnt_once(unchanged: Path) -> None:
    (live,) = Registry(unchanged).releases()
    code, text = command(unchanged, "train")
    assert (code, Registry(unchanged).releases()) == (NOTHING_NEW, [live])
    assert f"nothing new: {live.version} was learnt from the same data and settings" in text
    last = json.loads(command(unchanged, "runs", "-n", "1", "--json")[1])[0]
    assert (last["verdict"], last["version"]) == ("nothing_new", live.version)


def test_another_log_or_an_erasure_or_an_older_release_is_something_new(unchanged: Path) -> None:
    registry, now = Registry(unchanged), now_ms()
    (live,) = registry.releases()
    with closing(open_store(unchanged, None)) as store:
        known = partial(unchanged_release, store, registry, live.data_digest, within_days=7)
        assert known(now_ms=now) == live
        assert known(now_ms=now + 8 * DAY_MS) is None
        store.erase_user("somebody without events")
        assert known(now_ms=now) is None
    with closing(open_store(unchanged.parent / "other", None)) as other:
        assert unchanged_release(other, registry, live.data_digest, within_days=7, now_ms=now) is None


@pytest.mark.parametrize("words", [("--always",), ("--force", "a test")])
def test_always_and_force_learn_the_same_again(unchanged: Path, words: tuple[str, ...]) -> None:
    before = len(Registry(unchanged).releases())
    code, text = command(unchanged, "train", *words)
    assert code == OK, text
    assert len(Registry(unchanged).releases()) == before + 1


def test_a_training_that_lost_its_lock_changes_nothing_that_is_live_and_says_so(unchanged: Path) -> None:
    registry = Registry(unchanged)
    live, newer = registry.live(), registry.generation() + 1
    registry.begin_generation(newer)  # while the training below stood still, another one began
    with closing(open_store(unchanged, None)) as store:
        options = TrainingOptions(generation=newer - 1)
        with pytest.raises(StaleJob, match=f"generation {newer}"):
            train(store, unchanged, None, StepLog(), options)
        run = store.runs()[0]
    assert registry.live() == live
    assert len(registry.releases()) == 2
    assert (run.verdict, run.reasons[0].partition(":")[0]) == ("failed", "stale_job")


def test_what_a_rollback_left_is_not_learnt_again(unchanged: Path) -> None:
    registry = Registry(unchanged)
    (first,) = registry.releases()
    assert command(unchanged, "train", "--always")[0] == OK
    newest = registry.releases()[0]
    registry.rollback(first.version)
    shutil.rmtree(registry.bundles / first.version)
    assert lately(unchanged, newest.data_digest) is not None

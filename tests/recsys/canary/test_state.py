"""State of a canary: it stands only beside the release that it began with, and ends once."""

from pathlib import Path

import pytest

from recsys.bundle import LIVE
from recsys.canary.state import CANARY, Canary, read_canary, running_canary, send_back, write_canary
from recsys.errors import BadBundle

STATE = Canary(version="v2", champion="v1", share=10, hours=2, began_at_ms=1_000)


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    (tmp_path / LIVE).write_text("v1\n")
    write_canary(tmp_path, STATE)
    return tmp_path


def test_it_runs_beside_its_champion_only(bundles: Path) -> None:
    assert running_canary(bundles) == read_canary(bundles) == STATE
    (bundles / LIVE).write_text("v3\n")
    assert running_canary(bundles) is None


def test_it_goes_back_once_and_with_its_reasons(bundles: Path) -> None:
    assert send_back(bundles, STATE, ["errors"], 5_000)
    assert running_canary(bundles) is None
    over = read_canary(bundles)
    assert over == STATE.ended("back", ["errors"], 5_000)
    assert not send_back(bundles, STATE, ["empty lists"], 6_000)
    assert read_canary(bundles) == over


def test_a_judge_of_an_older_canary_does_not_end_a_newer_one(bundles: Path) -> None:
    newer = STATE.model_copy(update={"began_at_ms": 2_000})
    write_canary(bundles, newer)
    assert not send_back(bundles, STATE, ["errors"], 5_000)
    assert running_canary(bundles) == newer


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff", b'{"version": "v2"}'])
def test_a_damaged_file_is_no_canary(bundles: Path, text: bytes) -> None:
    (bundles / CANARY).write_bytes(text)
    with pytest.raises(BadBundle, match=r"\.canary"):
        running_canary(bundles)


def test_its_share_and_its_hours_are_counted() -> None:
    assert STATE.n_buckets == 6_554
    assert STATE.until_ms == 7_201_000
    assert [STATE.window(at_ms) for at_ms in (0, 1_000, 3_600_999, 3_601_000)] == [0, 0, 0, 1]
    assert STATE.model_copy(update={"share": 0.0001}).n_buckets == 1

"""The memory cgroup of a job, in a tree of files as systemd hands it down."""

from pathlib import Path

import pytest

from training.schedule import cgroup
from training.schedule.cgroup import job_cgroup


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The group of a unit with `DelegateSubgroup=supervisor`; this process is in its subgroup."""
    unit = tmp_path / "system.slice" / "recsys-schedule.service"
    (unit / "supervisor").mkdir(parents=True)
    (tmp_path / "own").write_text("4:memory:/x\n0::/system.slice/recsys-schedule.service/supervisor\n")
    monkeypatch.setattr(cgroup, "CGROUPS", tmp_path)
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
    return unit


def test_a_job_gets_a_group_with_its_limit_below_that_of_the_unit(unit: Path) -> None:
    with job_cgroup(42, 1_000) as group:
        assert group is not None
        assert group.path == unit / "job-42"
        written = {file.name: file.read_text() for file in group.path.iterdir()}
        assert written == {"memory.max": "1000", "memory.oom.group": "1", "cgroup.procs": "42"}
        assert (unit / "cgroup.subtree_control").read_text() == "+memory"
        assert group.n_kills() == 0
        (group.path / "memory.events").write_text("low 0\noom 1\noom_kill 2\n")
        assert group.n_kills() == 2


def test_a_job_without_a_limit_gets_no_group(unit: Path) -> None:
    with job_cgroup(42, None) as group:
        assert group is None


@pytest.mark.parametrize("own", ["0::/\n", "0::/system.slice/other.service\n", "4:memory:/supervisor\n", ""])
def test_a_scheduler_to_which_none_was_handed_down_makes_no_group(unit: Path, own: str) -> None:
    cgroup.OWN.write_text(own)
    with job_cgroup(42, 1_000) as group:
        assert group is None
    assert [path.name for path in unit.iterdir()] == ["supervisor"]


def test_a_group_that_cannot_be_made_leaves_the_job_to_be_watched(unit: Path, caplog: pytest.LogCaptureFixture) -> None:
    (unit / "supervisor").rmdir()
    unit.rmdir()
    with job_cgroup(42, 1_000) as group:
        assert group is None
    assert caplog.messages == ["no_job_cgroup"]

"""Process of a run: a run without an end is dead when its process is gone, or silent for too long elsewhere."""

import os
import subprocess
import sys
from dataclasses import replace

from recsys.data.run_process import is_dead, process_name, with_deaths
from recsys.data.runs import LEASE_MS, RunRecord

RUNNING = RunRecord("r", "train", "cron", 1_000, alive_ms=31_000)


def test_a_run_of_a_living_process_goes_on_however_long_it_is_silent() -> None:
    assert not is_dead(replace(RUNNING, process=process_name()), now_ms=10**15)


def test_a_run_of_a_process_that_is_gone_is_dead_at_once() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run = replace(RUNNING, process=process_name(child.pid))
    assert not is_dead(run, now_ms=31_000)
    child.communicate(b"\n")
    assert is_dead(run, now_ms=31_000)


def test_a_process_that_got_the_number_of_another_is_not_that_one() -> None:
    machine, pid, started = process_name().split(" ")
    assert int(pid) == os.getpid()
    assert is_dead(replace(RUNNING, process=f"{machine} {pid} {int(started) - 1}"), now_ms=31_000)


def test_a_run_elsewhere_is_dead_when_its_lease_is_over() -> None:
    for process in ("other/boot/pid:[1] 12 345", "", "no-start 12 ", "three words more than that"):
        run = replace(RUNNING, process=process)
        assert not is_dead(run, now_ms=31_000 + LEASE_MS)
        assert is_dead(run, now_ms=31_001 + LEASE_MS)


def test_a_dead_run_has_ended_at_its_last_sign_of_life() -> None:
    ended = replace(RUNNING, verdict="done", ended_ms=31_000)
    dead, same = with_deaths([RUNNING, ended], now_ms=10**15)
    assert same == ended
    assert (dead.verdict, dead.ended_ms, dead.wall_s, len(dead.reasons)) == ("died", 31_000, 30.0, 1)

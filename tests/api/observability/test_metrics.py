"""Metrics over several workers: what all of them counted, and nothing of a worker that is no more."""

import os
import subprocess
import sys
from pathlib import Path

from api.observability.metrics import Metrics

WORKER = """
import sys
from api.observability.metrics import Metrics
metrics = Metrics(sys.argv[1])
metrics.in_service(sys.argv[2], 1_000, None)
metrics.request("/livez", 200, 0.001)
metrics.opened("redis")
sys.stdin.read()
"""


def worker(folder: Path, version: str) -> "subprocess.Popen[str]":
    """A process that counted a request and serves that version, until its input ends."""
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", WORKER, str(folder), version]
    return subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=env)


def told(folder: Path, line: str) -> bool:
    return line in Metrics(str(folder)).exposition().decode().splitlines()


def test_a_worker_that_was_killed_serves_nothing_any_more_but_what_it_counted_stays(tmp_path: Path) -> None:
    workers = [worker(tmp_path, "v1") for _ in range(2)]
    counted = 'recsys_requests_total{route="/livez",status="200"} 2.0'
    while not told(tmp_path, counted) or not told(tmp_path, 'recsys_down{what="redis"} 1.0'):
        assert all(one.poll() is None for one in workers)
    assert told(tmp_path, 'recsys_model_live{version="v1"} 2.0')
    workers[0].kill()
    workers[0].communicate()
    assert told(tmp_path, 'recsys_model_live{version="v1"} 1.0')
    assert told(tmp_path, counted)
    workers[1].kill()
    workers[1].communicate()
    text = Metrics(str(tmp_path)).exposition().decode()
    assert "recsys_model_live{" not in text
    assert "recsys_down{" not in text
    assert counted in text


def test_a_file_that_a_new_worker_is_making_just_now_is_left_aside(tmp_path: Path) -> None:
    one = worker(tmp_path, "v1")
    while not told(tmp_path, 'recsys_model_live{version="v1"} 1.0'):
        assert one.poll() is None
    (tmp_path / "counter_1.db").touch()
    assert told(tmp_path, 'recsys_model_live{version="v1"} 1.0')
    one.kill()
    one.communicate()

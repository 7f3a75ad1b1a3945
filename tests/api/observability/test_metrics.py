"""Metrics over several workers: counters of all of them, and no gauges of a worker that ended."""

import os
import subprocess
import sys
import time
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

RELEASES = """
import sys
from api.observability.metrics import Metrics
metrics = Metrics(sys.argv[1])
metrics.in_service("v1", 1_000, None)
metrics.in_service("v2", 2_000, "v1")
"""


def worker(folder: Path, version: str) -> "subprocess.Popen[str]":
    """A process that counted a request and serves that version, until its input ends."""
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", WORKER, str(folder), version]
    return subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=env)


def has_line(folder: Path, line: str) -> bool:
    return line in Metrics(str(folder)).exposition().decode().splitlines()


def test_a_killed_worker_has_no_gauges_but_its_counters_stay(tmp_path: Path) -> None:
    workers = [worker(tmp_path, "v1") for _ in range(2)]
    counted = 'recsys_requests_total{route="/livez",status="200"} 2.0'
    while not has_line(tmp_path, counted) or not has_line(tmp_path, 'recsys_down{what="redis"} 1.0'):
        assert all(entry.poll() is None for entry in workers)
        time.sleep(0.01)
    assert has_line(tmp_path, 'recsys_model_live{version="v1"} 2.0')
    workers[0].kill()
    workers[0].communicate()
    assert has_line(tmp_path, 'recsys_model_live{version="v1"} 1.0')
    assert has_line(tmp_path, counted)
    workers[1].kill()
    workers[1].communicate()
    text = Metrics(str(tmp_path)).exposition().decode()
    assert "recsys_model_live{" not in text
    assert "recsys_down{" not in text
    assert counted in text


def test_a_file_that_a_new_worker_has_only_just_created_is_ignored(tmp_path: Path) -> None:
    process = worker(tmp_path, "v1")
    while not has_line(tmp_path, 'recsys_model_live{version="v1"} 1.0'):
        assert process.poll() is None
        time.sleep(0.01)
    (tmp_path / "counter_1.db").touch()
    assert has_line(tmp_path, 'recsys_model_live{version="v1"} 1.0')
    process.kill()
    process.communicate()


def test_releases_that_no_worker_serves_leave_no_line(tmp_path: Path) -> None:
    metrics, before = Metrics(), None
    for n in range(20):
        metrics.in_service(f"v{n}", 1_000, before)
        before = f"v{n}"
    lines = [line for line in metrics.exposition().decode().splitlines() if "model_live{" in line]
    assert lines == ['recsys_model_live{version="v19"} 1.0']
    code = f"{RELEASES}\nprint(Metrics(sys.argv[1]).exposition().decode())"
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    text = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=env, capture_output=True, text=True).stdout
    assert [line for line in text.splitlines() if "model_live{" in line] == ['recsys_model_live{version="v2"} 1.0']

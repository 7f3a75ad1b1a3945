"""Load from a second process, and the ratio of two servers that take turns under it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from httpx import Client

from tests.bench import machine
from tests.bench.servers import Server

CONNECTIONS = 32
LUA = Path(__file__).with_name("requests.lua")
WRK = shutil.which("wrk")
CLIENT = "wrk" if WRK else "the client in tests/bench/client.py"


@dataclass(frozen=True, slots=True)
class Rate:
    """Answers a second, and what one costs its server: the cost hardly moves when others keep the machine busy."""

    per_second: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Ratios:
    """Of each pair of runs, one after the other: both rates, and how busy others were before it all."""

    reference: tuple[Rate, ...]
    measured: tuple[Rate, ...]
    busy: float

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(b.per_second / a.per_second for a, b in zip(self.reference, self.measured, strict=True))

    def detail(self) -> str:
        pace, usual = (median(rate.per_second for rate in rates) for rates in (self.measured, self.reference))
        mine, empty = (median(rate.cpu_us for rate in rates) for rates in (self.measured, self.reference))
        return (
            f"{pace:,.0f} against {usual:,.0f} answers/s; {mine:,.0f} against {empty:,.0f} µs CPU ({empty / mine:.2f})"
        )


@dataclass(frozen=True, slots=True)
class Runs:
    """How often and how long, and how long to wait for a quiet machine before."""

    pairs: int
    seconds: float
    patience_s: float

    def rate(self, server: Server, requests: Path, seconds: float | None = None) -> Rate:
        """One run.  Ends the benchmark when one answer was not what it should be."""
        cpu_s = machine.cpu_seconds(server.pid)
        told = run(server.port, requests, self.seconds if seconds is None else seconds)
        if told["bad"]:
            raise SystemExit(f"{told['bad']:.0f} of {told['requests']:.0f} answers were errors: {requests}")
        cpu_s = machine.cpu_seconds(server.pid) - cpu_s
        return Rate(told["requests"] / told["seconds"], cpu_s / told["requests"] * 1e6)

    def steady(
        self, server: Server, requests: Path, per_second: float, key_file: Path | None = None
    ) -> dict[str, float]:
        """Questions at that rate, answered or not: p50_ms, p99_ms, max_ms.  Ends the benchmark when one is refused."""
        words = [server.port, per_second, 4 * self.seconds, requests, *([key_file] if key_file else [])]
        told = dict(json.loads(_said([sys.executable, "-m", "tests.bench.open_loop", *map(str, words)])))
        if told["bad"]:
            raise SystemExit(f"{told['bad']:.0f} of {told['requests']:.0f} answers were errors: {requests}")
        return told

    def once(self, server: Server, requests: Path) -> None:
        """Every request of the file, one after the other.  Ends the benchmark when one is not answered as it should."""
        with Client(base_url=f"http://127.0.0.1:{server.port}") as client:
            for line in requests.read_text().splitlines():
                method, path, *body = line.split(" ", 2)
                client.request(method, path, content="".join(body).encode()).raise_for_status()

    def rates(self, server: Server, requests: Path) -> tuple[Rate, ...]:
        """As many runs as there would be pairs, after one to warm up."""
        self.rate(server, requests)
        return tuple(self.rate(server, requests) for _ in range(self.pairs))

    def against(self, reference: Server, server: Server, requests: Path, empty: Path) -> Ratios:
        """In turns: A B A B …, after one of each to warm up."""
        self.rate(reference, empty, 1.0)
        self.rate(server, requests)
        busy = machine.quiet(self.patience_s)
        both = [(self.rate(reference, empty), self.rate(server, requests)) for _ in range(self.pairs)]
        return Ratios(tuple(a for a, _ in both), tuple(b for _, b in both), busy)


def run(port: int, requests: Path, seconds: float, connections: int = CONNECTIONS) -> dict[str, float]:
    """What one run says: requests, seconds, bad, p50_ms, p99_ms."""
    if WRK:
        options = [
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "-s",
            str(LUA),
            f"http://127.0.0.1:{port}",
        ]
        command = [WRK, *options, "--", str(requests)]
    else:
        command = [sys.executable, "-m", "tests.bench.client", str(port), str(connections), str(seconds), str(requests)]
    return dict(json.loads(_said(command)))


def _said(command: Sequence[str]) -> str:
    """The last line a command prints."""
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return told.strip().splitlines()[-1]


def written(folder: Path, name: str, lines: Iterable[str]) -> Path:
    """A file of requests: a method, a path and perhaps a body on each line."""
    path = folder / f"{name}.requests"
    path.write_text("\n".join(lines) + "\n")
    return path


def posts(path: str, bodies: Iterable[object]) -> Sequence[str]:
    """Lines that post those bodies."""
    return [f"POST {path} {json.dumps(body)}" for body in bodies]

"""What a marketer's clicks cost the storefront, and how long the first page takes.

`python -m tests.bench.console --home .demo`: windows without and with five clicks a second, in turns, while customers
ask for lists at a steady rate.  A click is a page of the console that somebody opens, sorts or turns over.
"""

import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Annotated

import httpx
import typer
from rich.console import Console

from api.auth.api_keys import create_key
from recsys.time_units import now_ms
from tests.bench import lifecycle, machine
from tests.bench.budgets import Figure, show
from tests.bench.load import Runs
from tests.bench.requests import request_files, shop_of
from tests.bench.servers import Server, consoled, served

CLICKS_PER_S, MAX_RISE, FIRST_PAGE_MS = 5.0, 1.05, 300.0
N_FIRST_PAGES = 40
PEOPLE = 4  # who click by turns, so that a slow page does not hold up the next click


def clicks(shop_users: tuple[str, ...], shop_items: tuple[str, ...]) -> list[str]:
    """Paths that people click through; each customer, product and page of the table is another one."""
    rounds = zip(shop_users[:40], shop_items[:40], strict=False)
    return [
        path
        for n, (user, item) in enumerate(rounds)
        for path in (
            "/today",
            f"/customers?page={n + 1}",
            f"/customers?stage=at_risk&order=churn_28&page={n % 3 + 1}",
            f"/customer?id={user}",
            f"/lists?id={user}",
            f"/why?id={user}&item={item}",
            f"/product?item={item}",
            "/segments?where=%7B%22stage%22%3A%22at_risk%22%7D",
            "/campaigns",
            "/rules",
        )
    ]


class Clicker:
    """People who are signed in and click together so often a second, from their own threads."""

    def __init__(self, console: Server, key: str, paths: list[str]) -> None:
        self._url, self._key = f"http://127.0.0.1:{console.port}/console", key
        self._paths, self._turn = cycle(paths), threading.Lock()
        self._ended = threading.Event()
        self._due = 0.0
        self.seconds: list[float] = []

    @contextmanager
    def clicking(self) -> Iterator[None]:
        """Clicks meanwhile."""
        self._ended.clear()
        self._due = time.monotonic()
        threads = [threading.Thread(target=self._click) for _ in range(PEOPLE)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def once(self, paths: list[str]) -> None:
        with self._signed_in() as web:
            for path in paths:
                web.get(path).raise_for_status()

    def first_page(self) -> float:
        """Seconds from the address to the page that greets somebody who has just signed in."""
        with self._signed_in() as web:
            started = time.perf_counter()
            web.get("/today").raise_for_status()
            return time.perf_counter() - started

    def _click(self) -> None:
        with self._signed_in() as web:
            while True:
                with self._turn:
                    path, due = next(self._paths), self._due
                    self._due += 1 / CLICKS_PER_S
                if self._ended.wait(max(0.0, due - time.monotonic())):
                    return
                web.get(path).raise_for_status()
                self.seconds.append(time.monotonic() - due)

    @contextmanager
    def _signed_in(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self._url, timeout=120.0) as web:
            answer = web.post("/sign-in", data={"key": self._key})
            if answer.status_code != 303:
                raise SystemExit(f"nobody could sign in: {re.sub('<[^>]+>', ' ', answer.text)}")
            yield web


def measure(folder: Path, source: Path, rate: float, runs: Runs) -> Iterator[Figure]:
    """The first page, then the rise of the storefront's p99 and the CPU time of both."""
    home = folder / "home"
    lifecycle.copied(source, home)
    shop = shop_of(home)
    requests = request_files(shop, folder, Random(0))["home"]
    key = create_key(home / "keys.json", "bench", ["admin"], now_ms=now_ms())[1]
    key_file = folder / "key"
    key_file.write_text(key)
    with served(home) as service, consoled(home) as console:
        paths = clicks(shop.users, shop.items)
        clicker = Clicker(console, key, paths)
        clicker.once(["/today/week", *paths[:20]])
        busy = machine.quiet(runs.patience_s)
        yield first_page(clicker, busy)
        runs.steady(service, requests, rate, key_file)
        busy = machine.quiet(runs.patience_s)
        alone, beside, service_s, console_s = [], [], [], []
        for _ in range(runs.pairs):
            before = machine.cpu_seconds(service.pid)
            alone.append(runs.steady(service, requests, rate, key_file)["p99_ms"])
            cpu_alone, console_before = machine.cpu_seconds(service.pid) - before, cpu_of_all(console)
            before, n_before = machine.cpu_seconds(service.pid), len(clicker.seconds)
            with clicker.clicking():
                beside.append(runs.steady(service, requests, rate, key_file)["p99_ms"])
            n_clicks = max(1, len(clicker.seconds) - n_before)
            service_s.append((machine.cpu_seconds(service.pid) - before - cpu_alone) / n_clicks)
            console_s.append((cpu_of_all(console) - console_before) / n_clicks)
        yield rise(alone, beside, rate, busy)
        detail = f"of them {1_000 * median(service_s):.1f} ms in the service; {len(clicker.seconds)} clicks"
        costs = tuple(1_000 * (a + b) for a, b in zip(service_s, console_s, strict=True))
        yield Figure("CPU time of a click", "ms", costs, None, "at most", detail, busy)


def cpu_of_all(console: Server) -> float:
    """CPU seconds of the console and of its worker."""
    return sum(map(machine.cpu_seconds, (console.pid, *machine.children(console.pid))))


def first_page(clicker: Clicker, busy: float) -> Figure:
    times = [1_000 * clicker.first_page() for _ in range(N_FIRST_PAGES)]
    p95 = quantiles(times, n=20)[18]
    detail = f"median {median(times):.0f} ms of {N_FIRST_PAGES}, each in a session of its own"
    return Figure("first page of the console, p95", "ms", (p95,), FIRST_PAGE_MS, "at most", detail, busy)


def rise(alone: list[float], beside: list[float], rate: float, busy: float) -> Figure:
    """Each window with clicks against the one without right before it."""
    ratios = tuple(b / a for a, b in zip(alone, beside, strict=True))
    detail = f"{median(alone):.2f} and {median(beside):.2f} ms at {rate:,.0f} lists/s"
    return Figure("storefront's p99 beside 5 clicks/s", "x alone", ratios, MAX_RISE, "at most", detail, busy)


def main(
    home: Annotated[Path, typer.Option(help="A trained home; it is copied.")],
    pairs: Annotated[int, typer.Option(min=1, help="Windows without and with clicks, in turns.")] = 7,
    seconds: Annotated[float, typer.Option(min=1, help="A fourth of the length of a window.")] = 5,
    rate: Annotated[float, typer.Option(help="Lists that the storefront asks for, a second.")] = 200.0,
    patience: Annotated[float, typer.Option(help="Longest wait for a quiet machine before a figure, seconds.")] = 60.0,
) -> None:
    """Measure what the console costs the storefront, and its first page."""
    screen = Console(width=160)
    screen.print(*(f"{name}: {value}" for name, value in machine.described().items()), sep="   ", highlight=False)
    with tempfile.TemporaryDirectory(prefix="recsys-bench-") as name:
        show([*measure(Path(name), home, rate, Runs(pairs, seconds, patience))], screen)


if __name__ == "__main__":
    typer.run(main)

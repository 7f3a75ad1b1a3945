"""What an experiment costs an answer over HTTP: CPU of one worker, in turns with and without an experiment.

`python -m tests.bench.experiments --home HOME` tries every kind of variant.  The arms show what the shop shows, so that
nothing but the experiment differs.  The worker stays the same process: two processes alone differ by some per cent.
"""

import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Annotated

import typer
from httpx import Client
from rich.console import Console
from scipy.stats import binom

from recsys.bundle import live_version
from recsys.experiments.definition import ExperimentPlan, Variant
from recsys.experiments.state import EXPERIMENTS
from recsys.ranking.recommender import open_recommender
from recsys.shared_registry.experiments import start_experiment, stop_experiment
from recsys.time_units import now_ms
from tests.bench import lifecycle, machine
from tests.bench.budgets import Figure, show
from tests.bench.load import Rate, Runs
from tests.bench.requests import request_files, shop_of
from tests.bench.servers import NOTHING_KEPT, Server, served

BUDGET = {"cached": 1.03, "home": 1.02, "discover": 1.02}
PLACEMENTS = {"home": {"title": "Yours"}, "discover": {"title": "Yours"}}  # a list has no title
RULES = '[[rules]]\nid = "elsewhere"\nkind = "block"\nplacements = ["basket"]\nitems = ["none"]\nreason = "measured"\n'
LOOKS_OFTEN = {"RECSYS_SERVE_LOOK_EVERY_S": "0.25"}  # so that a turn waits little, and few looks stand in the figure
TURNS = 4  # for each pair of other figures: short ones, because a busy machine is as busy in the next moment
BLOCK_S, WARM_S = 0.5, 0.5


def variants(home: Path) -> Mapping[str, tuple[Variant, Variant]]:
    """A and B by kind, which show the same."""
    live = Variant(release=live_version(home / "bundles"))
    blend = open_recommender(home, home / "recsys.toml").engine.blend
    return {
        "placements": (Variant(), Variant(placements=PLACEMENTS)),
        "rules": (Variant(), Variant(rules=RULES)),
        "releases": (live, live),
        "blend": (Variant(), Variant(blend=blend)),
    }


class Switch:
    """Starts and stops the experiment in that home, and waits until its worker serves what was asked for."""

    def __init__(self, home: Path, server: Server, requests: Path, arms: tuple[Variant, Variant]) -> None:
        self._bundles = home / "bundles"
        self._address = f"http://127.0.0.1:{server.port}{requests.read_text().split(maxsplit=2)[1]}"
        self._arms = arms
        self._running: str | None = None

    def turn(self, *, is_on: bool) -> None:
        if is_on and self._running is None:
            self._running = f"bench-{secrets.token_hex(6)}"
            a, b = self._arms
            start_experiment(self._bundles, None, ExperimentPlan(id=self._running, a=a, b=b), now_ms())
        elif not is_on and self._running is not None:
            stop_experiment(self._bundles, None, self._running, "measured", now_ms())
            self._running = None
        self.wait(is_on=is_on)

    def wait(self, *, is_on: bool, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        with Client() as client:
            while ("experiment" in client.get(self._address).raise_for_status().json()) != is_on:
                if time.monotonic() > deadline:
                    raise SystemExit(f"the worker serves no experiment: see `recsys experiment list`, {self._bundles}")
                time.sleep(0.05)


def cost(home: Path, requests: Path, path: str, arms: tuple[Variant, Variant], runs: Runs, kind: str) -> Figure:
    """CPU of an answer with an experiment by that without one, in each turn."""
    rates: dict[bool, list[Rate]] = {True: [], False: []}
    with served(home, LOOKS_OFTEN | ({} if path == "cached" else NOTHING_KEPT)) as server:
        switch, busy = Switch(home, server, requests, arms), machine.quiet(runs.patience_s)
        runs.rate(server, requests, 2.0)
        for turn in range(TURNS * runs.pairs):
            for is_on in (False, True) if turn % 2 else (True, False):
                switch.turn(is_on=is_on)
                runs.rate(server, requests, WARM_S)
                rates[is_on].append(runs.rate(server, requests, BLOCK_S))
                switch.wait(is_on=is_on)  # a guardrail may have ended it
        switch.turn(is_on=False)
    ratios = tuple(on.cpu_us / off.cpu_us for on, off in zip(rates[True], rates[False], strict=True))
    rank = int(binom.ppf(0.025, len(ratios), 0.5))  # the interval of a median: from its order statistics
    low, high = sorted(ratios)[rank - 1], sorted(ratios)[-rank]
    on, off = (quantiles((rate.cpu_us for rate in rates[is_on]), n=4)[0] for is_on in (True, False))
    detail = f"95 % {low:.3f} – {high:.3f}; quietest quarter {on:.1f} against {off:.1f} µs CPU"
    return Figure(f"{path}, experiment of {kind}", "x without", ratios, BUDGET[path], "at most", detail, busy)


def costs(home: Path, requests: Mapping[str, Path], runs: Runs, kinds: list[str]) -> Iterator[Figure]:
    """Every path with every kind of variant."""
    (home / "bundles" / EXPERIMENTS).unlink(missing_ok=True)  # one runs at a time
    arms = variants(home)
    for kind in kinds:
        for path in BUDGET:
            yield cost(home, requests[path], path, arms[kind], runs, kind)


def main(
    home: Annotated[Path, typer.Option(help="A trained home, which is copied.")],
    kind: Annotated[
        list[str] | None, typer.Option(help="placements, rules, releases or blend; all without it.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=3, help="A quarter of the turns of each path.")] = 10,
    patience: Annotated[float, typer.Option(help="Longest wait for a quiet machine, seconds.")] = 0.0,
) -> None:
    """Measure what an experiment costs an answer, in turns."""
    console = Console(width=160)
    with tempfile.TemporaryDirectory(prefix="recsys-bench-") as name:
        shop = Path(name) / "home"
        lifecycle.copied(home, shop)
        requests = request_files(shop_of(shop), Path(name), Random(0))
        kinds = kind or [*variants(shop)]
        figures = []
        for figure in costs(shop, requests, Runs(pairs, BLOCK_S, patience), kinds):
            figures.append(figure)
            console.print(f"  {figure.name}: {figure.value:.3f} ({figure.detail})", highlight=False)
    show(figures, console)


if __name__ == "__main__":
    typer.run(main)

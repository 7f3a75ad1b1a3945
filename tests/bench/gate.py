"""Power of the gate by the size of the shop: honest nights and planted bad releases, `python -m tests.bench.gate`."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import typer
from rich.console import Console
from rich.table import Table

from recsys.bundle import Bundle
from recsys.data.store.open import open_store
from recsys.gate.verdict import GateVerdict
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from tests.training.gate.planted import DAMAGES, FAULTS, daily_events, rewritten
from tests.training.gate.test_gate import LIVE, NEW, judged, snapshot_of
from tests.training.gate.test_honest_nights import train_nightly
from training.registry import Registry

DAYS = 120
NIGHTS = {60: 38, 100: 38, 300: 38, 1_000: 12, 3_000: 5}  # by customers of the shop
FEW_ITEMS, ITEMS, SMALL_SHOP = 24, 60, 100  # customers up to which a shop has few items
FIGURES = re.compile(r"\((-?\+?[\d.]+) to (-?\+?[\d.]+) %\)")


def main(customers: list[int] | None = None) -> None:
    """Honest nights: what went live, and what other rules would have refused.  Planted releases: how many are refused.

    strict alone: the lower end above -2 %, and nothing else.  loose: with fewer than 1,000 customers who judge, the
    whole interval below -5 %, else strict.
    """
    table = Table(
        *("customers", "nights", "own choices", "the champion's", "refused", "strict alone", "loose"),
        *("planted", "refused", "loose", "CPU, s"),
    )
    for n_customers in customers or NIGHTS:
        started = time.process_time()
        counts = [*_honest(n_customers, NIGHTS.get(n_customers, 12)), *_planted(n_customers)]
        table.add_row(f"{n_customers:,}", *map(str, counts), f"{time.process_time() - started:.0f}")
    Console(width=160).print(table)


def _n_items(n_customers: int) -> int:
    return FEW_ITEMS if n_customers <= SMALL_SHOP else ITEMS


def _honest(n_customers: int, n_nights: int) -> list[int]:
    """nights; live with own choices, with those of the champion, refused; refused by strict alone, and by loose."""
    counts: Counter[str] = Counter()
    events = daily_events(n_customers, _n_items(n_customers), DAYS)
    with TemporaryDirectory() as folder, closing(open_store(Path(folder), None)) as store:
        known: set[str] = set()
        for result in train_nightly(store, Path(folder), events, _n_items(n_customers), n_nights):
            first, *_ = [each for each in Registry(Path(folder)).verdicts() if each.version not in known]
            known |= {each.version for each in Registry(Path(folder)).verdicts()}
            live = result.verdict
            kind = "refused" if not live.may_go_live else "kept" if live.kept_choices else "own"
            counts.update([kind, *(["strict"] if not first.may_go_live else []), *_loose(first)])
    return [n_nights, *(counts[name] for name in ("own", "kept", "refused", "strict", "loose"))]


def _loose(verdict: GateVerdict) -> list[str]:
    """Whether the looser rule refuses it too."""
    failed = [check for check in verdict.checks if check.result == "failed"]
    champion = [check for check in failed if check.name == "champion"]
    if len(failed) > len(champion):
        return ["loose"]
    return ["loose" for check in champion if verdict.n_customers >= 1_000 or _high(check.words) < -5]


def _high(words: str) -> float:
    """The upper end of the interval, in per cent."""
    figures = FIGURES.search(words)
    return float(figures[2]) if figures else -100.0


def _planted(n_customers: int) -> list[int]:
    """Damaged files and faulty data; how many of them are refused, and by the loose rule."""
    with TemporaryDirectory() as folder:
        shop = snapshot_of(daily_events(n_customers, _n_items(n_customers), DAYS), _n_items(n_customers))
        recipe = read_recipe(None, validation_days=28, seed=0, optional_seconds=0)
        live = build_bundle(shop, Path(folder) / LIVE, recipe, StepLog(), version=LIVE)
        history = [judged(live, None, shop, recipe)]

        def damaged() -> Iterator[GateVerdict]:
            for damage in DAMAGES.values():
                with TemporaryDirectory() as own:
                    yield judged(rewritten(live, Path(own), NEW, damage), live, shop, recipe, history)

        def faulty() -> Iterator[GateVerdict]:
            for fault in FAULTS.values():
                with TemporaryDirectory() as own:
                    data = fault(shop)
                    bundle: Bundle = build_bundle(data, Path(own) / NEW, recipe, StepLog(), version=NEW)
                    yield judged(bundle, live, data, recipe, history)

        bad = [*damaged(), *faulty()]
    n_refused, n_loose = sum(not each.may_go_live for each in bad), sum(bool(_loose(each)) for each in bad)
    return [len(bad), n_refused, n_loose]


if __name__ == "__main__":
    typer.run(main)

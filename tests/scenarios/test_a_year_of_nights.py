"""A year of nights of a shop that grows, forty of them bad: nobody is needed, and no bad release goes live."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Event as StopEvent

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from eval.replay import replay
from recsys.arrays import Doubles
from recsys.bundle import open_release
from recsys.cli.app import application
from recsys.cli.context import CliContext
from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.events import Event, Kind
from recsys.data.runs import RunRecord
from recsys.data.store.open import open_store
from recsys.ranking.recommender import Recommender
from recsys.time_units import DAY_MS, MINUTE_MS
from tests.scenarios.growing_shop import (
    FIRST_DAY,
    HISTORY_DAYS,
    Delivery,
    delivery_of,
    items_of,
    orders_of,
    write_events,
    write_items,
)
from tests.scenarios.planted_nights import PLANTED, PlantedNight
from tests.scenarios.simulated_clock import SimulatedClock
from training.cli.schedule import _run_job
from training.job import live_recommender
from training.registry import Registry
from training.schedule.jobs import JOBS_BY_NAME
from training.schedule.limits import JobEnd
from training.schedule.plans import job_plans
from training.schedule.schedule import Scheduler
from training.schedule.settings import ScheduleSettings
from training.schedule.state import read_state

ROOT = Path(__file__).parents[2]
K = 5
KEPT_VIEW_DAYS = 460  # nothing is so old, but by a clock that is 400 days ahead
MOST_NIGHTS_WITHOUT = 5  # from one release that goes live to the next
QUIET_NIGHT = PlantedNight(["promoted"])
SETTINGS = """
[gate]
days = 14
[keep]
view_days = {view_days}
[backup]
to = "{backups}"
keep = 2
[schedule]
timezone = "Europe/Berlin"
retry_s = 300
[schedule.train]
cron = "30 2 * * *"
max_memory_mb = 700
[schedule.backup]
cron = "0 1 * * SUN"
[schedule.check]
cron = "off"
[schedule.refresh]
cron = "off"
[schedule.canary]
cron = "off"
[models.item_neighbours]
off = true
[models.user_neighbours]
off = true
[models.bought_together]
off = true
[train]
spare_seconds = 0
niceness = 0
validation_days = 14
"""


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """What a night left: its runs, the versions that were live before and after, and what the lists were worth.

    hits (customers, 2): for each customer who bought the next day, the share of the purchases that stood in the list of
    the release that was live before, and in that of the one that is live after the night.
    """

    name: str
    planted: PlantedNight
    runs: Sequence[RunRecord]
    live: tuple[str | None, str | None]
    hits: Doubles

    @property
    def trainings(self) -> list[RunRecord]:
        return [run for run in self.runs if run.job == "train"]


@dataclass
class Shop:
    """A home by a simulated clock, with the scheduler that runs its jobs, and the nights that were."""

    home: Path
    clock: SimulatedClock
    patch: pytest.MonkeyPatch
    app: typer.Typer = field(default_factory=application)
    night: PlantedNight = QUIET_NIGHT
    attempts: int = 0
    late: Sequence[Event] = ()
    erased: Sequence[str] = ()
    champion: Recommender | None = None

    def __post_init__(self) -> None:
        settings = ScheduleSettings.load(self.home / "recsys.toml")
        self.scheduler = Scheduler(
            job_plans(settings, self.home),
            read_state(self.home),
            self.run_job,
            self.clock.now_ms,
            self.clock.sleep,
            max_sleep_s=3_600.0,
        )

    def command(self, *words: object) -> int:
        """The exit code of `recsys WORDS` in this process."""
        result = CliRunner().invoke(self.app, ["--home", str(self.home), *map(str, words)])
        return result.exit_code

    def run_job(self, job: str) -> JobEnd:
        """As `recsys schedule` does; in a process of its own only where it is to be hurt."""
        if job == "train":
            self.attempts += 1
        if job == "train" and self.night.fault is not None and self.attempts == 1:
            self.patch.setattr("training.schedule.plans.RECSYS", self.clock.recsys(*self.night.fault))
            settings = ScheduleSettings.load(self.home / "recsys.toml")
            context = CliContext(self.home, self.home)
            return _run_job(context, settings, job, StopEvent(), cause="schedule", as_json=False)
        code = self.command(*JOBS_BY_NAME[job].command, "--cause", "schedule")
        return JobEnd(code, "exit", 1.0, 100.0)

    def deliver(self, delivery: Delivery) -> None:
        """The nightly import of the shop, by cron; and the erasures that its customer service does."""
        folder = self.home.parent
        for user_id in self.erased:
            assert self.command("users", "erase", user_id, "--yes") == 0
        if not delivery.is_lost and not delivery.is_garbled:
            write_items(delivery.items, folder / "items.csv")
            self.command("import", "items", folder / "items.csv", "--cause", "cron")
        orders = folder / "orders.csv"
        orders.unlink(missing_ok=True)
        if not delivery.is_lost:
            write_events([*self.late, *delivery.events], orders, is_garbled=delivery.is_garbled)
        self.command("import", "events", orders, "--cause", "cron")
        self.late, self.erased = [*delivery.late], delivery.erased

    def live_through(self, day: int, name: str) -> Night:
        """The night after that day, until the next noon; days count from the first night."""
        self.night, self.attempts = PLANTED.get(name, QUIET_NIGHT), 0
        self.clock.sleep((self.midnight_after(day) - self.clock.wall_ms) / 1_000)
        seen, before = {run.run_id for run in self.runs()}, Registry(self.home).live()
        with self.night.around(self.home, self.clock):
            self.deliver(self.night.delivery(delivery_of(day)))
            noon = self.clock.wall_ms + DAY_MS // 2
            while self.clock.wall_ms < noon:
                self.scheduler.step()
        runs = [run for run in reversed(self.runs()) if run.run_id not in seen]
        live = before, Registry(self.home).live()
        return Night(name, self.night, runs, live, self.next_days_hits(day + 1))

    @staticmethod
    def midnight_after(day: int) -> int:
        return (FIRST_DAY + day + 1) * DAY_MS - 90 * MINUTE_MS  # in UTC, before 02:30 in Berlin

    def runs(self) -> list[RunRecord]:
        with closing(open_store(self.home, None)) as store:
            return store.runs(newest=60)

    def next_days_hits(self, day: int) -> Doubles:
        """See Night.  The release that is live now is sound: every digest is right, and it fills every list."""
        registry = Registry(self.home)
        live = registry.live()
        assert live is not None
        open_release(registry.bundles, live)
        with closing(open_store(self.home, None)) as store:
            new = live_recommender(store, registry, self.home / "recsys.toml")
        assert new is not None
        before, self.champion = self.champion or new, new
        bought: dict[str, set[str]] = {}
        for event in orders_of(day):
            bought.setdefault(event.user_id, set()).add(event.item_id)
        return np.array([hits_of(release, bought, day) for release in (before, new)]).T


def hits_of(release: Recommender, bought: Mapping[str, set[str]], day: int) -> list[float]:
    """For each customer, the share of the items bought that stand in the list of the home page."""
    at_ms = (FIRST_DAY + day) * DAY_MS
    lists = replay(release, release.placements["home"], list(bought), K, at_ms).lists
    assert (lists.length == K).all()
    ids = [{release.catalogue.item_id(int(item)) for item in row} for row in lists.item]
    return [len(shown & chosen) / len(chosen) for shown, chosen in zip(ids, bought.values(), strict=True)]


def new_shop(folder: Path, patch: pytest.MonkeyPatch) -> Shop:
    """With ninety days of history, and one training."""
    home = folder / "home"
    home.mkdir()
    (home / "recsys.toml").write_text(SETTINGS.format(backups=folder / "backups", view_days=KEPT_VIEW_DAYS))
    patch.setenv("PYTHONPATH", str(ROOT))
    clock = SimulatedClock(FIRST_DAY * DAY_MS)
    clock.install(patch)
    with closing(open_store(home, None)) as store:
        store.put_items(items_of(0))
        store.append([event for day in range(-HISTORY_DAYS, 0) for event in orders_of(day)])
    shop = Shop(home, clock, patch)
    assert shop.command("train", "--cause", "the first") == 0
    return shop


def faults_of(nights: Sequence[Night]) -> list[str]:
    """Nights that ended otherwise than they should, each with what its runs say."""
    return [
        f"night {number} ({night.name}): {verdicts_of(night)}, live {night.live}, {reasons_of(night)}"
        for number, night in enumerate(nights)
        if verdicts_of(night) != list(night.planted.verdicts)
        or night.planted.cause not in reasons_of(night)
        or night.live[1] != promoted_in(night)
    ]


def verdicts_of(night: Night) -> list[str]:
    return [run.verdict for run in night.trainings]


def promoted_in(night: Night) -> str | None:
    """The release that should be live: of the last training that promoted one, else that of before."""
    promoted = [run.version for run in night.trainings if run.verdict == "promoted"]
    return promoted[-1] if promoted else night.live[0]


def reasons_of(night: Night) -> str:
    return "; ".join(reason for run in night.runs for reason in run.reasons)


def calendar(n_nights: int, n_planted: int) -> list[str]:
    """Names of nights; the planted ones at even distances, kind by kind."""
    kinds, names = cycle(PLANTED), ["quiet"] * n_nights
    for night in np.linspace(2, n_nights - 2, n_planted).round().astype(int):
        names[night] = next(kinds)
    return names


def loss_of(nights: Sequence[Night]) -> tuple[float, float]:
    """How much worse than the release before a new one served the customers of the next day: mean, standard error."""
    losses = np.concatenate([night.hits[:, 0] - night.hits[:, 1] for night in nights])
    return float(losses.mean()), float(losses.std() / np.sqrt(len(losses)))


def stored(shop: Shop, kind: Kind) -> int:
    with closing(open_store(shop.home, None)) as store:
        return read_snapshot(store).events.filter(pl.col("kind") == int(kind)).height


def delivered(kind: Kind, days: range) -> int:
    return sum(event.kind == kind for day in days for event in orders_of(day))


def check_nights(shop: Shop, names: Sequence[str]) -> None:
    """Lives through these nights; then every one of them ended as it should, and is told."""
    nights = [shop.live_through(day, name) for day, name in enumerate(names)]
    assert faults_of(nights) == []
    went_live = [-1, *(number for number, night in enumerate(nights) if promoted_in(night) != night.live[0])]
    assert max(np.diff([*went_live, len(nights)])) <= MOST_NIGHTS_WITHOUT
    mean, error = loss_of(nights)
    assert mean <= 3 * error, "the lists got worse from night to night"
    result = CliRunner().invoke(shop.app, ["--home", str(shop.home), "runs", "--job", "train", "-n", "999", "--json"])
    assert len(json.loads(result.stdout)) == 1 + sum(len(night.planted.verdicts) for night in nights)
    for kind in (Kind.VIEW, Kind.PURCHASE):
        assert stored(shop, kind) == delivered(kind, range(-HISTORY_DAYS, len(names)))
    assert restored_purchases(shop) > delivered(Kind.PURCHASE, range(-HISTORY_DAYS, len(names) - 8))


def restored_purchases(shop: Shop) -> int:
    """How many are in the newest weekly backup, which comes back as a home of its own."""
    copy = Shop(shop.home.parent / "restored", shop.clock, shop.patch)
    assert copy.command("restore", shop.home.parent / "backups") == 0
    assert all(release.damage is None for release in Registry(copy.home).releases(verify=True))
    return stored(copy, Kind.PURCHASE)


@pytest.mark.slow
def test_three_weeks_of_nights_with_ten_bad_ones_need_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_nights(new_shop(tmp_path, monkeypatch), calendar(20, 10))


@pytest.mark.soak
def test_a_year_of_nights_with_forty_bad_ones_needs_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_nights(new_shop(tmp_path, monkeypatch), calendar(365, 40))

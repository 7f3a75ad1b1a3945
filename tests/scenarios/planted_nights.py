"""Nights on which something goes wrong, one by one: in the data, in the machine, or in the settings.

The shop's own systems mend their data with the next delivery; nobody touches the engine.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from recsys.data.events import Event, Kind
from recsys.data.runs import RunVerdict
from recsys.time_units import DAY_MS
from tests.scenarios.growing_shop import Delivery
from tests.scenarios.simulated_clock import Fault, SimulatedClock
from training.registry import Registry

SETTINGS = "recsys.toml"
N_BOT, N_TESTERS = 3_000, 60
POPULARITY_ALONE = "".join(f"[models.{name}]\noff = true\n" for name in ("als", "buy_again"))

Surroundings = Callable[[Path, SimulatedClock], AbstractContextManager[object]]


def same(delivery: Delivery) -> Delivery:
    return delivery


def quiet(_home: Path, _clock: SimulatedClock) -> AbstractContextManager[object]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class PlantedNight:
    """verdicts: of the trainings of that night, in their order.  cause: in the reasons of one of its runs.

    delivery: what becomes of the delivery.  around: what is wrong with the home or the machine meanwhile.
    fault: what happens to the first attempt at a training when it writes the file of that name.
    """

    verdicts: Sequence[RunVerdict]
    cause: str = ""
    delivery: Callable[[Delivery], Delivery] = same
    around: Surroundings = quiet
    fault: tuple[Fault, str] | None = None


def half_a_log(delivery: Delivery) -> Delivery:
    """Of three exporters two broke off; the rest comes a day later."""
    kept = delivery.events[::3]
    return replace(delivery, events=kept, late=[event for event in delivery.events if event not in kept])


def no_file(delivery: Delivery) -> Delivery:
    return replace(delivery, is_lost=True, late=delivery.events)


def garbled_file(delivery: Delivery) -> Delivery:
    return replace(delivery, is_garbled=True, late=delivery.events)


def in_cents(delivery: Delivery) -> Delivery:
    items = [replace(item, price=(item.price or 0) * 100) for item in delivery.items]
    return replace(delivery, items=items)


def a_test_system(delivery: Delivery) -> Delivery:
    """Its made-up customers come with the export; the shop erases them the next morning."""
    event_of = {f"test-{n}-{event.at_ms}": event for n, event in enumerate(delivery.events[:N_TESTERS])}
    events = [
        event._replace(
            event_id=f"{user_id}-{event.event_id}", user_id=user_id, order_id=f"order-{user_id}-{event.at_ms}"
        )
        for user_id, event in event_of.items()
    ]
    return replace(delivery, events=[*delivery.events, *events], erased=sorted(event_of))


def a_bot(delivery: Delivery) -> Delivery:
    """It buys one item all day; the shop erases its account the next morning."""
    first = delivery.events[0]
    bot = f"bot-{first.at_ms}"
    bought = [
        Event(f"{bot}-{n}", bot, first.item_id, Kind.PURCHASE, first.at_ms + n, 1.0, 1.0, f"{bot}-{n}")
        for n in range(N_BOT)
    ]
    return replace(delivery, events=[*delivery.events, *bought], erased=[bot])


def twice(delivery: Delivery) -> Delivery:
    """The same lines twice in one file."""
    return replace(delivery, events=[*delivery.events, *delivery.events])


@contextmanager
def a_clock_ahead(_home: Path, clock: SimulatedClock) -> Iterator[None]:
    """More than a year ahead for one night."""
    clock.wall_ms += 400 * DAY_MS
    try:
        yield
    finally:
        clock.wall_ms -= 400 * DAY_MS


@contextmanager
def a_lost_file(home: Path, _clock: SimulatedClock) -> Iterator[None]:
    """A file of the live release is gone."""
    registry = Registry(home)
    live = registry.live()
    assert live is not None
    (registry.bundles / live / "histories" / "item.npy").unlink()
    yield


def settings_with(text: str) -> Surroundings:
    """Somebody changes the settings, and takes it back the next day."""

    @contextmanager
    def changed(home: Path, _clock: SimulatedClock) -> Iterator[None]:
        before = (home / SETTINGS).read_text()
        (home / SETTINGS).write_text(before + text)
        try:
            yield
        finally:
            (home / SETTINGS).write_text(before)

    return changed


PLANTED: dict[str, PlantedNight] = {
    "half a log": PlantedNight(["rejected"], "a part seems to be missing", half_a_log),
    "a killed job": PlantedNight(["died", "promoted"], "killed by SIGKILL", fault=("kill", ".making-")),
    "prices in cents": PlantedNight(["rejected"], "100.00 times what it was", in_cents),
    "no file": PlantedNight(["nothing_new"], "orders.csv", no_file),
    "a bot": PlantedNight(["rejected"], "one customer has", a_bot),
    "a full disk": PlantedNight(["failed"], "No space left on device", fault=("full", "histories")),
    "a clock ahead": PlantedNight(["promoted", "nothing_new"], around=a_clock_ahead),  # what was missed, and the night
    "a broken import": PlantedNight(["nothing_new"], "lines were refused", garbled_file),
    "popularity alone": PlantedNight(["rejected"], "the personal list", around=settings_with(POPULARITY_ALONE)),
    "a lost file": PlantedNight(["promoted"], around=a_lost_file),
    "killed before it goes live": PlantedNight(["died", "promoted"], "killed by SIGKILL", fault=("kill", "/LIVE")),
    "a test system": PlantedNight(["rejected"], "customers: ", a_test_system),
    "too much memory": PlantedNight(["died"], "needed more than its memory", fault=("hog", ".making-")),
    "every line twice": PlantedNight(["promoted"], delivery=twice),
    "a misspelt setting": PlantedNight(["failed"], "sed is no setting", around=settings_with("sed = 1\n")),
}

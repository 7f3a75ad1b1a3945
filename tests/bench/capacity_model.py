"""Capacity model: hosts, memory, disk and training of a shop, from the measured costs of an answer and an event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

GIB = 2**30
DAY_S = 86_400
US_AN_HOUR = 3.6e9
MOST_EVENTS = 2**31 - 1
MANY_EVENTS = 1_000_000  # from here on a training holds the log, and little more for each further event
PREPARED_CUSTOMERS = 20_000  # whose candidates a training keeps (recsys/learning/precompute.py)


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """Measured on one core: CPU in microseconds, sizes in bytes.

    mapped: files of a release, which all workers of a host share.  train: CPU and memory per event of the log.
    """

    empty_us: float
    cached_us: float
    prepared_us: float
    live_us: float
    event_us: float
    batched_event_us: float
    worker_bytes: float
    mapped_bytes_per_customer: float
    mapped_bytes_per_prepared: float
    mapped_bytes_per_item: float
    mapped_bytes_per_event: float
    sqlite_bytes_per_event: float
    postgres_bytes_per_event: float
    answer_log_bytes: float
    train_us_per_event: float
    train_bytes_at_least: float
    train_bytes_per_event: float  # up to `MANY_EVENTS`
    train_bytes_per_further_event: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """What customers do, as assumed: shares of 1, counts per day."""

    active_share: float = 0.05
    lists_per_active: float = 20.0
    events_per_active: float = 10.0
    peak: float = 3.0  # the busiest hour over the mean hour
    cached_share: float = 0.3
    untouched_share: float = 0.5  # of the other lists: for customers who did nothing since the training
    stored_events_per_customer: float = 50.0


@dataclass(frozen=True, slots=True)
class Host:
    """The machine that is counted in; a worker for each core.  A core may be busy for `target` of the time."""

    cores: int = 8
    memory_gib: float = 64.0
    target: float = 0.6
    training_hours: float = 8.0


@dataclass(frozen=True, slots=True)
class Need:
    """What a shop of that size needs at its busiest hour."""

    customers: int
    items: int
    lists_per_s: float
    events_per_s: float
    list_us: float
    cores: float
    hosts: int
    mapped_bytes: float
    host_bytes: float
    log_bytes: float
    answer_log_bytes_per_day: float
    stored_events: float
    train_core_hours: float
    train_bytes: float
    core_hours_per_day: float


def list_us(units: UnitCosts, traffic: Traffic, customers: int) -> float:
    """The mean CPU of a list.

    Candidates are prepared for the customers seen last; the more customers come in a day, the smaller their share.
    """
    active = max(1.0, customers * traffic.active_share)
    prepared = traffic.untouched_share * min(1.0, PREPARED_CUSTOMERS / active)
    made = prepared * units.prepared_us + (1 - prepared) * units.live_us
    return traffic.cached_share * units.cached_us + (1 - traffic.cached_share) * made


def need(units: UnitCosts, customers: int, items: int, traffic: Traffic, host: Host) -> Need:
    """What that many customers and items need."""
    active = customers * traffic.active_share
    lists = active * traffic.lists_per_active / DAY_S * traffic.peak
    events = active * traffic.events_per_active / DAY_S * traffic.peak
    cost = list_us(units, traffic, customers)
    cores = (lists * cost + events * units.event_us) / 1e6 / host.target
    stored = customers * traffic.stored_events_per_customer
    mapped = (
        customers * units.mapped_bytes_per_customer
        + min(customers, PREPARED_CUSTOMERS) * units.mapped_bytes_per_prepared
        + items * units.mapped_bytes_per_item
        + stored * units.mapped_bytes_per_event
    )
    hosts = ceil(cores / host.cores)
    return Need(
        customers=customers,
        items=items,
        lists_per_s=lists,
        events_per_s=events,
        list_us=cost,
        cores=cores,
        hosts=hosts if hosts < 2 else hosts + 1,  # one may fail
        mapped_bytes=mapped,
        host_bytes=mapped + host.cores * units.worker_bytes,
        log_bytes=stored * (units.sqlite_bytes_per_event if hosts < 2 else units.postgres_bytes_per_event),
        answer_log_bytes_per_day=active * traffic.lists_per_active * units.answer_log_bytes,
        stored_events=stored,
        train_core_hours=stored * units.train_us_per_event / US_AN_HOUR,
        train_bytes=units.train_bytes_at_least
        + min(stored, MANY_EVENTS) * units.train_bytes_per_event
        + max(stored - MANY_EVENTS, 0) * units.train_bytes_per_further_event,
        core_hours_per_day=(
            active * (traffic.lists_per_active * cost + traffic.events_per_active * units.event_us)
            + stored * units.train_us_per_event
        )
        / US_AN_HOUR,
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that ends as a shop grows: when, and what to do then."""

    name: str
    is_beyond: Callable[[Need], bool]
    remedy: str


def limits(host: Host) -> tuple[Limit, ...]:
    return (
        Limit(
            "one training in a night on one host",
            lambda need: need.train_core_hours > host.training_hours,
            "`[keep]` for fewer events, `recsys refresh` every hour with a training a week, or `--engine spark`",
        ),
        Limit(
            "memory of the training on one host",
            lambda need: need.train_bytes > host.memory_gib * GIB,
            "a host with more memory for the training alone, or `--engine spark`",
        ),
        Limit(
            "one host for all lists, and with it SQLite",
            lambda need: need.hosts > 1,
            "PostgreSQL, Redis and a shared registry; hosts are alike and hold nothing of their own",
        ),
        Limit(
            "a release in the memory of a host",
            lambda need: need.host_bytes > host.memory_gib * GIB,
            "hosts with more memory; below that, lists of customers who were away for long wait for the disk",
        ),
        Limit(
            "2,147,483,647 events in one release (positions are int32)",
            lambda need: need.stored_events > MOST_EVENTS,
            "`[keep]` for fewer events of each customer, or a home for each country or brand",
        ),
        Limit(
            "1 TiB of log in one PostgreSQL",
            lambda need: need.log_bytes > 1024 * GIB,
            "`[keep]` for views and impressions; a larger database host",
        ),
        Limit(
            "10 GiB of answer log a day on each host",
            lambda need: need.answer_log_bytes_per_day / need.hosts > 10 * GIB,
            "`[keep] shown_days = 7`, or `[serve] log_answers = false`",
        ),
    )


def breaks_at(limit: Limit, needed: Callable[[int], Need], most: int = 10**9) -> int | None:
    """The number of customers from which the limit is exceeded, to three digits; None up to `most`."""
    low, high = 1, most
    if not limit.is_beyond(needed(high)):
        return None
    while high > low * 1.001 and high > low + 1:
        middle = (low + high) // 2
        low, high = (low, middle) if limit.is_beyond(needed(middle)) else (middle, high)
    return high


def units_of(told: Mapping[str, float]) -> UnitCosts:
    return UnitCosts(**{name: float(value) for name, value in told.items()})

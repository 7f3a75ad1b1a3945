"""The page on capacity holds what the model computes from the last measurement, and the model keeps its laws."""

from itertools import pairwise

import pytest

from tests.bench.capacity import BEGIN, END, PAGE, SIZES, WORDS, read_units, tables
from tests.bench.capacity_model import Host, Limit, Traffic, UnitCosts, breaks_at, list_us, need

HOST, TRAFFIC = Host(), Traffic()


@pytest.fixture(scope="module")
def units() -> UnitCosts:
    return read_units()[0]


def test_the_page_holds_what_the_model_computes() -> None:
    generated = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert generated.strip() == tables(*read_units(), TRAFFIC, HOST).strip()


def test_every_unit_cost_was_measured_and_has_words(units: UnitCosts) -> None:
    assert set(WORDS) == set(UnitCosts.__slots__)
    assert all(getattr(units, name) > 0 for name in WORDS)


def test_a_larger_shop_never_needs_less(units: UnitCosts) -> None:
    needs = [need(units, customers, items, TRAFFIC, HOST) for customers, items in SIZES]
    for smaller, larger in pairwise(needs):
        assert smaller.cores < larger.cores
        assert smaller.hosts <= larger.hosts
        assert smaller.mapped_bytes < larger.mapped_bytes
        assert smaller.list_us <= larger.list_us  # fewer of the customers are prepared


def test_the_cost_of_a_list_lies_between_a_cached_and_a_live_one(units: UnitCosts) -> None:
    for customers, _ in SIZES:
        assert units.cached_us < list_us(units, TRAFFIC, customers) < units.live_us


def test_cores_are_those_of_lists_and_events_at_the_target_use(units: UnitCosts) -> None:
    wanted = need(units, 1_000_000, 1, TRAFFIC, HOST)
    busy = (wanted.lists_per_s * wanted.list_us + wanted.events_per_s * units.event_us) / 1e6
    assert wanted.cores * HOST.target == pytest.approx(busy)
    assert wanted.lists_per_s == pytest.approx(50_000 * 20 / 86_400 * 3)


def test_a_limit_breaks_at_the_size_where_it_is_exceeded(units: UnitCosts) -> None:
    limit = Limit("a million stored events", lambda need: need.stored_events > 1e6, "")
    at = breaks_at(limit, lambda customers: need(units, customers, 1, TRAFFIC, HOST))
    assert at == pytest.approx(20_000, rel=0.002)
    never = Limit("never", lambda need: False, "")
    assert breaks_at(never, lambda customers: need(units, customers, 1, TRAFFIC, HOST)) is None

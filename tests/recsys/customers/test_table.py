"""Customer table: figures of counted customers, as stored in a bundle and back."""

import numpy as np

from recsys.bundle.array_spec import check_arrays
from recsys.customers.stages import Stage
from recsys.customers.table import NO_CLASS, CustomerTable
from tests.recsys.customers.conftest import Shop


def row(shop: Shop, user_id: str) -> int:
    return shop[0].users.position(user_id)


def test_the_table_fits_its_specification_and_comes_back_from_its_arrays(shop: Shop) -> None:
    data, table = shop
    arrays = table.arrays()
    check_arrays(arrays, CustomerTable.specs(), {"U": len(data.users), "I": data.catalogue.n_items})
    again = CustomerTable.from_arrays(arrays)
    assert again.rule == table.rule
    np.testing.assert_array_equal(again.stage, table.stage)
    assert again.grouping.names == table.grouping.names


def test_guests_move_no_score_and_have_none(shop: Shop) -> None:
    table, guest = shop[1], row(shop, "guest:o1")
    assert not table.is_counted[guest]
    assert (table.money_score[guest], table.group[guest], table.abc[guest]) == (0, -1, NO_CLASS)
    assert (table.money_score[table.is_counted] == 5).sum() == 12


def test_a_visitor_who_never_bought_is_potential_and_has_no_score(shop: Shop) -> None:
    table, visitor = shop[1], row(shop, "visitor")
    assert table.stage[visitor] == Stage.POTENTIAL
    assert (table.recency_score[visitor], table.abc[visitor]) == (0, NO_CLASS)
    assert np.isnan(table.recency_days()[visitor])
    assert table.first_seen_ms[visitor] > 0


def test_weekly_customers_of_three_months_are_growing_since_day_61_and_before_that_new(shop: Shop) -> None:
    table, user = shop[1], row(shop, "user-001")
    assert table.n_days[user] == 12
    assert table.gap_days[user] == 7
    assert Stage(table.stage[user]) is Stage.GROWING
    assert Stage(table.previous_stage[user]) is Stage.NEW


def test_the_row_of_a_customer_holds_every_column_with_what_is_unknown_as_none(shop: Shop) -> None:
    values = shop[1].row(row(shop, "visitor"))
    assert values is not None
    assert (values["stage"], values["gap_days"], values["n_orders"]) == (Stage.POTENTIAL, None, 0)
    assert CustomerTable().row(0) is None

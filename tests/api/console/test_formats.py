"""Formats of figures in the console."""

from api.console.formats import number, share


def test_a_figure_that_rounds_to_nothing_has_no_sign() -> None:
    assert (share(-0.00001), number(-0.001), share(-0.1)) == ("0.0 %", "0.00", "-10.0 %")

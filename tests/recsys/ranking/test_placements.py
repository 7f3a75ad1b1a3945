"""Placements: defaults, changes field by field, and errors that name the wrong word."""

from pathlib import Path

import pytest

from recsys.errors import BadSettings, UnknownPlacement
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import find_placement, load_placements

KNOWN = frozenset(SOURCES)


def written(folder: Path, text: str) -> Path:
    file = folder / "recsys.toml"
    file.write_text(text)
    return file


def test_default_placements_need_no_file() -> None:
    assert {"home", "discover", "buy-again", "product", "basket", "trending"} <= set(load_placements(None, KNOWN))


def test_a_field_is_changed_and_the_others_stay(tmp_path: Path) -> None:
    file = written(tmp_path, '[placements.home]\nsources = ["buy_again", "als"]\n')
    home = load_placements(file, KNOWN)["home"]
    assert home.sources == ("buy_again", "als")
    assert home.mix == "probability"


def test_a_shop_adds_a_placement(tmp_path: Path) -> None:
    file = written(tmp_path, '[placements.cart-page]\nsources = ["bought_together"]\nasks = "context"\n')
    assert load_placements(file, KNOWN)["cart-page"].asks == "context"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[placements.x]\nsources = ["similer"]\n', "did you mean 'similar'"),
        ("[placements.x]\nsources = []\n", r"\[placements.x\] sources"),
        ('[placements.home]\nmix = "random"\n', "mix = 'random'"),
        ('[placements.home]\nmixx = "in-order"\n', "mixx"),
        ("[placements]\nhome = 3\n", r"write \[placements|must be a table"),
    ],
)
def test_a_wrong_placement_names_the_fault(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        load_placements(written(tmp_path, text), KNOWN)


def test_an_unknown_placement_names_the_nearest() -> None:
    with pytest.raises(UnknownPlacement, match="did you mean 'buy-again'"):
        find_placement(load_placements(None, KNOWN), "buy_again")

"""Settings of customers: the product's limits, a shop's own, and what is refused."""

from pathlib import Path

import pytest

from recsys.customers.groups import RFM_GROUPS
from recsys.customers.settings import CustomerSettings
from recsys.customers.stages import StageRule
from recsys.errors import BadSettings


def settings(tmp_path: Path, text: str) -> CustomerSettings:
    file = tmp_path / "recsys.toml"
    file.write_text(text)
    return CustomerSettings.load(file, {})


def test_without_a_table_the_limits_are_those_of_the_product(tmp_path: Path) -> None:
    assert settings(tmp_path, "").stage_rule() == StageRule()
    assert settings(tmp_path, "").rfm_groups() == RFM_GROUPS


def test_a_shop_sets_its_own_limits_and_groups(tmp_path: Path) -> None:
    own = settings(tmp_path, '[customers]\nlost_days = 400\n[[customers.groups]]\nname = "gold"\nm = [5, 5]\n')
    assert own.stage_rule().lost_days == 400
    assert [(group.name, group.m) for group in own.rfm_groups()] == [("gold", (5, 5))]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lost_days = 50", "should rise"),
        ("back_days = 40", "at most at_risk_days"),
        ("loyal_days = 30", "above new_days"),
        ("at_risk_gaps = 5.0", "should not fall"),
        ("at_risk_day = 5", "at_risk_days"),
        ('groups = [{name = "gold", r = [0, 5]}]', "r"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        settings(tmp_path, f"[customers]\n{line}\n")

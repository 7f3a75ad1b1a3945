"""`recsys rules` reads files of rules, and no others."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys.cli.app import application
from tests.homes import copy_home


@pytest.mark.parametrize("command", ["check", "put"])
def test_a_file_that_is_far_too_large_for_rules_is_not_read_to_its_end(tmp_path: Path, command: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_bytes(b"#" * ((1 << 20) + 1))
    result = CliRunner().invoke(application(), ["--home", str(tmp_path), "rules", command, str(file)])
    assert result.exit_code == 1
    assert "is larger than 1 MiB, which no file of rules is" in result.output


def test_a_check_names_the_rules_that_shorten_the_list_of_a_visitor(trained_home: Path, tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "rules.toml"
    copy_home(trained_home, home)
    gone = [f"item-{item:03}" for item in range(16)]
    rule = 'kind = "block"\nreason = "Called back"\n'
    short = f'[[rules]]\nid = "gone"\nitems = {gone}\n{rule}'
    file.write_text(f'{short}[[rules]]\nid = "single"\nitems = ["item-001"]\n{rule}')
    command = ["--home", str(home), "rules", "check", str(file)]
    text = CliRunner().invoke(application(), command).output
    assert "gone: shortens a visitor's list on home. This rule alone leaves 8 of 10 items." in text
    assert "single: shortens" not in text
    rows = json.loads(CliRunner().invoke(application(), [*command, "--json"]).stdout)["rules"]
    assert {row["id"]: row["leaves"] for row in rows} == {"gone": 8, "single": None}


@pytest.mark.parametrize("blocked", [16, 0])
def test_a_preview_says_by_how_much_rules_shorten_the_list(trained_home: Path, tmp_path: Path, blocked: int) -> None:
    home, file = tmp_path / "home", tmp_path / "rules.toml"
    copy_home(trained_home, home)
    gone = [f"item-{item:03}" for item in range(blocked)] or ["item-000"]
    file.write_text(f'[[rules]]\nid = "gone"\nkind = "block"\nitems = {gone}\nreason = "Called back"\n')
    result = CliRunner().invoke(application(), ["--home", str(home), "rules", "try", str(file), "--user", "user-003"])
    assert result.exit_code == 0, result.output
    assert ("these rules leave 8 of 10 items" in result.output) == bool(blocked)
    assert ("gone: This rule alone leaves 8 of 10 items." in result.output) == bool(blocked)


def test_a_preview_of_the_shop_counts_lists_that_change_over_sampled_customers(
    trained_home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "rules.toml"
    gone = [f"item-{item:03}" for item in range(16)]
    file.write_text(f'[[rules]]\nid = "gone"\nkind = "block"\nitems = {gone}\nreason = "Called back"\n')
    command = ["--home", str(trained_home), "rules", "try", str(file), "--customers", "25"]
    text = CliRunner().invoke(application(), command).output
    assert "25 customers, lists of home" in text
    assert "lists that get shorter: 100.0%" in text
    assert "different items in all lists: 24 -> 8, -16" in text
    figures = json.loads(CliRunner().invoke(application(), [*command, "--json"]).stdout)
    assert figures["coverage"]["difference"] == -16
    assert CliRunner().invoke(application(), [*command, "--user", "user-003"]).exit_code == 2

"""`recsys rules` reads files of rules, and no others."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys.cli.app import application


@pytest.mark.parametrize("command", ["check", "put"])
def test_a_file_that_is_far_too_large_for_rules_is_not_read_to_its_end(tmp_path: Path, command: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_bytes(b"#" * ((1 << 20) + 1))
    result = CliRunner().invoke(application(), ["--home", str(tmp_path), "rules", command, str(file)])
    assert result.exit_code == 1
    assert "is larger than 1 MiB, which no file of rules is" in result.output

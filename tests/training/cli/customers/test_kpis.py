"""Command `recsys kpis`: what cannot be answered is refused before the log is read."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys.cli.app import application
from recsys.customers.kpis import log
from recsys.data.store.open import open_store


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("kpis", "--from", "2018-01-01", "--to", "2017-01-01"), "from should be before to"),
        (("cohorts", "--from", "2018-01-01", "--to", "2018-01-01"), "from should be before to"),
        (("kpis", "--segment", "stage:loyl"), "did you mean 'loyal'"),
        (("cohorts", "--segment", "rfm:champion"), "did you mean 'champions'"),
        (("kpis", "--segment", "coffee"), "no segment 'coffee'"),
    ],
)
def test_a_bad_time_or_name_is_refused_before_the_log_is_read(
    words: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(tmp_path, None).close()
    monkeypatch.setattr(log, "read_kpi_log", None)
    result = CliRunner().invoke(application(), ["--home", str(tmp_path), *words])
    assert result.exit_code == 1
    assert message in result.output

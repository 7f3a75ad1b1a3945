"""Description of settings: where each value came from, and no secret in any of it."""

from pathlib import Path
from typing import Any

import pytest

from recsys.cli.settings.describe import SettingRow, describe_settings, settings_sections
from recsys.errors import BadSettings

FILE = """
database_url = "postgresql://shop:hunter2@db/shop"
[serve]
workers = 4
[schedule.train]
cron = "0 3 * * *"
[notify]
webhook = "https://shop.example/hooks/hunter2"
secret = "whsec_hunter2hunter2hunter2hunter2"
[models.als]
factors = 64
[sources.shop]
url = "postgresql://shop:hunter2@db/shop"
api_key = "hunter2"
tables = {orders = "o", secret_key = "hunter2"}
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SettingRow]:
    file = tmp_path_factory.mktemp("settings") / "recsys.toml"
    file.write_text(FILE)
    env = {"RECSYS_SERVE_PORT": "8100", "RECSYS_SCHEDULE_SWEEP__CRON": "off", "RECSYS_REDIS_URL": "redis://:hunter2@r"}
    return {f"{row.table}.{row.name}": row for row in describe_settings(file, env)}


@pytest.mark.parametrize(
    ("name", "value", "default", "source"),
    [
        ("serve.workers", 4, 1, "file"),
        ("serve.port", 8100, 8000, "variable"),
        ("serve.host", "127.0.0.1", "127.0.0.1", "default"),
        ("schedule.train.cron", "0 3 * * *", "", "file"),
        ("schedule.sweep.cron", "off", "", "variable"),
        ("schedule.sweep.timezone", "", "", "default"),
        ("models.als.factors", 64, None, "file"),
        ("weights.return", -1.0, -1.0, "default"),
    ],
)
def test_a_value_stands_beside_its_default_with_its_source(
    rows: dict[str, SettingRow], name: str, value: Any, default: Any, source: str
) -> None:
    row = rows[name]
    assert (row.value, row.default, row.source) == (value, default, source)
    place = {"file": "recsys.toml", "default": "", "variable": f"RECSYS_{name.upper().replace('.', '_', 1)}"}[source]
    assert row.place.endswith(place.replace(".", "__") if source == "variable" else place)


def test_a_secret_is_said_to_be_set_and_shown_nowhere(rows: dict[str, SettingRow]) -> None:
    assert "hunter2" not in repr(rows)
    assert [rows[name].value for name in (".database_url", ".redis_url", "notify.secret")] == ["***"] * 3
    assert rows["sources.shop.url"].value == "postgresql://shop:***@db/shop"
    assert describe_settings(None, {})[0].value is None


def test_every_setting_says_what_it_means_what_it_may_be_and_when_a_change_counts(rows: dict[str, SettingRow]) -> None:
    assert [name for name, row in rows.items() if not (row.meaning and row.counts)] == []
    assert rows["serve.workers"].allowed == "whole number, 1 to 64"
    assert len(settings_sections()) > 15


def test_a_wrong_setting_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text("[serve]\nworker = 1\n")
    with pytest.raises(BadSettings, match="did you mean 'workers'"):
        describe_settings(file, {})

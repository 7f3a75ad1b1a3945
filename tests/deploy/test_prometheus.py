"""Rules of Prometheus by promtool: valid, and each alert fires when it should and at no other time."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.test_deploy import ALERTS, DEPLOY, alerts, dashboard

CASES = Path(__file__).with_name("alerts_test.yml")
CONFIGURATIONS = [DEPLOY / "prometheus" / "prometheus.yml", DEPLOY / "docker" / "prometheus.yml"]

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="this machine has no promtool")


def promtool(*words: str | Path, folder: Path) -> None:
    result = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False, cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr


@needs_promtool
def test_promtool_accepts_the_rules_and_both_configurations(tmp_path: Path) -> None:
    promtool("check", "rules", ALERTS, folder=tmp_path)
    for file in CONFIGURATIONS:
        shutil.copy(file, tmp_path / "prometheus.yml")
        shutil.copy(ALERTS, tmp_path)
        promtool("check", "config", "--syntax-only", "prometheus.yml", folder=tmp_path)


@needs_promtool
def test_promtool_accepts_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    texts = [str(target["expr"]) for panel in dashboard()["panels"] for target in panel["targets"]]
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m").replace("$job", "recsys")}
        for number, text in enumerate(texts)
    ]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", "panels.yml", folder=tmp_path)


@needs_promtool
def test_every_alert_fires_where_all_is_wrong_and_none_where_all_is_well(tmp_path: Path) -> None:
    shutil.copy(ALERTS, tmp_path)
    shutil.copy(CASES, tmp_path)
    promtool("test", "rules", CASES.name, folder=tmp_path)


def test_every_alert_has_a_case() -> None:
    assert {
        name for name in (rule["alert"] for rule in alerts()) if f'alertname="{name}"' not in CASES.read_text()
    } == set()


def test_compose_scrapes_with_the_same_alerts_as_one_machine() -> None:
    first, second = (yaml.safe_load(file.read_text()) for file in CONFIGURATIONS)
    assert first["rule_files"] == second["rule_files"] == [ALERTS.name]
    assert [job["job_name"] for job in first["scrape_configs"]] == [job["job_name"] for job in second["scrape_configs"]]

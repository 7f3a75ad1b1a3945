"""Files in deploy/: their metrics, commands, settings and paths exist."""

import configparser
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from recsys.cli.app import application

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "recsys.json"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
NAME = re.compile(r"\brecsys_[a-z_]+")
LABEL = re.compile(r"(recsys_[a-z_]+)\{([^}]*)\}")
EVERYWHERE = {"job", "instance", "le", "version"}

Worker = Callable[..., TestClient]


def dashboard() -> dict[str, Any]:
    return dict(json.loads(DASHBOARD.read_text()))


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    shown = [str(target["expr"]) for panel in dashboard()["panels"] for target in panel["targets"]]
    return shown + [str(rule["expr"]) for rule in alerts()]


@pytest.fixture
def scraped(client: TestClient) -> str:
    """The metrics of a worker after some requests of every kind."""
    client.get("/v1/users/user-002/recommendations")
    client.post("/v1/events", json=[{"user_id": "u", "item_id": "i", "kind": "view"}, {}])
    client.get("/nowhere")
    return str(client.get("/metrics").text)


def test_every_metric_in_deploy_is_exposed(scraped: str) -> None:
    exposed = {line.split()[2] for line in scraped.splitlines() if line.startswith("# TYPE")}
    exposed |= {f"{name}{end}" for name in exposed for end in ("_bucket", "_count", "_sum")}
    queried = {name for expression in expressions() for name in NAME.findall(expression)}
    assert queried <= exposed
    assert len(queried) > 10


def test_every_label_in_deploy_exists(scraped: str) -> None:
    labels_by_name: dict[str, set[str]] = {}
    for name, labels in LABEL.findall(scraped):
        labels_by_name.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    for expression in expressions():
        for name, labels in LABEL.findall(expression):
            assert "job" not in labels_by_name.get(name, set()), "Prometheus would rename it exported_job"
            wanted = set(re.findall(r"(\w+)=", labels)) - EVERYWHERE
            assert wanted <= labels_by_name.get(name, set()), expression


def test_every_series_of_an_alert_exists_from_the_first_scrape(client: TestClient) -> None:
    text = client.get("/metrics").text
    for line in (
        'recsys_down{what="log"} 0.0',
        'recsys_shed_total{why="busy"} 0.0',
        "recsys_bundles_refused_total 0.0",
        "recsys_bundles_untrusted_total 0.0",
        'recsys_job_last_verdict{name="train",verdict="promoted"} 1.0',
        'recsys_job_last_verdict{name="train",verdict="rejected"} 0.0',
        'recsys_job_last_verdict{name="train",verdict="failed"} 0.0',
        'recsys_job_last_success_timestamp_seconds{name="train"}',
    ):
        assert line in text


def test_expressions_are_balanced(scraped: str) -> None:
    pairs = {")": "(", "]": "[", "}": "{"}
    for expression in expressions():
        bare = re.sub(r'"[^"]*"', "", expression.replace("$__rate_interval", "5m"))
        opened: list[str] = []
        for letter in bare:
            if letter in pairs.values():
                opened.append(letter)
            elif letter in pairs:
                assert opened, expression
                assert opened.pop() == pairs[letter], expression
        assert not opened, expression


def test_an_alert_says_what_happened_and_what_to_do() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names)) > 8
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "action"}


def test_panels_do_not_overlap_and_have_a_description() -> None:
    panels = dashboard()["panels"]
    assert all(panel["title"] and panel["description"] for panel in panels)
    places = sorted((panel["gridPos"]["y"], panel["gridPos"]["x"], panel["gridPos"]["w"]) for panel in panels)
    assert all(b[0] > a[0] or b[1] >= a[1] + a[2] for a, b in pairwise(places))


def commands() -> list[str]:
    """Every `recsys ...` command in the files, without its values."""
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.is_file()]
    return [match for text in texts for match in re.findall(r"\brecsys ((?:[a-z]+ ?)+)", text)]


def test_every_command_that_is_named_exists() -> None:
    import typer.main

    known = typer.main.get_command(application()).commands  # type: ignore[attr-defined]
    named = {words.split()[0] for words in commands()}
    assert {"serve", "train", "keys", "doctor", "rollback"} <= named & set(known)
    assert {"-m"}.isdisjoint(named)


@pytest.mark.parametrize("path", sorted((DEPLOY / "systemd").iterdir()), ids=lambda path: path.name)
def test_a_systemd_unit_is_valid(path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(path.read_text())
    assert unit["Unit"]["Description"]
    if path.suffix == ".service":
        assert re.search(r"/recsys (serve|train|schedule)|journalctl", unit["Service"]["ExecStart"])
        assert unit["Service"]["User"] == "recsys"


def copied() -> set[str]:
    """What the Dockerfile takes from the checkout."""
    lines = re.findall(r"^COPY ([^-].*) \S+$", (DEPLOY / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    return {name for line in lines for name in line.split()}


def test_the_containers_are_defined_and_their_files_exist() -> None:
    folder = DEPLOY / "docker"
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    assert set(services) == {"recsys", "schedule", "postgres", "redis", "prometheus", "grafana"}
    assert (folder / services["recsys"]["build"]["context"] / services["recsys"]["build"]["dockerfile"]).is_file()
    assert all((DEPLOY.parent / name).exists() for name in copied())
    mounted = [volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())]
    assert all((folder / path).exists() for path in mounted if path.startswith("."))


def test_every_service_of_compose_starts_again_and_is_watched_and_has_its_secrets() -> None:
    compose = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        assert service["restart"] == "unless-stopped"
        assert "healthcheck" in service or name == "recsys", "the image has the one of the service"
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        assert {volume.partition(":")[0] for volume in service.get("volumes", ()) if volume[0] != "."} <= set(
            compose["volumes"]
        )
    assert compose["services"]["recsys"]["read_only"] is True


def test_whoever_runs_the_units_is_told_of_a_failure_and_memory_is_bounded() -> None:
    for name in ("recsys.service", "recsys-train.service", "recsys-schedule.service"):
        text = (DEPLOY / "systemd" / name).read_text()
        assert "OnFailure=recsys-failed@%n.service" in text
        assert "EnvironmentFile=-/etc/recsys/recsys.env" in text
        assert "MemoryMax=" in text
    assert (DEPLOY / "systemd" / "recsys-failed@.service").is_file()


def test_the_builder_of_the_image_is_sent_what_the_dockerfile_copies_and_no_more() -> None:
    sent = {line[1:] for line in (DEPLOY.parent / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sent == copied()


def test_the_dashboard_is_provisioned_with_the_datasource_that_compose_starts() -> None:
    grafana = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((grafana / "datasources" / "recsys.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((grafana / "dashboards" / "recsys.yaml").read_text())["providers"]
    services = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())["services"]
    assert source["url"].split("/")[-1].partition(":")[0] in services
    assert any(f":{provider['options']['path']}/" in volume for volume in services["grafana"]["volumes"])

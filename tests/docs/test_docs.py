"""Documentation checks: links, files, commands, settings, error codes and metrics exist; the examples are accepted."""

import re
import shlex
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from api.auth.authorization import NEEDS
from api.errors.handlers import STATUS_BY_CODE
from api.observability.metrics import Metrics
from api.settings import LimitSettings, ServeSettings
from recsys.cli.app import application
from recsys.config import CatalogueSettings, KeepSettings, TrainSettings, WeightSettings
from recsys.jobs.settings import NotifySettings
from recsys.learning.recipe import read_recipe
from recsys.models.als import Als
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.diagnostics.rule_preview import preview
from recsys.ranking.filters.operators import OPERATORS
from recsys.ranking.placements import load_placements
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import NO_RULES
from recsys.ranking.rules.parser import parse_rules
from recsys.testing import small_items
from training.backup.settings import BackupSettings
from training.canary.settings import CanarySettings
from training.gate.settings import GateSettings
from training.importing.profiles.profile import profile_names
from training.schedule.jobs import JOBS, JOBS_BY_NAME
from training.schedule.settings import JobSettings, ScheduleSettings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
API = (ROOT / "docs" / "api.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

COMMAND: Any = typer.main.get_command(application())

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Of every heading, as GitHub and MkDocs write them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@every_page
def test_every_link_leads_to_a_page_and_a_heading(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", prose(page)):
        linked = page.parent / target if target else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


@every_page
def test_every_source_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:recsys|api|training|eval|tests|deploy)/[\w/.-]+)`", prose(page))
    real = [path for path in named if "NAME" not in path]  # NAME stands for a file that the reader adds
    assert [path for path in real if not (ROOT / path).exists()] == []


@every_page
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`(tests/[\w/.-]+)::(\w+)`", prose(page))
    assert [name for path, name in named if f"\ndef {name}(" not in (ROOT / path).read_text()] == []


@every_page
def test_every_command_and_option_exists(page: Path) -> None:
    text = "".join(body for _, body in FENCE.findall(page.read_text())).replace("\\\n", " ")
    for line in re.findall(r"^recsys .*$", text, re.MULTILINE):
        command, words = COMMAND, shlex.split(line.replace("--home .demo ", ""), comments=True)[1:]
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= known, line


def test_every_decision_is_in_the_index() -> None:
    index, *pages = sorted((ROOT / "docs" / "decisions").glob("*.md"), reverse=True)
    assert {page.name for page in pages} <= set(re.findall(r"\]\(([^)]+)\)", index.read_text()))


def test_the_example_of_settings_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text("".join(body for kind, body in FENCE.findall(OPERATIONS) if kind == "toml"))
    sections = (ServeSettings, TrainSettings, GateSettings, NotifySettings, WeightSettings, CatalogueSettings)
    for section in (*sections, LimitSettings, ScheduleSettings, CanarySettings):
        section.load(file, {})
    assert "cart-page" in load_placements(file, frozenset(SOURCES))
    assert read_recipe(file, validation_days=28, seed=0).plan.learners["als"] == Als(factors=64)


def test_the_settings_shown_as_defaults_are_the_defaults() -> None:
    example = tomllib.loads(next(body for kind, body in FENCE.findall(OPERATIONS) if kind == "toml"))
    schedule = ScheduleSettings.model_validate(example["schedule"])
    assert schedule.model_copy(update={"train": JobSettings()}) == ScheduleSettings()
    assert schedule.train == JobSettings(cron=JOBS_BY_NAME["train"].cron)
    assert example["train"] == TrainSettings().model_dump()
    assert example["notify"].keys() == NotifySettings.model_fields.keys()
    assert NotifySettings(**example["notify"]).on == NotifySettings().on
    assert example["gate"] == GateSettings().model_dump()
    assert example["canary"] == CanarySettings().model_dump()
    assert example["weights"].items() <= WeightSettings().by_kind().items()


def test_the_page_on_operations_names_every_setting_of_the_schedule_and_every_job() -> None:
    settings = {*ScheduleSettings.model_fields, *JobSettings.model_fields} - ScheduleSettings().jobs().keys()
    known = re.findall(r"`(\w+)`|^(\w+) = ", OPERATIONS, re.MULTILINE)
    assert settings - {word for words in known for word in words} == set()
    assert [job.name for job in JOBS if f"| `{job.name}` | `{job.cron}` |" not in OPERATIONS] == []


def test_the_example_of_rules_is_accepted() -> None:
    example = next(body for kind, body in FENCE.findall((ROOT / "docs" / "rules.md").read_text()) if kind == "toml")
    assert len(parse_rules(example, ["home"]).rules) == 4


def test_the_example_of_rules_leaves_lists_as_long_as_they_were(small_shop: Recommender) -> None:
    example = next(body for kind, body in FENCE.findall((ROOT / "docs" / "rules.md").read_text()) if kind == "toml")
    items = [
        replace(item, brand=("National", "Private")[at % 2], category=f"category {at % 12}")  # as the demo: two brands
        for at, item in enumerate(small_items())
    ]
    shop = small_shop.with_catalogue(small_shop.catalogue.with_changes(items))
    rules, may_1 = parse_rules(example, ["home"]), 1_777_622_400_000  # when all of them are in force
    for user_id in ("user-004", "nobody"):
        query = Query(may_1, "home", 10, user_id, attributes={"age": "19-24"})
        result = preview(shop, query, rules, NO_RULES)
        assert len(result.after.items) == len(result.before.items) == 10
    assert {effect.rule: effect.holds for effect in result.effects}["two-per-category"]
    short = preview(shop, query, parse_rules(example.replace('per = "category"', 'per = "brand"'), ["home"]), NO_RULES)
    assert len(short.after.items) == 4


def test_the_page_on_operations_names_every_number_of_days(tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text("".join(body for kind, body in FENCE.findall(OPERATIONS) if kind == "toml"))
    assert (KeepSettings.load(file, {}).view_days, BackupSettings.load(file, {}).keep) == (400, BackupSettings().keep)
    names = [name.removesuffix("days") for name in KeepSettings.model_fields]
    assert [name for name in names if f"{name}days" not in OPERATIONS and f"{name}," not in OPERATIONS] == []


def test_the_api_page_names_every_setting_of_the_service() -> None:
    assert [name for name in ServeSettings.model_fields if f"`{name}`" not in API] == []


def test_the_api_page_names_every_error_code_and_route() -> None:
    assert [code for code in STATUS_BY_CODE if f"`{code}`" not in API] == []
    paths = {path.replace(":path}", "}").removesuffix("/oauth2-redirect") for path in NEEDS}
    assert [path for path in sorted(paths) if path not in API] == []


def test_the_api_page_names_every_filter_operator() -> None:
    assert [name for name in OPERATORS if f"`{name}`" not in API and f'{{"field": {{"{name}": ' not in API] == []


def test_the_api_page_names_every_metric() -> None:
    families = {family.name for family in Metrics().registry.collect()}
    assert [name for name in sorted(families) if name not in API] == []


def test_the_page_of_imports_names_every_profile() -> None:
    page = (ROOT / "docs" / "imports.md").read_text()
    assert [name for name in profile_names() if f"\n| `{name}` |" not in page] == []


def test_the_look_at_a_file_shows_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = {kind: body for kind, body in FENCE.findall((ROOT / "docs" / "imports.md").read_text()) if kind}
    (tmp_path / "bestellungen.csv").write_text(examples["csv"])
    monkeypatch.chdir(tmp_path)
    for name, value in {"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda _self: True)  # as on a terminal
    shown = CliRunner().invoke(application(), ["import", "--look", "bestellungen.csv"]).stdout
    assert [line.rstrip() for line in shown.splitlines()] == examples["text"].splitlines()

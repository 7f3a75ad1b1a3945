"""Distributions: names, versions, notices of licences, and that the wheels share no file."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import recsys

ROOT = Path(__file__).parents[2]


def project(folder: str = ".") -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"])


def needs(extra: str | None = None) -> set[str]:
    engine = project()
    listed = engine["dependencies"] if extra is None else engine["optional-dependencies"][extra]
    return {re.split(r"[\[>=<]", need)[0].lower() for need in listed}


def test_engine_and_client_have_one_version() -> None:
    assert project("recsys/client")["version"] == recsys.__version__


def test_no_distribution_takes_the_name_of_a_foreign_project() -> None:
    assert project()["name"] == "recsys-shop"
    assert {project("recsys/client")["name"]} == needs("client")


def test_the_notice_names_the_licence_of_every_package_that_is_installed() -> None:
    noticed = {line.split()[0]: line for line in (ROOT / "NOTICE").read_text().splitlines() if "  " in line}
    client = {re.split(r"[>=<]", need)[0] for need in project("recsys/client")["dependencies"]}
    wanted = needs() | needs("postgres") | needs("s3") | needs("demo") | client
    assert wanted - set(noticed) == set()


def test_every_dated_section_of_the_changelog_is_a_version() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert all(re.fullmatch(r"\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings)
    dated = [heading for heading in headings if heading != "[Unreleased]"]
    assert dated[0].startswith(f"[{recsys.__version__}]")


@pytest.mark.slow  # builds both wheels, some 15 s
def test_the_wheels_share_no_file_and_the_client_works_alone(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("recsys", "api", "training", "eval"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path)]
    subprocess.run([*pip, str(source), str(source / "recsys" / "client")], check=True)
    engine, client = (_files(next(tmp_path.glob(f"{name}-0*.whl"))) for name in ("recsys_shop", "recsys_shop_client"))
    assert not engine & client
    assert {"recsys/__init__.py", "api/app.py", "training/job.py", "eval/protocol.py"} <= engine
    assert any(name.endswith(".so") for name in engine) == (shutil.which("cc") is not None)
    with zipfile.ZipFile(next(tmp_path.glob("recsys_shop_client-0*.whl"))) as wheel:
        wheel.extractall(tmp_path / "alone")
    code = "import recsys.client as client, recsys; print(client.__file__, recsys.__file__)"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=tmp_path / "alone", env={})
    assert printed.split() == [str(tmp_path / "alone/recsys/client/__init__.py"), "None"]  # a namespace: no engine


def _files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}

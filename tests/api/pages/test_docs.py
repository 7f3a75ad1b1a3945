"""API documentation pages: whole without the internet, in a real browser too."""

import re
import subprocess
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.pages.docs import DOCS, REDOC
from tests.eval.report.browser import BROWSER, needs_browser
from tests.resilience.running import service, url_of

BROWSER_OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --virtual-time-budget=10000 --dump-dom"
)


@pytest.mark.parametrize("path", [DOCS, REDOC])
def test_a_page_loads_only_what_the_service_itself_has(client: TestClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) >= 2
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)
    assert "https://" not in page.text


def test_the_folder_of_scripts_gives_nothing_else_away(client: TestClient) -> None:
    assert client.get("/assets/docs/").status_code == 404
    assert client.get("/assets/docs/..%2F__init__.py").status_code == 404
    assert client.post("/assets/docs/swagger-ui.css").status_code == 405


@needs_browser
@pytest.mark.slow
def test_a_browser_without_the_internet_shows_every_operation(home: Path, tmp_path: Path) -> None:
    with service(home) as server:
        command = [str(BROWSER), *BROWSER_OPTIONS.split(), f"--user-data-dir={tmp_path}", f"{url_of(server)}{DOCS}"]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "POST" in shown
    assert "/v1/events" in re.sub(r"<[^>]+>|\u200b", "", shown)

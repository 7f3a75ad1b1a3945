"""Somebody in front of the console, who sees names and labels alone, and whose clicks are counted."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Download, Locator, Page, expect

from recsys.client import Client
from tests.bench.console_pictures import sign_in
from tests.bench.servers import Server

WAIT_MS = 60_000
Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Shop:
    """A home, the address of its console, the key of an operator, and the service, also as a program sees it."""

    home: Path
    url: str
    key: str
    client: Client
    service: Server


@dataclass(slots=True)
class Person:
    """page: signed in.  clicks: since they were signed in.  complaints: what the browser's console said."""

    page: Page
    pictures: Path
    clicks: int = 0
    complaints: list[str] = field(default_factory=list)

    def click(self, name: str, role: Literal["link", "button"] = "link") -> None:
        """Clicks the first link or button of that name."""
        self.clicks += 1
        self._first(role, name).click()
        self.page.wait_for_load_state("networkidle")

    def download(self, name: str) -> Download:
        """What a button saves as a file."""
        self.clicks += 1
        with self.page.expect_download() as waiting:
            self._first("button", name).click()
        return waiting.value

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_role("main").get_by_label(label, exact=False).first.fill(text)

    def sees(self, text: str) -> None:
        """Fails unless that text becomes visible."""
        expect(self.page.get_by_role("main")).to_contain_text(text, timeout=WAIT_MS)

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True)

    def _first(self, role: Literal["link", "button"], name: str) -> Locator:
        return self.page.get_by_role(role, name=name, exact=True).first


def enter(chrome: Browser, shop: Shop, pictures: Path, *, scheme: Scheme = "light", width: int = 1_440) -> Person:
    """A person who has just signed in."""
    context = chrome.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    person = Person(page, pictures)
    page.on("console", lambda said: person.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: person.complaints.append(str(error)))
    sign_in(page, shop.url, shop.key)
    return person

"""Pictures of the console's pages: `python -m tests.bench.console_pictures URL KEY_FILE FOLDER [NAME …]`.

The pictures of docs/console.md: a service and a console on a copy of the demo's home, and as folder `docs/pictures`.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from api.console.table import PAGES

# The demo's own customers, products and mailings; every other page of the menu is taken as it opens.
PATHS = {
    **{page.path.strip("/").replace("/", "-"): page.path for page in PAGES if page.menu is not None},
    "customers": "/customers?abc=A&stage=at_risk",
    "customer": "/customer?id=1240",
    "segments": "/segments?where=%7B%22stage%22%3A%20%22at_risk%22%2C%20%22abc%22%3A%20%22A%22%7D",
    "campaign": "/campaign?campaign=18",
    "product": "/product?item=995242",
    "lists": "/lists?id=1240",
    "promotions": "/promotions?id=1240",
    "settings": "/settings?only=changed",
    "why": "/why?id=1240&item=995242",
    "import": "/imports",
    "pairs": "/pairs?count=1&by=category",
    "movers": "/movers?count=1&way=all",
}
UPLOAD = "import"  # the page of a file that is uploaded and tried, but not imported
ORDERS = "customer;product;ordered;units;paid\n" + "".join(
    f"{1240 + at % 9};995242;{1 + at % 28}.{31 if at % 50 == 1 else 12}.2017 18:30;1;{2 + at % 4},49\n"
    for at in range(400)
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH, HEIGHT = 1_280, 800
WAIT_MS = 120_000  # the key figures of a large log are worked out on the first visit


def main(url: str, key_file: str, folder: str, *names: str) -> None:
    """Signs in and takes a picture of each page, or of those that are named."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(WAIT_MS)
        sign_in(page, url, Path(key_file).read_text().strip())
        for name in names or PATHS:
            page.goto(f"{url}/console{PATHS[name]}")
            if name == UPLOAD:
                try_orders(page)
            page.wait_for_load_state("networkidle")
            file = Path(folder) / f"console-{name}.png"
            page.screenshot(path=file)
            print(f"{file}  {file.stat().st_size / 1_024:.0f} KiB")


def try_orders(page: Page) -> None:
    """Uploads ORDERS and tries them."""
    page.set_input_files("[name=file]", {"name": "orders.csv", "mimeType": "text/csv", "buffer": ORDERS.encode()})
    page.click("text=Upload and look at it")
    page.click("text=Try it: nothing is stored")
    page.wait_for_selector("text=Tried: nothing was stored")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        raise SystemExit("no Chromium here; on Debian: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        yield browser
        browser.close()


def sign_in(page: Page, url: str, key: str) -> None:
    page.goto(f"{url}/console/sign-in")
    page.fill("[name=key]", key)
    page.click("button")
    page.wait_for_load_state()


if __name__ == "__main__":
    main(*sys.argv[1:])

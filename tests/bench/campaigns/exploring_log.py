"""Off-policy estimates on a real exploring log: lists of the service, clicks by a planted law, and the truth.

python -m tests.bench.campaigns exploring_log --home .demo
"""

import argparse
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np

from recsys.data.store.open import open_store
from tests.bench.servers import plain_env, recsys, served

K = 3
OWN_BRAND = "Private"
CAP = {"id": "mixed", "kind": "cap", "per": "category", "most": 1, "reason": "Mixed"}
IN_SERVICE = [CAP, {"id": "first", "kind": "pin", "slot": 3, "items": ["1082185"], "reason": "Bananas"}]
BOOST = {"id": "own", "kind": "boost", "factor": 1.5, "brands": [OWN_BRAND], "reason": "Own brand"}
PLACEMENTS = '\n[placements.home]\nsources = ["buy_again", "discover"]\nmix = "in-order"\n'

Lists = list[dict[str, Any]]


def clicked(item_id: str, place: int, own_brand: set[str]) -> float:
    """The planted chance of a click: by item and place, and half as much again for the own brand."""
    taste = int.from_bytes(blake2b(item_id.encode(), digest_size=2).digest(), "big") / 65_536
    return 0.3 / place * (0.4 + taste) * (1.5 if item_id in own_brand else 1.0)


@contextmanager
def service(home: Path) -> Iterator[httpx.Client]:
    with served(home) as server, httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as web:
        yield web


def put_rules(web: httpx.Client, rules: Sequence[dict[str, Any]]) -> None:
    web.put("/v1/rules", json={"rules": list(rules)}).raise_for_status()
    time.sleep(1.0)  # every worker takes them


def lists(web: httpx.Client, users: Sequence[str], rounds: int, seed: int) -> Lists:
    """An explored list of each customer in each round, with a seed of its own."""
    asked = [{"user_id": user, "placement": "home", "k": K} for _ in range(rounds) for user in users]
    answers = []
    for n, ask in enumerate(asked, seed):
        answer = web.post("/v1/recommendations", json={**ask, "seed": n}).raise_for_status().json()
        answers.append({**answer, "user_id": ask["user_id"]})
    return answers


def earned(answers: Lists, own_brand: set[str]) -> tuple[float, float]:
    """Clicks that 1,000 such lists earn by the planted law, and the standard error."""
    each = np.array([sum(clicked(i["item_id"], i["rank"], own_brand) for i in a["items"]) for a in answers])
    return 1_000 * float(each.mean()), 1_000 * float(each.std(ddof=1) / np.sqrt(len(each)))


def click(web: httpx.Client, answers: Lists, own_brand: set[str]) -> None:
    """Reports clicks by the planted law, when all lists are drawn: no list knows of them."""
    rng = np.random.default_rng(0)
    events = [
        {"user_id": a["user_id"], "item_id": i["item_id"], "kind": "click", "request_id": a["request_id"]}
        for a in answers
        for i in a["items"]
        if rng.random() < clicked(i["item_id"], i["rank"], own_brand)
    ]
    for first in range(0, len(events), 500):
        web.post("/v1/events", json=events[first : first + 500]).raise_for_status()


def evaluated(home: Path, *words: str) -> None:
    """Prints what the command says of the candidate, or why it refuses."""
    command = recsys(home, "evaluate", "--from-answers", *words, "-k", str(K))
    done = subprocess.run([*command, "--json"], env=plain_env({}), capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  refused: {done.stderr.strip().splitlines()[-1]}")
        return
    figures = json.loads(done.stdout)
    clicks = figures["rewards"]["clicks"]
    for name, value in clicks.items():
        print(f"  {name}: {1e3 * value['value']:.0f} ({1e3 * value['low']:.0f} to {1e3 * value['high']:.0f})")
    left_out = ", ".join(f"{count:,} ({reason})" for reason, count in figures["left_out"].items())
    print(
        f"  {figures['answers']:,} answers, worth {figures['effective_sample_size']:,.0f}; "
        f"{figures['share_without_support']:.1%} without support; left out: {left_out or 'none'}"
    )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".demo"))
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(options.home, home, symlinks=True)
        (home / "keys.json").unlink(missing_ok=True)
        (home / "keys.required").unlink(missing_ok=True)
        store = open_store(home, None)
        own_brand = {item.item_id for item in store.items_since(0) if item.brand == OWN_BRAND}
        users = [user for user, _ in zip(store.event_owner_ids(), range(options.customers), strict=False)]
        store.close()
        tried, placements = Path(folder) / "tried.toml", Path(folder) / "placements.toml"
        with service(home) as web:
            put_rules(web, IN_SERVICE)
            shown = lists(web, users, options.rounds, 0)
            click(web, shown, own_brand)
            tried.write_text(web.get("/v1/rules", headers={"accept": "application/toml"}).text)
        settings = home / "recsys.toml"
        written = settings.read_text() if settings.exists() else ""
        placements.write_text(written + PLACEMENTS)
        tried.write_text(tried.read_text() + _toml(BOOST))
        truth, error = earned(shown, own_brand)
        print(f"{len(shown):,} lists, a pin and a cap in service; 1,000 of them earn {truth:.0f} +- {error:.0f} clicks")
        print("rules with a boost of the own brand:")
        evaluated(home, "--rules", str(tried))
        print("other placements:")
        evaluated(home, "--placements", str(placements))
        with service(home) as web:
            put_rules(web, [*IN_SERVICE, BOOST])
            tell("rules", lists(web, users, options.rounds, 10**6), own_brand)
            put_rules(web, IN_SERVICE)
        settings.write_text(placements.read_text())
        with service(home) as web:
            tell("placements", lists(web, users, options.rounds, 2 * 10**6), own_brand)


def tell(name: str, answers: Lists, own_brand: set[str]) -> None:
    clicks, error = earned(answers, own_brand)
    print(f"truth of the {name}: {clicks:.0f} +- {error:.0f} clicks of 1,000 lists")


def _toml(rule: dict[str, Any]) -> str:
    return "\n[[rules]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in rule.items())

"""A home with everything that a backup holds, and a folder for backups."""

import shutil
from pathlib import Path

import numpy as np
import orjson
import pytest

from recsys.bundle import Manifest, write_bundle
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer
from recsys.data.entities import Item, User
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from training.registry import Registry

ITEM = {"item_id": "i", "rank": 1, "score": 0.5, "source": "popular"}
ANSWER = orjson.dumps({"items": [ITEM], "placement": "home", "model_version": "v", "fallback": "popular"})
FILES = {
    "keys.json": "{}",
    "keys.required": "yes",
    "recsys.toml": "[train]\nseed = 1\n",
    "rules.toml": "# none\n",
    "rules/000001.toml": "# first\n",
    "imports/a.json": "{}",
    "rejects/20260101T000000Z-a.csv.jsonl": "{}\n",
    "bundles/.verdicts/v.json": "{}",
}


def event(event_id: str, user_id: str = "u", at_ms: int = 1) -> Event:
    return Event(event_id, user_id, "i", Kind.PURCHASE, at_ms)


def publish(home: Path, store: Store, version: str) -> None:
    """Publishes and promotes a tiny release of what the log holds now."""
    head = store.lineage().head
    manifest = Manifest(
        version=version, made_at_ms=0, now=0.0, log_id=head.log_id, log_seq=head.seq, item_revision=head.revision
    )
    registry = Registry(home)
    registry.publish(lambda folder: write_bundle(folder, {"a/b": np.arange(2_000)}, manifest))
    registry.promote(version)


def log_answer(home: Path, user_id: str) -> None:
    log = AnswerLog(home / ANSWER_LOG_FILE)
    log.append([LoggedAnswer(f"request-{user_id}", 1, user_id, ANSWER)])
    log.close()


def make_home(home: Path, url: str | None = None) -> None:
    """Fills the home: two customers, three events, an item, a release, an answer, and all kinds of files."""
    store = open_store(home, url)
    store.append([event("a"), event("b"), event("c", "v")])
    store.put_items([Item("i", "Tea", attributes={"tags": ["hot", "wet"]})])
    store.put_users([User("u", {"town": "Ulm"}), User("v", {}, {"marketing": True})])
    publish(home, store, "20260101T000000Z-aaaa")
    store.close()
    log_answer(home, "u")
    for name, text in FILES.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    (home / "keys.json").chmod(0o600)


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home, made once; copy it."""
    home = tmp_path_factory.mktemp("made") / "home"
    make_home(home)
    return home


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_home, tmp_path / "home"))


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    return tmp_path / "backups"

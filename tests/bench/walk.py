"""Walk of one question: our own functions between an HTTP body and its list: `python -m tests.bench.walk HOME`.

HOME: a copy, for a worker writes to it and a key is made in it.
"""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Literal

from api.middleware.edge import EdgeMiddleware
from api.state import AppState
from recsys.data.catalogue.catalogue import MAX_LABELS
from recsys.engine.engine import Engine
from recsys.threads import limit_threads

ROOT = Path(__file__).resolve().parents[2]
OURS = tuple(f"{ROOT / package}{os.sep}" for package in ("api", "recsys"))
WALKERS = 20
Part = Literal["around", "state", "question"]
# What every request meets, whatever it wants; and what the log says of the customer.  All other rooms make the list.
PLACES: dict[str, Part] = {
    "api/middleware/": "around",
    "api/auth/": "around",
    "api/traffic/": "around",
    "api/observability/": "around",
    "api/cache/": "around",
    "recsys/memory_size.py": "around",
    "api/live/answer_log.py": "around",
    "api/live/": "state",
    "recsys/data/store/": "state",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A call of one of our functions.  depth: of our own calls around it."""

    name: str
    place: str
    depth: int
    part: Part


def names_of(steps: Sequence[Step], part: Part) -> list[str]:
    """The different names of that part, in the order in which they are met; each counts where it is met first."""
    part_by_name = {step.name: step.part for step in reversed(steps)}
    return [name for name in dict.fromkeys(step.name for step in steps) if part_by_name[name] == part]


@contextmanager
def walking(steps: list[Step]) -> Iterator[None]:
    """Adds every call of our own functions meanwhile.

    Not of properties, special methods (`len(items)`) and constructors that a dataclass generates: whoever reads a call
    passes them by.  A function counts once, whatever it is called with.
    """
    parts: list[Part] = []  # of the calls that have begun

    def note(frame: FrameType, event: str, _more: Any) -> None:
        code = frame.f_code
        if event not in {"call", "return"} or not _is_step(code, frame.f_globals):
            return
        if event == "return":
            parts.pop()
            return
        place = f"{Path(code.co_filename).relative_to(ROOT)}:{code.co_firstlineno}"
        part: Part = next((part for start, part in PLACES.items() if place.startswith(start)), "question")
        if part == "question" and parts and parts[-1] == "state":
            part = "state"  # what is needed to read the state belongs to it
        steps.append(Step(code.co_qualname.replace("<locals>.", ""), place, len(parts), part))
        parts.append(part)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


def _is_step(code: CodeType, names: dict[str, Any]) -> bool:
    if not code.co_filename.startswith(OURS) or code.co_name.startswith(("<", "__")):
        return False
    owner, _, name = code.co_qualname.rpartition(".")
    return not isinstance(getattr(names.get(owner), name, None), property | cached_property)


def ask(app: EdgeMiddleware, user_id: str, key: str) -> bytes:
    """The answer of a worker to one question for the list `home`, as its connection asks."""
    body = f'{{"user_id":"{user_id}","placement":"home","k":10}}'.encode()
    headers = {b"host": b"localhost", b"content-type": b"application/json", b"authorization": f"Bearer {key}".encode()}
    headers[b"content-length"] = str(len(body)).encode()
    path = {"path": "/v1/recommendations", "raw_path": b"/v1/recommendations", "query_string": b""}
    scope = {"type": "http", "method": "POST", "headers": [*headers.items()], **path}
    answer = app.answer_now(scope, body, lambda _: None)
    assert answer is not None
    return answer[2]


async def longest_walk(home: Path) -> list[Step]:
    """The walk that meets the most names, of some customers of a worker that has answered all others before."""
    from api.app import create_app
    from api.auth.api_keys import create_key
    from api.observability.metrics import Metrics
    from api.settings import ServerConfig
    from recsys.data.store.open import open_store
    from recsys.time_units import now_ms

    config = ServerConfig.load(home, None, {"RECSYS_SERVE_SHED_AFTER_MS": "60000"})
    _, key = create_key(config.keys_file, "walk", ["read"], now_ms=now_ms())
    state = AppState(config, open_store(home, config.shop.database_url), Metrics())
    app = create_app(state)
    assert isinstance(app, EdgeMiddleware)
    await state.start()
    try:
        engine, catalogue = (recommender := state.releases.current().recommender).engine, recommender.catalogue
        users = engine.users.texts.all()
        walkers = users[:: max(1, len(users) // WALKERS)][:WALKERS]
        for other in sorted({*users} - {*walkers}):
            ask(app, other, key)
        for position in (*engine.popularity.order[: MAX_LABELS // 2].tolist(), *_items_of(engine, walkers)):
            catalogue.label(position)
        walks = []
        for user_id in walkers:
            await asyncio.sleep(0)  # each comes in a turn of the event loop of its own
            with walking(steps := list[Step]()):
                ask(app, user_id, key)
            walks.append(steps)
        return max(walks, key=lambda steps: len({step.name for step in steps}))
    finally:
        await state.close()


def _items_of(engine: Engine, user_ids: Sequence[str]) -> list[int]:
    """The items that these customers know, whose labels most lists of others would have cached."""
    return [item for user_id in user_ids for item in engine.history_of(user_id).item.tolist()]


def main(home: Path) -> None:
    """Prints the walk as a tree, each name where it is met first, and how many names there are."""
    from api.observability.logging import configure_logs

    configure_logs("warning")
    steps = asyncio.run(longest_walk(home))
    names: set[str] = set()
    for step in steps:
        if step.name not in names:
            print(f"{step.part:>8}  {'  ' * step.depth}{step.name}  ({step.place})")
        names.add(step.name)
    parts: tuple[Part, ...] = ("around", "state", "question")
    print(", ".join(f"{part}: {len(names_of(steps, part))} names" for part in parts))


if __name__ == "__main__":
    limit_threads(os.environ)
    main(Path(sys.argv[1]))

"""Plan of an export: its customers, its moment and its parts, in a work folder that outlives a killed run."""

import fcntl
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from api.export.moment import ExportMoment
from recsys.atomic_file import PRIVATE_FILE, PRIVATE_FOLDER, open_private, replace_file
from recsys.data.files.destination import LOCK
from recsys.errors import BadFile, BadInput

CUSTOMERS, CHANGED_ITEMS, PLAN = "customers.jsonl", "items.jsonl", "plan.json"
PART_CUSTOMERS = 500
RESUME_MS = 6 * 3_600_000  # an older plan names customers and items as they were too long ago


@dataclass(frozen=True, slots=True)
class ListExport:
    """What is exported.  customers: how they were chosen, as text; it tells one plan from another.

    is_named, needs_consent: see `ListReader`.
    """

    placement: str
    k: int
    file_format: str
    customers: str
    is_named: bool = False
    needs_consent: bool = False
    part_customers: int = PART_CUSTOMERS


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """An export under way.  ends: where the customers of each part end in the file of customers, bytes."""

    export: ListExport
    moment: ExportMoment
    n_customers: int
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A finished part.  state: digest of the state of its customers.  content: digest of its bytes.

    rows: items in all lists.  fallbacks: lists by fallback level.
    """

    state: str
    content: str
    customers: int
    rows: int
    fallbacks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """The files of one export until it is whole."""

    path: Path

    @property
    def changed_items(self) -> Path:
        return self.path / CHANGED_ITEMS

    def part(self, number: int) -> Path:
        return self.path / f"part-{number:06d}"

    def part_record(self, number: int) -> PartRecord | None:
        """The record of a part that is on disk as it was written; None where it is not."""
        try:
            record = PartRecord(**orjson.loads(self._record_file(number).read_bytes()))
            content = self.part(number).read_bytes()
        except (OSError, orjson.JSONDecodeError, TypeError):
            return None
        return record if record.content == sha256(content).hexdigest() else None

    def keep_part(self, number: int, content: bytes, record: PartRecord) -> None:
        """Writes the part, then the record that makes it count."""
        replace_file(self.part(number), content, PRIVATE_FILE)
        replace_file(self._record_file(number), orjson.dumps(record), PRIVATE_FILE)

    def plan(self) -> ExportPlan | None:
        """The plan that an earlier run left, None without one that can be read."""
        try:
            fields = orjson.loads((self.path / PLAN).read_bytes())
            export, moment = ListExport(**fields["export"]), ExportMoment(**fields["moment"])
            return ExportPlan(export, moment, fields["n_customers"], tuple(fields["ends"]))
        except (OSError, orjson.JSONDecodeError, TypeError, KeyError):
            return None

    def begin(self, export: ListExport, moment: ExportMoment, user_ids: Iterable[str]) -> ExportPlan:
        """Writes the customers and the plan in place of what is there, but for the changed items."""
        for file in self.path.iterdir():
            if file.name not in (LOCK, CHANGED_ITEMS):
                file.unlink()
        n, ends, position = 0, [], 0
        with open_private(self.path / CUSTOMERS, "wb") as out:
            for n, user_id in enumerate(user_ids, 1):
                position += out.write(orjson.dumps(user_id) + b"\n")
                if n % export.part_customers == 0:
                    ends.append(position)
        if n % export.part_customers:
            ends.append(position)
        plan = ExportPlan(export, moment, n, tuple(ends))
        replace_file(self.path / PLAN, orjson.dumps(plan), PRIVATE_FILE)
        return plan

    def user_ids(self, plan: ExportPlan, number: int) -> list[str]:
        """The customers of that part."""
        start = plan.ends[number - 1] if number else 0
        with (self.path / CUSTOMERS).open("rb") as file:
            file.seek(start)
            return [orjson.loads(line) for line in file.read(plan.ends[number] - start).splitlines()]

    def _record_file(self, number: int) -> Path:
        return self.part(number).with_suffix(".json")


@contextmanager
def locked_folder(path: Path) -> Iterator[WorkFolder]:
    """The work folder, which is made if need be and removed at the end, unless an error ends it.

    Raises BadInput while another process works there, BadFile where it cannot be made.
    """
    try:
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        lock = open_private(path / LOCK, "ab")
    except OSError as error:
        raise BadFile(f"{path}: cannot be made ({error.strerror}); choose a folder that you may write to") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"{path}: another export to the same file is under way; wait for it") from None
        yield WorkFolder(path)
        shutil.rmtree(path)


def changes_since(plan: ExportPlan, export: ListExport, moment: ExportMoment) -> list[str]:
    """What forbids to go on with that plan, in words; empty where it can go on."""
    age_ms = moment.made_at_ms - plan.moment.made_at_ms
    changes = _differences(asdict(plan.export), asdict(export))
    changes += _differences(plan.moment.same_release(), moment.same_release())
    return changes if 0 <= age_ms <= RESUME_MS else [*changes, "its age"]


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [name for name, value in now.items() if before.get(name) != value]

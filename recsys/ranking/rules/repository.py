"""Where the rules of a shop stand: one file that people edit, and every version of it that was ever taken."""

import fcntl
import os
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recsys.config import RulesSettings
from recsys.errors import BadFile, BadRules, RulesChanged, UnknownVersion
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import load_placements
from recsys.ranking.rules.model import NO_RULES, Rules
from recsys.ranking.rules.parser import digest_of, parse_rules

HISTORY = "rules"  # folder in the home
NOTHING_YET = NO_RULES.digest


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One text that was taken.  number: from 1.  at_ms: when."""

    number: int
    digest: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class RuleRepository:
    """The file, the folder of its versions, and the placements that rules may name."""

    file: Path
    history: Path
    placements: frozenset[str]

    def text(self) -> str | None:
        """What the file says, None when there is none.  Raises BadRules when it cannot be read."""
        try:
            return self.file.read_bytes().decode()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise BadRules(f"{self.file}: not UTF-8 text at byte {error.start}") from None
        except OSError as error:
            raise BadRules(f"{self.file}: cannot be read: {error.strerror}") from None

    def read(self) -> Rules:
        """The rules of the file; none where there is no file.  Raises BadRules."""
        text = self.text()
        return NO_RULES if text is None else self.parsed(text)

    def parsed(self, text: str) -> Rules:
        """Raises BadRules."""
        return parse_rules(text, self.placements)

    def last_taken(self) -> Rules:
        """The rules of the newest version that can still be read: what stands in for a file that cannot."""
        for version in reversed(self.versions()):
            try:
                return self.parsed(self.text_of(version.number))
            except (BadRules, UnknownVersion):
                continue
        return NO_RULES

    def good(self) -> Rules:
        """The rules of the file, or where it is no good the last ones that were."""
        try:
            return self.read()
        except BadRules:
            return self.last_taken()

    def put(self, text: str, expected: str | None = None) -> Rules:
        """Puts a text in the place of the file, at once and whole, and keeps it among the versions.

        expected: digest of the text it replaces.  Raises BadRules, and then nothing changed; RulesChanged when another
        text stands there; BadFile where nothing can be written.
        """
        rules = self.parsed(text)
        with self._alone():
            if expected is not None:
                self._check(expected)
            self._keep(text)
            _replace(self.file, text)
        return rules

    def keep(self, text: str) -> None:
        """Keeps a text that was taken from the file among the versions, unless it is the newest one already."""
        with self._alone():
            self._keep(text)

    def versions(self) -> list[RuleVersion]:
        """What was ever taken, oldest first."""
        return [
            RuleVersion(int(file.stem), digest_of(file.read_bytes().decode()), file.stat().st_mtime_ns // 1_000_000)
            for file in sorted(self.history.glob("[0-9]*.toml"))
            if re.fullmatch(r"[0-9]+", file.stem)
        ]

    def text_of(self, number: int) -> str:
        """Raises UnknownVersion."""
        try:
            return (self.history / f"{number:06}.toml").read_bytes().decode()
        except OSError:
            known = [version.number for version in self.versions()]
            span = f"there are {known[0]} to {known[-1]}" if known else "there is none yet"
            raise UnknownVersion(f"no version {number} of the rules; {span}") from None

    def _check(self, expected: str) -> None:
        text = self.text()
        found = NOTHING_YET if text is None else digest_of(text)
        if found != expected:
            raise RulesChanged(f"the rules are {found} by now, not {expected}; read them again and change those")

    def _keep(self, text: str) -> None:
        known = self.versions()
        if known and known[-1].digest == digest_of(text):
            return
        number = known[-1].number + 1 if known else 1
        _replace(self.history / f"{number:06}.toml", text)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, of all processes.  Raises BadFile."""
        try:
            self.history.mkdir(parents=True, exist_ok=True)
            with (self.history / ".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise BadFile(f"{error.filename or self.history}: {error.strerror}; rules cannot be stored there") from None


def rule_repository(home: Path, file: Path | None) -> RuleRepository:
    """The rules of a home, by the settings file.  Raises BadSettings."""
    placements: Collection[str] = load_placements(file, frozenset(SOURCES))
    return RuleRepository(home / RulesSettings.load(file).file, home / HISTORY, frozenset(placements))


def _replace(file: Path, text: str) -> None:
    """Whole or not at all, whatever happens meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode())
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)  # mkstemp makes it readable by its owner only
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

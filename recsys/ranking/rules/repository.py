"""Rule repository: one file that people edit, and every version of it that was ever accepted."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recsys.atomic_file import file_lock, replace_file
from recsys.config import RulesSettings
from recsys.errors import BadFile, BadRules, RulesChanged, UnknownVersion
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import load_placements
from recsys.ranking.rules.model import NO_RULES, Rules
from recsys.ranking.rules.parser import parse_rules, rules_digest

HISTORY = "rules"  # folder in the home
NO_FILE_DIGEST = NO_RULES.digest


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One accepted text.  number: from 1.  at_ms: when it was accepted, Unix ms."""

    number: int
    digest: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class RuleRepository:
    """The rule file, the folder of its versions, and the placements that rules may name."""

    file: Path
    history: Path
    placements: frozenset[str]

    def text(self) -> str | None:
        """The text of the file, None when there is no file.  Raises BadRules when it cannot be read."""
        try:
            return self.file.read_bytes().decode()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise BadRules(f"{self.file}: not UTF-8 text at byte {error.start}") from None
        except OSError as error:
            raise BadRules(f"{self.file}: cannot be read: {error.strerror}") from None

    def read(self) -> Rules:
        """The rules of the file; no rules when there is no file.  Raises BadRules."""
        text = self.text()
        return NO_RULES if text is None else self.parse(text)

    def parse(self, text: str) -> Rules:
        """Raises BadRules."""
        return parse_rules(text, self.placements)

    def newest_version(self) -> Rules:
        """The rules of the newest version that can still be read."""
        return self._newest()[1]

    def last_valid(self) -> Rules:
        """The rules of the file, or of the newest valid version when the file is not valid."""
        try:
            return self.read()
        except BadRules:
            return self.newest_version()

    def last_valid_text(self) -> str | None:
        """The text of `last_valid`, None for no rules."""
        try:
            self.read()
            return self.text()
        except BadRules:
            return self._newest()[0]

    def _newest(self) -> tuple[str | None, Rules]:
        """The newest version that can still be read; None and no rules without one."""
        for version in reversed(self.versions()):
            try:
                text = self.version_text(version.number)
                return text, self.parse(text)
            except (BadRules, UnknownVersion):
                continue
        return None, NO_RULES

    def replace(self, text: str, expected: str | None = None) -> Rules:
        """Replaces the file by a text, atomically, and adds it to the versions.

        expected: digest of the text that it replaces.  Raises BadRules, and then nothing changed; RulesChanged when
        the file has another text; BadFile when nothing can be written.
        """
        rules = self.parse(text)
        with self._locked():
            if expected is not None:
                before = self.text()
                digest = NO_FILE_DIGEST if before is None else rules_digest(before)
                if digest != expected:
                    raise RulesChanged(
                        f"the rules are {digest} by now, not {expected}; read them again and change those"
                    )
            self._keep(text)
            self.file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.file, text.encode())
        return rules

    def add_version(self, text: str) -> None:
        """Adds a text that was read from the file to the versions, unless it is the newest one already."""
        with self._locked():
            self._keep(text)

    def versions(self) -> list[RuleVersion]:
        """All accepted versions, oldest first."""
        return [
            RuleVersion(int(file.stem), rules_digest(file.read_bytes().decode()), file.stat().st_mtime_ns // 1_000_000)
            for file in sorted(self.history.glob("[0-9]*.toml"))
            if re.fullmatch(r"[0-9]+", file.stem)
        ]

    def version_text(self, number: int) -> str:
        """Raises UnknownVersion."""
        try:
            return (self.history / f"{number:06}.toml").read_bytes().decode()
        except OSError:
            known = [version.number for version in self.versions()]
            span = f"there are {known[0]} to {known[-1]}" if known else "there is none yet"
            raise UnknownVersion(f"no version {number} of the rules; {span}") from None

    def _keep(self, text: str) -> None:
        known = self.versions()
        if known and known[-1].digest == rules_digest(text):
            return
        number = known[-1].number + 1 if known else 1
        replace_file(self.history / f"{number:06}.toml", text.encode())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """A lock for one writer at a time over all processes.  Raises BadFile."""
        try:
            with file_lock(self.history / ".lock"):
                yield
        except OSError as error:
            raise BadFile(f"{error.filename or self.history}: {error.strerror}; rules cannot be stored there") from None


def open_rule_repository(home: Path, file: Path | None) -> RuleRepository:
    """The rule repository of a home, by the settings file.  Raises BadSettings."""
    placements: Collection[str] = load_placements(file, frozenset(SOURCES))
    return RuleRepository(home / RulesSettings.load(file).file, home / HISTORY, frozenset(placements))

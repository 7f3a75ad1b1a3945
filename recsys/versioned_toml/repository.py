"""Repository of a versioned file: one text that people edit, and every version of it that was ever accepted."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from recsys.atomic_file import file_lock, replace_file
from recsys.errors import BadDocument, BadFile, DocumentChanged, UnknownVersion
from recsys.versioned_toml.document import text_digest

T = TypeVar("T")
NO_FILE_DIGEST = "none"


@dataclass(frozen=True, slots=True)
class TextVersion:
    """One accepted text.  number: from 1.  at_ms: when it was accepted, Unix ms."""

    number: int
    digest: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class VersionedRepository(ABC, Generic[T]):
    """The file and the folder of its versions.  noun: what the file holds, in messages.  refusal, conflict: errors."""

    file: Path
    history: Path
    noun: ClassVar[str]
    refusal: ClassVar[type[BadDocument]]
    conflict: ClassVar[type[DocumentChanged]]

    @abstractmethod
    def parse(self, text: str) -> T:
        """What a text says.  Raises `refusal`."""

    @abstractmethod
    def empty(self) -> T:
        """What holds without a file."""

    def text(self) -> str | None:
        """The text of the file, None when there is no file.  Raises `refusal` when it cannot be read."""
        try:
            return self.file.read_bytes().decode()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise self.refusal(f"{self.file}: not UTF-8 text at byte {error.start}") from None
        except OSError as error:
            raise self.refusal(f"{self.file}: cannot be read: {error.strerror}") from None

    def read(self) -> T:
        """What the file says; `empty` when there is no file.  Raises `refusal`."""
        text = self.text()
        return self.empty() if text is None else self.parse(text)

    def newest_version(self) -> T:
        """The newest version that can still be read."""
        return self._newest()[1]

    def last_valid(self) -> T:
        """What the file says, or the newest valid version when the file is not valid."""
        try:
            return self.read()
        except BadDocument:
            return self.newest_version()

    def last_valid_text(self) -> str | None:
        """The text of `last_valid`, None without any."""
        try:
            self.read()
            return self.text()
        except BadDocument:
            return self._newest()[0]

    def _newest(self) -> tuple[str | None, T]:
        """The newest version that can still be read; None and `empty` without one."""
        for version in reversed(self.versions()):
            try:
                text = self.version_text(version.number)
                return text, self.parse(text)
            except (BadDocument, UnknownVersion):
                continue
        return None, self.empty()

    def replace(self, text: str, expected: str | None = None) -> T:
        """Replaces the file by a text, atomically, and adds it to the versions.

        expected: digest of the text that it replaces.  Raises `refusal`, and then nothing changed; `conflict` when the
        file has another text; BadFile when nothing can be written.
        """
        parsed = self.parse(text)
        with self._locked():
            if expected is not None:
                before = self.text()
                digest = NO_FILE_DIGEST if before is None else text_digest(before)
                if digest != expected:
                    raise self.conflict(
                        f"the {self.noun} are {digest} by now, not {expected}; read them again and change those"
                    )
            self._keep(text)
            self.file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.file, text.encode())
        return parsed

    def add_version(self, text: str) -> None:
        """Adds a text that was read from the file to the versions, unless it is the newest one already."""
        with self._locked():
            self._keep(text)

    def versions(self) -> list[TextVersion]:
        """All accepted versions, oldest first."""
        return [
            TextVersion(int(file.stem), text_digest(file.read_bytes().decode()), file.stat().st_mtime_ns // 1_000_000)
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
            raise UnknownVersion(f"no version {number} of the {self.noun}; {span}") from None

    def _keep(self, text: str) -> None:
        known = self.versions()
        if known and known[-1].digest == text_digest(text):
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
            where = error.filename or self.history
            raise BadFile(f"{where}: {error.strerror}; {self.noun} cannot be stored there") from None

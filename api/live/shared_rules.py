"""Shared rules: the file of rules of one host becomes that of all hosts that share a registry."""

from dataclasses import dataclass

import structlog

from recsys.errors import BadFile, BadRules
from recsys.ranking.rules.repository import RuleRepository
from recsys.shared_registry.mirror import RegistryMirror
from recsys.shared_registry.object_storage import StoredObject
from recsys.shared_registry.record import read_record
from recsys.versioned_toml.document import text_digest

log = structlog.get_logger()

RULES = "rules.toml"  # the object in the registry


@dataclass(frozen=True, slots=True)
class SharedRules:
    """The rules of this home and those of the registry: whichever changed since both were equal is taken by the other.

    Where both changed, those of the registry win, and those of this home stay among its versions.
    """

    repository: RuleRepository
    mirror: RegistryMirror

    def sync(self) -> None:
        """Gives valid rules of this home, or takes those of the others.  Raises BadFile when the storage is gone."""
        stored = self.mirror.storage.read(RULES)
        try:
            text = self.repository.text()
            theirs = None if stored is None else text_digest(stored.content.decode())
        except (BadRules, UnicodeDecodeError):
            return  # the file is refused by itself; an object that is no text is nobody's rules
        ours, equal = None if text is None else text_digest(text), read_record(self.mirror.bundles).rules
        if ours == theirs:
            self._note(ours, equal)
        elif text is not None and (stored is None or theirs == equal):
            self._give(text, stored)
        elif stored is not None:
            self._take(stored.content.decode(), text if ours != equal else None)

    def _give(self, text: str, stored: StoredObject | None) -> None:
        try:
            self.repository.parse(text)
        except BadRules:
            return
        if self.mirror.storage.write_if(RULES, text.encode(), None if stored is None else stored.etag) is not None:
            self._note(text_digest(text), None)
            log.info("rules_given", digest=text_digest(text))

    def _take(self, text: str, ours: str | None) -> None:
        """ours: a text of this home that nobody else has."""
        try:
            if ours is not None:
                self.repository.add_version(ours)
                log.warning("rules_of_another_host_win", kept=text_digest(ours))
            self.repository.replace(text)
        except (BadRules, BadFile) as error:
            log.error("rules_not_taken", detail=str(error))
            return
        self._note(text_digest(text), None)

    def _note(self, digest: str | None, noted: str | None) -> None:
        if digest != noted:
            with self.mirror.record() as record:
                record.rules = digest

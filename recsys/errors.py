"""Every error this project raises on purpose: a stable code, and words that say what to do."""

from collections.abc import Sequence
from dataclasses import dataclass


class RecsysError(Exception):
    """Something a person can mend.  `code` is stable, the words may change."""

    code = "error"


class BadSettings(RecsysError):
    code = "bad_settings"


class BadInput(RecsysError):
    code = "bad_input"


class BadEvent(BadInput):
    code = "bad_event"


class BadItem(BadInput):
    code = "bad_item"


class BadFilter(BadInput):
    code = "bad_filter"


class UnknownAttribute(BadInput):
    """A filter over something that no item has: more often a misspelling than a wish for nothing."""

    code = "unknown_attribute"


class BadFile(RecsysError):
    code = "bad_file"


@dataclass(frozen=True, slots=True)
class RuleFault:
    """What is wrong with a text.  line: from 1, None where there is none.  field: of the rule, "" for all of it."""

    line: int | None
    rule: str
    field: str
    problem: str

    def __str__(self) -> str:
        where = ": ".join(filter(None, (self.rule, self.field)))
        at = f"line {self.line}: " if self.line is not None else ""
        return f"{at}{where}: {self.problem}" if where else f"{at}{self.problem}"


class BadRules(RecsysError):
    """`faults` holds each one by itself, with its line."""

    code = "bad_rules"

    def __init__(self, message: str, faults: Sequence[RuleFault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class RulesChanged(RecsysError):
    """Somebody else put other rules there meanwhile."""

    code = "rules_changed"


class UnknownVersion(RecsysError):
    code = "unknown_version"


class BadBundle(RecsysError):
    code = "bad_bundle"


class UnknownItem(RecsysError):
    code = "unknown_item"


class UnknownUser(RecsysError):
    code = "unknown_user"


class UnknownReceipt(RecsysError):
    code = "unknown_receipt"


class UnknownPlacement(RecsysError):
    code = "unknown_placement"


class UnknownModel(RecsysError):
    code = "unknown_model"


class NoBundle(RecsysError):
    code = "no_live_bundle"


class NotEnoughData(RecsysError):
    code = "not_enough_data"


class LogUnavailable(RecsysError):
    """The event log cannot be read or written now; what was not acknowledged is not stored."""

    code = "log_unavailable"

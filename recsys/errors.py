"""Every error this project raises on purpose: a stable code, and words that say what to do."""


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


class BadBundle(RecsysError):
    code = "bad_bundle"


class UnknownItem(RecsysError):
    code = "unknown_item"


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

"""Fields of a log record: what was given as `extra`, beside the message."""

import logging

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def extra_fields(record: logging.LogRecord) -> dict[str, object]:
    """Name and value of each, in the order in which they were given."""
    return {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}

"""Log lines of commands: warnings of our libraries as plain sentences on standard error."""

import logging

from recsys.log_fields import extra_fields


class _PlainFormatter(logging.Formatter):
    """The event and its fields: `warning: clock in doubt (now_ms 5, last_ms 3)`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = ", ".join(f"{name} {value}" for name, value in extra_fields(record).items())
        text = record.getMessage().replace("_", " ")
        return f"{record.levelname.lower()}: {text}" + (f" ({fields})" if fields else "")


def show_warnings() -> None:
    """Shows warnings and errors of every library, unless logging is configured; `recsys serve` configures its own."""
    handler = logging.StreamHandler()
    handler.setFormatter(_PlainFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)

"""Log lines of commands: a warning is a sentence with its fields, on standard error."""

import logging
import subprocess
import sys

CODE = """
import logging
from recsys.cli.warning_lines import show_warnings
show_warnings()
log = logging.getLogger("recsys.clock")
log.info("not_shown")
log.warning("clock_in_doubt", extra={"now_ms": 5, "last_ms": None})
log.error("release_passed_over")
"""


def test_warnings_are_sentences_with_their_fields_on_standard_error() -> None:
    process = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert process.stdout == ""
    assert process.stderr.splitlines() == [
        "warning: clock in doubt (now_ms 5, last_ms None)",
        "error: release passed over",
    ]


def test_logging_that_is_configured_stays_as_it_is() -> None:
    from recsys.cli.warning_lines import show_warnings

    handlers = list(logging.getLogger().handlers)
    assert handlers  # of pytest
    show_warnings()
    assert logging.getLogger().handlers == handlers

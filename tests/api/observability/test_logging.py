"""Lines of the log: JSON for programs, short text for people on a terminal, of our own lines and of libraries'."""

import json
import os
import pty
import re
import subprocess
import sys

import pytest

CODE = """
import logging, sys
from api.observability.logging import configure_logs, log
configure_logs("info", sys.argv[1])
log.info("release_loaded", version="v-1")
logging.getLogger("uvicorn").warning("slow", extra={"seconds": 3, "color_message": "slow"})
log.debug("too little")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broken")
"""


def on_terminal(line_format: str) -> str:
    """What a terminal shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", CODE, line_format], stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait() == 0
    return shown.decode()


def piped(line_format: str) -> str:
    return subprocess.run([sys.executable, "-c", CODE, line_format], capture_output=True, text=True, check=True).stderr


def test_a_pipe_gets_json_and_a_terminal_short_lines() -> None:
    first, second, third = map(json.loads, piped("auto").splitlines())
    assert (first["event"], first["version"], first["level"]) == ("release_loaded", "v-1", "info")
    assert (second["event"], second["seconds"], second.get("color_message")) == ("slow", 3, None)
    assert "ZeroDivisionError" in third["exception"]
    plain = re.sub(r"\x1b\[[\d;]*m", "", on_terminal("auto")).splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[info +\] release_loaded +version=v-1", plain[0])
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[warning +\] slow +seconds=3", plain[1])
    assert plain[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(("line_format", "is_json"), [("json", True), ("text", False)])
def test_a_setting_forces_the_format(line_format: str, is_json: bool) -> None:
    assert on_terminal(line_format).startswith("{") == is_json
    text = piped(line_format)
    assert text.startswith("{") == is_json
    assert "\x1b" not in text

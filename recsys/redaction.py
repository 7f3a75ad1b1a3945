"""Redaction of secrets: passwords of database URLs in messages, also where the URL is mistyped."""

import re
from urllib.parse import unquote

HIDDEN = "***"
QUOTED = re.compile(r"""(["'])(.*?)\1""")
# Every repetition ends: a word of 100,000 characters takes no more than its length.
IN_URL = re.compile(r"(?P<before>(?:[\w+.-]{0,20}:?//?)?[^\s:/@\"']{0,100}:)[^\s\"']{0,500}(?=@)")
NAMED = re.compile(r"(?i)\b(?P<before>(?:ssl)?(?:password|passwd|pwd)\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s&\"']+)")
PARAMETER = re.compile(r"(?i)(?:password|passwd|pwd)\s*=\s*(.*?)(?=\s+\w+\s*=|&|$)")
SCHEME = re.compile(r"^(?:(?:postgres|redis|unix)\w*)?:?/*")
PORT = re.compile(r"^[^:/\s]*:\d*(/|$)")
MIN_CHARS = 4  # a shorter part of a password is hidden only where a driver quotes it


def redacted(text: str, url: str = "") -> str:
    """The text without passwords of URLs and connection strings.

    url: the one that the text is about.  Its password, and every part of it that a driver took for a host, a port or
    a name, is hidden, too.
    """
    secrets = _secrets(url)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN) if len(secret) >= MIN_CHARS else text
    text = QUOTED.sub(lambda quoted: _without(quoted, secrets), text)
    return NAMED.sub(rf"\g<before>{HIDDEN}", IN_URL.sub(rf"\g<before>{HIDDEN}", text))


def _without(quoted: re.Match[str], secrets: set[str]) -> str:
    sign, words = quoted.groups()
    return f"{sign}{HIDDEN}{sign}" if any(secret in words for secret in secrets) else quoted[0]


def _secrets(url: str) -> set[str]:
    """The password, as written and decoded, and its parts between the signs that structure a URL."""
    address = SCHEME.sub("", url)
    userinfo = address if re.search(r"\s", address) else address.rpartition("@")[0]
    if not userinfo and not PORT.search(address):
        userinfo = address
    written = {userinfo.partition(":")[2], *(match[1].strip("'\"") for match in PARAMETER.finditer(url))}
    whole = written | {unquote(secret) for secret in written}
    parts = {part for secret in whole for part in re.split(r"[@/:?#&=\s]", secret)}
    return (whole | parts) - {""}

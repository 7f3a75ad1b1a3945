"""A password of a database URL stands in no message, however the URL is mistyped."""

import logging
import time
import traceback
from contextlib import closing
from pathlib import Path

import pytest

from api.cli.doctor import examine
from api.settings import ServerConfig
from recsys.config import ShopSettings
from recsys.data.store.open import open_store
from recsys.errors import RecsysError
from recsys.redaction import redacted

FIRST, SECOND = "s3cr3t", "w0rd-of"
MISTYPED = (
    "postgresql//shop:{}@127.0.0.1/shop",
    "postgres:/shop:{}@127.0.0.1/shop",
    "postgresql:shop:{}@127.0.0.1/shop",
    "shop:{}@127.0.0.1/shop",
    "postgresql://shop:{}@127.0.0.1:5x4/shop",
    "postgresql://shop:{}%zz@127.0.0.1/shop",
    "postgresql://shop:{} @127.0.0.1/shop",
    "postgresql://shop:{} 127.0.0.1/shop",
    "postgresql://shop:{}@127.0.0.1:1/shop",
    "postgresql://127.0.0.1:1/shop?password={}&prt=1",
    "host=127.0.0.1 port=1 password={}",
    "host=127.0.0.1 port=1 password={} prt=1",
    "host=127.0.0.1 port=1 password='{}",
)
URLS = [url.format(f"{FIRST}{sign}{SECOND}") for url in MISTYPED for sign in ("", "@", "/", ":", "#", "?", " ", "%40")]


def has_secret(text: str) -> bool:
    return FIRST in text or SECOND in text


@pytest.mark.parametrize("url", URLS)
def test_a_store_that_cannot_be_opened_shows_no_password_in_its_error_or_traceback(url: str, tmp_path: Path) -> None:
    with pytest.raises(RecsysError) as raised, closing(open_store(tmp_path, url)) as store:
        store.head()
    assert not has_secret("".join(traceback.format_exception(raised.value)))


@pytest.mark.parametrize("setting", ["database_url", "redis_url"])
def test_settings_show_no_password_when_they_are_printed_or_wrong(setting: str, tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text(f'{setting} = "redis://shop:{FIRST}@host"\n')
    assert not has_secret(repr(ShopSettings.load(file, env={})))
    file.write_text(f'{setting} = ["redis://shop:{FIRST}@host"]\n')
    with pytest.raises(RecsysError, match=setting) as raised:
        ShopSettings.load(file, env={})
    assert not has_secret(str(raised.value))


@pytest.mark.parametrize("url", ["redis://:{}@127.0.0.1:1x/0", "rediss//:{}@127.0.0.1", "redis://:{}@127.0.0.1:1"])
def test_the_doctor_shows_no_password(url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = f"{FIRST}/{SECOND}"
    database_url = f"postgres//shop:{secret}@127.0.0.1:1/shop"
    env = {"RECSYS_REDIS_URL": url.format(secret), "RECSYS_DATABASE_URL": database_url}
    caplog.set_level(logging.DEBUG)
    checks = examine(ServerConfig.load(tmp_path, None, env))
    assert {"log", "redis"} <= {check.name for check in checks if not check.is_ok}
    assert not has_secret(f"{checks} {caplog.text}")


def test_text_without_a_password_stays_as_it_is() -> None:
    text = "connection to server at \"127.0.0.1\", port 5432 failed: user 'shop' is not known; see redis://host:6379/0"
    assert redacted(text, "postgresql://127.0.0.1:5432/shop") == text


@pytest.mark.parametrize("text", [100_000 * "x", 9_000 * ":x", "@" + 9_000 * ":", 9_000 * "//a:", 9_000 * "a=b&"])
def test_long_words_are_searched_in_time_that_grows_with_their_length(text: str) -> None:
    started = time.process_time()
    assert redacted(text) == text
    assert time.process_time() - started < 5  # a search of every pair of places takes minutes

"""An error body says what a client may know; the log has the rest."""

import orjson
import pytest
from structlog.testing import capture_logs

from api.errors.handlers import body_of_error, response_of
from recsys.errors import BadBundle, BadFile, BadInput, LogUnavailable, RecsysError

SECRET = "PostgreSQL: it cannot be used (OperationalError: connection to server at 10.0.0.3, /srv/shop/shop.db)"


@pytest.mark.parametrize("error", [LogUnavailable(SECRET), BadFile(SECRET), BadBundle(SECRET)])
def test_a_client_reads_no_host_driver_or_path_and_the_log_has_them(error: RecsysError) -> None:
    with capture_logs() as lines:
        bodies = [bytes(response_of(error).body), body_of_error(error)]
    assert [line["detail"] for line in lines] == [SECRET, SECRET]
    for body in bodies:
        assert orjson.loads(body)["error"]["code"] == error.code
        assert not any(word in body for word in (b"PostgreSQL", b"OperationalError", b"10.0.0.3", b"/srv"))


def test_what_is_wrong_with_a_request_is_said_as_it_is() -> None:
    assert orjson.loads(body_of_error(BadInput("k: 7 is wrong")))["error"]["message"] == "k: 7 is wrong"

"""Fields of a log record: only what was given beside the message."""

import logging

from recsys.log_fields import extra_fields


def test_only_what_was_given_beside_the_message_is_a_field() -> None:
    given = {"version": "v1", "n": 3}
    record = logging.getLogger("recsys").makeRecord("recsys", logging.INFO, "f", 1, "promoted", (), None, extra=given)
    logging.Formatter("%(asctime)s %(message)s").format(record)
    assert extra_fields(record) == given

"""Log tail of a run: lines of our packages, whatever the levels are, and nothing changes for others."""

import logging

import pytest

from recsys.jobs.run_log import MAX_LINES, log_tail, plain_line


def test_the_tail_holds_what_our_packages_log_and_nothing_else() -> None:
    with log_tail() as lines:
        logging.getLogger("training.registry").info("promoted", extra={"version": "v1"})
        logging.getLogger("recsys.index").debug("too much")
        logging.getLogger("urllib3").warning("not ours")
    logging.getLogger("training.registry").warning("after the run")
    assert [line.partition("UTC ")[2] for line in lines] == ["info promoted version=v1"]


def test_the_tail_is_bounded_and_hides_passwords() -> None:
    with log_tail() as lines:
        for n in range(MAX_LINES + 1):
            logging.getLogger("recsys").info("%s postgresql://a:secret@b\n%s", n, "x" * 9_000)
    assert len(lines) == MAX_LINES
    assert "info 1 " in lines[0]
    assert max(map(len, lines)) <= 500
    assert "secret" not in "".join(lines)


def test_a_line_is_text_that_every_database_holds() -> None:
    assert plain_line("half \ud800 a sign") == "half ? a sign"


def test_levels_and_handlers_are_as_before_afterwards() -> None:
    logger = logging.getLogger("recsys")
    before = logger.level, list(logger.handlers)
    with pytest.raises(ValueError, match="x"), log_tail():
        raise ValueError("x")
    assert (logger.level, list(logger.handlers)) == before

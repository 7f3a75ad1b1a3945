"""The body of an error is short, however long what it quotes."""

import orjson

from api.errors.body import MOST_CHARS, error_body


def test_what_is_quoted_is_cut_and_nothing_else_changes() -> None:
    details = [{"field": "name", "problem": "y" * 9_000, "line": 7, "rule": None}, "a text"]
    error = orjson.loads(error_body("invalid", "x" * 9_000, details))["error"]
    assert len(error["message"]) == len(error["details"][0]["problem"]) == MOST_CHARS
    assert error["message"].endswith("x…")
    assert error["details"] == [{**details[0], "problem": error["details"][0]["problem"]}, "a text"]  # type: ignore[dict-item]

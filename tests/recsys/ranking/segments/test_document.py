"""Segment document: every fault has its line, and segments may not go in circles."""

import pytest

from recsys.errors import BadSegments
from recsys.ranking.segments.document import SegmentsIn, parse_segments, to_toml
from recsys.ranking.segments.parser import SegmentVocabulary

GOOD = """
[[segments]]
name = "coffee"
about = "Coffee twice"
[segments.where]
bought = { where = { category = "COFFEE" }, times = { gte = 2 } }

[[segments]]
name = "leaving"
where = { stage = "at_risk", not = { segment = "coffee" } }
"""


def refusal(text: str) -> BadSegments:
    with pytest.raises(BadSegments) as caught:
        parse_segments(text, SegmentVocabulary())
    return caught.value


def test_good_segments_are_read_in_their_order() -> None:
    saved = parse_segments(GOOD, SegmentVocabulary())
    assert [segment.name for segment in saved.segments] == ["coffee", "leaving"]
    assert saved.names() == {"coffee", "leaving"}
    assert not parse_segments("", SegmentVocabulary()).segments


@pytest.mark.parametrize(
    ("before", "after", "line", "problem"),
    [
        ('"at_risk"', '"at_rsk"', 10, "did you mean 'at_risk'?"),
        ('segment = "coffee"', 'segment = "cofee"', 10, "did you mean 'coffee'?"),
        ("times = {", "tims = {", 6, "did you mean 'times'?"),
        ('name = "leaving"', 'name = "coffee"', 3, "stands twice"),
        ('name = "leaving"', 'nam = "leaving"', 8, "Field required"),
        ('about = "Coffee', "about = Coffee", 4, "not valid TOML"),
        ('bought = { where = { category = "COFFEE" }, times = { gte = 2 } }', 'segment = "leaving"', 5, "names itself"),
    ],
)
def test_a_fault_names_its_line_and_its_reason(before: str, after: str, line: int, problem: str) -> None:
    fault = refusal(GOOD.replace(before, after)).faults[0]
    assert fault.line == line
    assert problem in fault.problem


def test_segments_as_json_become_a_text_that_says_the_same() -> None:
    document = SegmentsIn.model_validate({"segments": [{"name": "a", "where": {"money": {"gte": 5}, "stage": "new"}}]})
    again = parse_segments(to_toml(document), SegmentVocabulary())
    assert again.segments[0].written == document.segments[0].where

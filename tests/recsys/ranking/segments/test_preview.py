"""Segment preview: figures of groups of 20 and more, and of no smaller one."""

import pytest

from recsys.ranking.segments.document import NO_SEGMENTS, parse_segments
from recsys.ranking.segments.parser import SegmentVocabulary, parse_customers
from recsys.ranking.segments.population import SegmentPopulation
from recsys.ranking.segments.preview import TOO_SMALL, preview_segment, segment_sizes

SAVED = parse_segments(
    """
[[segments]]
name = "everybody"
where = { orders = { gte = 1 } }
[[segments]]
name = "few"
where = { country = "AT" }
""",
    SegmentVocabulary(),
)


def test_a_preview_says_size_revenue_reach_and_overlap(population: SegmentPopulation) -> None:
    written = {"bought": {"where": {"category": "category-0"}}}
    preview = preview_segment(parse_customers(written, SegmentVocabulary()), SAVED, population)
    assert preview.customers == 30
    assert preview.share == pytest.approx(30 / 60)
    even = population.table.money[: len(population.table) - 1][::2].sum()
    assert preview.revenue == pytest.approx(even, abs=0.01)
    reach = {(row.purpose, row.channel): (row.open, row.agreed) for row in preview.reach}
    assert reach["marketing", None] == (29, None)  # one refused; one agreed, too few to tell
    assert [(row.segment, row.customers) for row in preview.overlap] == [("everybody", 30), ("few", None)]
    assert preview.as_of == population.as_of_ms


def test_a_group_below_twenty_is_not_told(population: SegmentPopulation) -> None:
    preview = preview_segment(parse_customers({"country": "AT"}, SegmentVocabulary()), NO_SEGMENTS, population)
    assert (preview.customers, preview.revenue, preview.reach) == (None, None, ())
    assert preview.reason == TOO_SMALL
    assert segment_sizes(SAVED, population) == {"everybody": 59, "few": None}

"""The page on the format of a bundle says what is checked, and every array of a release is among it."""

from pathlib import Path

from recsys.ranking.recommender import Recommender
from tests.docs.bundle_format import groups, page

PAGE = Path(__file__).parents[2] / "docs" / "bundle-format.md"


def test_the_page_is_made_from_the_specifications() -> None:
    assert PAGE.read_text() == page(), "python -m tests.docs.bundle_format > docs/bundle-format.md"


def test_every_array_of_a_release_has_a_specification(small_shop: Recommender) -> None:
    written = {f"{folder}/{name}" for folder, specs in groups() for name in specs}
    by_name = ("prepared/", "chances/")  # one for each model or source
    assert [name for name in small_shop.bundle.names if name not in written and not name.startswith(by_name)] == []

"""Comparison of a gate: files are compared with files only where both know the judged weeks by heart alike."""

from dataclasses import replace

import pytest

from recsys import __version__
from recsys.ranking.recommender import Recommender
from training.gate.comparison import remember_alike


@pytest.mark.parametrize(
    ("blend", "is_alike"),
    [
        ({"als": 0.6, "user_neighbours": 0.4}, True),
        ({"als": 0.66, "user_neighbours": 0.34}, True),
        ({"als": 0.4, "user_neighbours": 0.6}, False),
        ({"als": 1.0, "user_neighbours": 0.0}, False),
        ({"als": 0.6, "item_neighbours": 0.4}, False),
    ],
)
def test_releases_of_much_the_same_blend_remember_alike(
    small_shop: Recommender, blend: dict[str, float], is_alike: bool
) -> None:
    live, new = (
        replace(small_shop, engine=replace(small_shop.engine, blend=weights))
        for weights in ({"als": 0.6, "user_neighbours": 0.4}, blend)
    )
    assert remember_alike(new, live) is is_alike


def test_a_release_of_another_build_remembers_in_its_own_way(small_shop: Recommender) -> None:
    bundle = small_shop.bundle
    earlier = replace(bundle, manifest=bundle.manifest.model_copy(update={"build": ""}))
    live = replace(small_shop, bundle=earlier)
    assert bundle.manifest.build == __version__
    assert remember_alike(small_shop, small_shop)
    assert not remember_alike(small_shop, live)

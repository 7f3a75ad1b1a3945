"""What is remembered of a customer changes how fast an answer comes, and nothing else."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import DAY_MS
from recsys.data.catalogue import Item
from recsys.data.events import Event, Kind
from recsys.ranking.query import NO_FILTERS, Ask, Filters
from recsys.ranking.recommender import Recommender
from recsys.ranking.remembered import Remembered
from recsys.testing import NOW, small_items

NOW_MS = int(NOW * DAY_MS)
ITEM_IDS = [item.item_id for item in small_items()]
BOUGHT = Event("later", "user-004", "item-001", Kind.PURCHASE, NOW_MS + 1)

asks = st.builds(
    Ask,
    now_ms=st.just(NOW_MS),
    placement=st.sampled_from(["home", "discover"]),
    k=st.sampled_from([3, 10, 30]),
    user_id=st.sampled_from(["user-004", "user-005"]),
    recent=st.sampled_from([(), (BOUGHT,)]),
    exclude=st.lists(st.sampled_from(ITEM_IDS), max_size=2),
    filters=st.sampled_from([NO_FILTERS, Filters(category_out=frozenset({"category-1"}))]),
)
stocks = st.tuples(st.sampled_from(ITEM_IDS), st.sampled_from([0.0, 5.0]))


def remembering(shop: Recommender, most: int) -> Recommender:
    return replace(shop, engine=replace(shop.engine, remembered=Remembered(most)))


@given(steps=st.lists(asks | stocks, min_size=2, max_size=12), most=st.sampled_from([1, 100]))
def test_a_remembered_answer_is_the_one_that_would_be_found(
    small_shop: Recommender, steps: list[Ask | tuple[str, float]], most: int
) -> None:
    keeps, forgets = remembering(small_shop, most), remembering(small_shop, 0)
    for step in steps:
        if isinstance(step, Ask):
            assert keeps.recommend(step) == forgets.recommend(step)
        else:
            catalogue = keeps.catalogue.with_changes([Item(item_id=step[0], stock=step[1])])
            keeps, forgets = keeps.with_catalogue(catalogue), forgets.with_catalogue(catalogue)


def test_an_item_that_comes_back_is_found_again(small_shop: Recommender) -> None:
    shop = remembering(small_shop, 100)
    ask = Ask(NOW_MS, "discover", 5, "user-007")
    first = shop.recommend(ask).items
    gone = shop.with_catalogue(shop.catalogue.with_changes([Item(item_id=first[0].item_id, stock=0)]))
    assert first[0].item_id not in [item.item_id for item in gone.recommend(ask).items]
    back = gone.with_catalogue(gone.catalogue.with_changes([Item(item_id=first[0].item_id, stock=1)]))
    assert [item.item_id for item in back.recommend(ask).items] == [item.item_id for item in first]


def test_the_oldest_makes_room(small_shop: Recommender) -> None:
    remembered = Remembered(2)
    shop = replace(small_shop, engine=replace(small_shop.engine, remembered=remembered))
    for user in ("user-001", "user-002", "user-003"):
        shop.recommend(Ask(NOW_MS, "discover", 5, user))
    assert [taste.user_id for taste in remembered._found] == ["user-002", "user-003"]

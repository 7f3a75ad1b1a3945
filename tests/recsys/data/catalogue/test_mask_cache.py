"""The pool lends copies of masks and gets them back as they were."""

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import Bools, frozen
from recsys.data.catalogue.mask_cache import MAX_POOLED, MaskPool

masks = st.lists(st.booleans(), min_size=1, max_size=30).map(lambda flags: frozen(np.array(flags)))


@given(mask=masks, data=st.data())
def test_items_are_out_of_the_mask_only_within_the_context(mask: Bools, data: st.DataObject) -> None:
    pool, before = MaskPool(), mask.copy()
    for _ in range(3):
        items = np.array(data.draw(st.lists(st.integers(0, len(mask) - 1), max_size=8)), np.int32)
        with pool.without(mask, items) as own:
            assert own.tolist() == [flag and at not in items for at, flag in enumerate(mask.tolist())]
        assert mask.tolist() == before.tolist()


def test_a_shared_mask_is_copied_once_and_one_that_may_change_every_time() -> None:
    pool, nothing = MaskPool(), np.empty(0, np.int32)
    shared, own = frozen(np.ones(5, bool)), np.ones(5, bool)
    with pool.without(shared, nothing) as first:
        pass
    with pool.without(shared, nothing) as again:
        assert again is first
    with pool.without(own, nothing):
        pass
    own[2] = False
    with pool.without(own, nothing) as now:
        assert not now[2]


def test_two_at_once_never_share_a_copy_and_few_are_kept() -> None:
    pool, mask, nothing = MaskPool(), frozen(np.ones(5, bool)), np.empty(0, np.int32)
    lent = [pool.without(mask, nothing) for _ in range(MAX_POOLED + 3)]
    assert len({id(borrowed.own) for borrowed in lent}) == len(lent)
    for borrowed in lent:
        with borrowed:
            pass
    assert len(pool._pool) == MAX_POOLED


def test_many_threads_get_the_mask_as_it_is() -> None:
    pool, mask, wrong = MaskPool(), frozen(np.ones(50, bool)), []

    def work(item: int) -> None:
        for _ in range(300):
            with pool.without(mask, np.array([item], np.int32)) as own:
                if own.sum() != 49 or own[item]:
                    wrong.append(item)

    threads = [threading.Thread(target=work, args=(item,)) for item in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

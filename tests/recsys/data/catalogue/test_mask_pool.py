"""Copies of masks are lent, and come back as they were."""

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import Bools, frozen
from recsys.data.catalogue.mask_cache import MOST_LENT, MaskPool

masks = st.lists(st.booleans(), min_size=1, max_size=30).map(lambda flags: frozen(np.array(flags)))


@given(mask=masks, data=st.data())
def test_what_is_taken_out_is_out_within_and_back_after(mask: Bools, data: st.DataObject) -> None:
    scratch, before = MaskPool(), mask.copy()
    for _ in range(3):
        items = np.array(data.draw(st.lists(st.integers(0, len(mask) - 1), max_size=8)), np.int32)
        with scratch.without(mask, items) as own:
            assert own.tolist() == [flag and at not in items for at, flag in enumerate(mask.tolist())]
        assert mask.tolist() == before.tolist()


def test_a_shared_mask_is_copied_once_and_one_that_may_change_every_time() -> None:
    scratch, nothing = MaskPool(), np.empty(0, np.int32)
    shared, own = frozen(np.ones(5, bool)), np.ones(5, bool)
    with scratch.without(shared, nothing) as first:
        pass
    with scratch.without(shared, nothing) as again:
        assert again is first
    with scratch.without(own, nothing):
        pass
    own[2] = False
    with scratch.without(own, nothing) as now:
        assert not now[2]


def test_two_at_once_never_share_a_copy_and_few_are_kept() -> None:
    scratch, mask, nothing = MaskPool(), frozen(np.ones(5, bool)), np.empty(0, np.int32)
    lent = [scratch.without(mask, nothing) for _ in range(MOST_LENT + 3)]
    assert len({id(one.own) for one in lent}) == len(lent)
    for one in lent:
        with one:
            pass
    assert len(scratch._pool) == MOST_LENT


def test_many_threads_find_the_mask_as_it_is() -> None:
    scratch, mask, wrong = MaskPool(), frozen(np.ones(50, bool)), []

    def work(item: int) -> None:
        for _ in range(300):
            with scratch.without(mask, np.array([item], np.int32)) as own:
                if own.sum() != 49 or own[item]:
                    wrong.append(item)

    threads = [threading.Thread(target=work, args=(item,)) for item in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

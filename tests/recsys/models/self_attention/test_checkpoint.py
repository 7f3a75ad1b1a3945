"""Training checkpoint: what is saved comes back, and what cannot be read begins anew."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from recsys.models.self_attention.checkpoint import TrainingState, checkpoint_of

ARRAYS = {"a": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.float32)}
INITIAL = TrainingState(ARRAYS, ARRAYS, ARRAYS, ARRAYS, ARRAYS)
ITEMS = np.arange(5)


def test_a_saved_state_comes_back_to_the_last_digit(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path / "run", "settings", ITEMS)
    best = {"a": np.full((2, 3), 1 / 3, np.float32), "b": np.arange(4, dtype=np.float32)}
    state = replace(INITIAL, best=best, quality=0.1 + 0.2, epoch=3, step=1_234_567_891, since_best=2)

    checkpoint.save(state)
    again = checkpoint.load(INITIAL)

    assert (again.quality, again.epoch, again.step, again.since_best) == (0.1 + 0.2, 3, 1_234_567_891, 2)
    for name, array in best.items():
        np.testing.assert_array_equal(again.best[name], array)
        np.testing.assert_array_equal(again.mean[name], ARRAYS[name])


def test_a_broken_file_and_one_of_other_shapes_begin_anew(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path, "settings", ITEMS)
    checkpoint.save(replace(INITIAL, epoch=3))
    other = {"a": np.zeros((2, 4), np.float32)}
    assert checkpoint.load(TrainingState(other, other, other, other, other)).epoch == 0

    assert checkpoint.file is not None
    checkpoint.file.write_bytes(b"torn")
    assert checkpoint.load(INITIAL) is INITIAL


def test_another_fit_has_another_file_and_without_a_folder_there_is_none(tmp_path: Path) -> None:
    files = {checkpoint_of(tmp_path, words, items).file for words in ("a", "b") for items in (ITEMS, ITEMS + 1)}
    assert len(files) == 4
    nowhere = checkpoint_of(None, "a")
    nowhere.save(INITIAL)
    nowhere.delete()
    assert nowhere.load(INITIAL) is INITIAL

"""Arguments of `--model`, and the errors for wrong ones."""

import numpy as np
import pytest

from eval.files.model_args import memory_errors_named, model_requests
from recsys.errors import BadSettings, RecsysError
from recsys.models.als import Als
from recsys.progress import StepLog


def test_a_model_is_a_name_with_the_settings_that_differ() -> None:
    als, plain, auto = model_requests(["als:factors=8, alpha=0.5", "popularity", "auto"])
    assert als.learner == Als(factors=8, alpha=0.5)
    assert (als.label, als.name) == ("als:factors=8, alpha=0.5", "als")
    assert (plain.name, auto.learner) == ("popularity", None)


def test_one_algorithm_may_be_judged_with_several_settings() -> None:
    assert [model.name for model in model_requests(["als:factors=8", "als:factors=9"])] == ["als", "als"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("alz", "did you mean 'als'?"),
        ("autto", "did you mean 'auto'?"),
        ("als:factor=8", "did you mean 'factors'?"),
        ("als:factors", "write als:parameter=value"),
        ("als:factors=", "write als:parameter=value"),
        ("als:factors=many", "factors = 'many'"),
        ("als:factors=-1", "factors = '-1'"),
        ("als:factors=100000", "factors = '100000': Input should be less than or equal to 8192"),
        ("item_knn", "did you mean 'item_neighbours'?"),
        ("user_knn", "did you mean 'user_neighbours'?"),
        ("auto:factors=8", "chooses its own settings"),
        ("", "known:"),
    ],
)
def test_a_word_that_means_nothing_is_refused_with_what_is_near(word: str, message: str) -> None:
    with pytest.raises(RecsysError) as caught:
        model_requests([word])
    assert message in str(caught.value)


def test_the_same_twice_is_refused() -> None:
    with pytest.raises(RecsysError, match="given twice"):
        model_requests(["als", "als"])


def test_what_asks_for_more_memory_than_there_is_is_named_with_what_to_do() -> None:
    shown: list[str] = []
    steps = StepLog(on_step=shown.append)
    words = r"fit ease:top=9: its settings ask for more memory.*Unable to allocate"
    with pytest.raises(BadSettings, match=words), memory_errors_named(steps), steps("fit ease:top=9"):
        np.ones((10**8, 10**8))
    assert shown == ["fit ease:top=9"]

"""What validation says of a model stays finite where hardly anybody judges."""

import numpy as np
import pytest

from recsys.learning.ensemble_weights import BlendChoice
from recsys.learning.selection.trial import model_verdicts


@pytest.mark.parametrize("n_alone", [0, 1])
def test_a_model_that_no_two_users_judge_has_no_figures(n_alone: int) -> None:
    choice = BlendChoice({"als": 1.0}, np.empty(0), {"als": np.ones(n_alone)}, 0.0, 0.0, is_enough=False)
    figures = model_verdicts(choice)["als"].as_mapping()
    assert figures == {"ndcg_at_10": 0, "against_chosen": 0, "standard_error": 0, "judges": 0, "weight": 1}

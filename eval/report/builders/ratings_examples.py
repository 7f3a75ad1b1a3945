"""Example ratings of a report: some ratings of real customers beside what was predicted of them."""

import numpy as np

from eval.protocol import ITEM_MEAN
from eval.ratings.results import RatingEvaluation
from eval.report.formatting import plain
from eval.report.ranking_report import ReportTable
from eval.scoring.user_samples import middle_rows
from recsys.arrays import Doubles

N_EXAMPLES = 10


def example_table(evaluation: RatingEvaluation, ours: str, error: Doubles) -> ReportTable:
    """The middle rating of each tenth by the error of our prediction, the closest first.  error (N,): absolute."""
    truth, predictions = evaluation.truth, evaluation.predictions
    rows = middle_rows(error, np.arange(len(error)), N_EXAMPLES, evaluation.seed)
    item_ids = truth.frame["item_id"].gather(rows).to_list()
    return ReportTable(
        "Ratings of real customers",
        ("item", "predicted", "item's average", "given"),
        [
            (
                evaluation.names.get(item_id, item_id),
                plain(float(predictions[ours][row]), 2),
                plain(float(predictions[ITEM_MEAN][row]), 2),
                f"{truth.value[row]:g}",
            )
            for row, item_id in zip(rows, item_ids, strict=True)
        ],
        "Each is the middle one of a tenth of all ratings, from those that the personal prediction came closest to, to "
        "those that it missed by most. Nobody picked them.",
    )

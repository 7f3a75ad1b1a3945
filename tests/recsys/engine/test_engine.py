"""Engine: what is refused although each array is right."""

from dataclasses import replace

import pytest

from recsys.engine.engine import open_engine
from recsys.errors import BadBundle
from recsys.ranking.recommender import Recommender


def test_a_release_with_another_fold_in_than_its_manifest_states_is_refused(small_shop: Recommender) -> None:
    bundle = small_shop.bundle
    stated = {"als": {**bundle.manifest.fold_in["als"], "base": 1.0}}
    wrong = replace(bundle, manifest=bundle.manifest.model_copy(update={"fold_in": stated}))

    with pytest.raises(BadBundle, match="the fold-in of als is not the one of the manifest"):
        open_engine(wrong)

"""`recsys train` prints the choices that it made."""

from recsys.bundle import Manifest
from training.cli.train import _choices


def manifest(left_out: dict[str, str], days: dict[str, float | None]) -> Manifest:
    half_lives: dict[str, dict[str, object]] = {name: {"days": value, "tried": {}} for name, value in days.items()}
    return Manifest(version="v", made_at_ms=0, now=0.0, blend={"left_out": left_out, "half_lives": half_lives})


def test_models_left_out_for_one_reason_are_told_together() -> None:
    choices = _choices(manifest({"ease": "adds nothing", "graph_walk": "adds nothing", "sequence": "no time"}, {}))
    assert choices == {"not made": "ease, graph_walk (adds nothing); sequence (no time)"}


def test_how_long_each_model_remembers_is_told_and_inf_is_never() -> None:
    choices = _choices(manifest({}, {"als": 60.4, "popularity": None, "buy_again": float("inf")}))
    assert choices == {
        "longest half-life": "als 60 days, popularity never forgets, buy_again never forgets",
    }


def test_a_training_without_choices_tells_of_none() -> None:
    assert _choices(manifest({}, {})) == {}

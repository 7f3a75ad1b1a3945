"""Steps of a part of a job count for the part and for the whole."""

from recsys.progress import PrefixedSteps, StepLog


def test_a_part_has_its_own_steps_and_the_whole_has_them_with_the_prefix() -> None:
    whole = StepLog()
    part = PrefixedSteps(whole=whole, prefix="again:")
    with whole("fit"), part("fit"), PrefixedSteps(whole=part, prefix="gate:")("lists"):
        pass
    assert set(whole.done) == {"fit", "again: fit", "again: gate: lists"}
    assert part.done == {"fit": whole.done["again: fit"], "gate: lists": whole.done["again: gate: lists"]}

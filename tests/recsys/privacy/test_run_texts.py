"""Erasure from runs: an id that an error quoted is hidden, and nothing else of the run changes."""

from contextlib import closing
from pathlib import Path

import pytest

from recsys.data.runs import RunRecord
from recsys.data.store.open import open_store
from recsys.privacy.erasure import erase_user_data


@pytest.mark.parametrize("user_id", ["30", "Grüße", 'a"b', "it's"])
def test_an_erased_customer_is_no_longer_quoted_in_any_run(tmp_path: Path, user_id: str) -> None:
    line = f"2026-11-30 30 of 3 refused: user_id {user_id!r}"
    with closing(open_store(tmp_path, None)) as store:
        run = RunRecord("r", "import", "cron", 30, ended_ms=30, verdict="failed", reasons=(line,), log=(line, "30"))
        store.put_run(run, ("webhook",))
        erase_user_data(store, tmp_path, user_id)
        ((kept, due),) = store.due_runs(1)
    hidden = line.replace(repr(user_id)[1:-1], "***") if user_id != "30" else line.replace("'30'", "'***'")
    assert (kept.reasons, kept.log, due) == ([hidden], [hidden, "30"], ["webhook"])
    assert (kept.started_ms, kept.verdict) == (30, "failed")


@pytest.mark.parametrize(
    ("user_id", "line", "hidden", "other"),
    [
        (
            "c1048",
            "order_id 'order_c1048_1' is known",
            "order_id 'order_***_1' is known",
            "order_id 'order-c10481' is known",
        ),
        ("ann@x.org", "order_id ann@x.org-17 is known", "order_id ***-17 is known", "user joann@x.org"),
    ],
)
def test_an_id_within_another_text_of_a_run_is_hidden(
    tmp_path: Path, user_id: str, line: str, hidden: str, other: str
) -> None:
    with closing(open_store(tmp_path, None)) as store:
        lines = (line, other)
        store.put_run(RunRecord("r", "import", "cron", 30, ended_ms=30, verdict="failed", log=lines), ("webhook",))
        erase_user_data(store, tmp_path, user_id)
        ((kept, _),) = store.due_runs(1)
    assert kept.log == [hidden, other]

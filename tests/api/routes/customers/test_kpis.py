"""Key figures over HTTP: the report of the command, errors that name the value, and no work in the worker itself."""

import asyncio
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.errors.refused import Refused
from api.live.log_reports import REUSE_S, LogReports, Words, run_command
from api.schemas.customers.kpis import CohortsOut, ExpectedUnitsOut, KpisOut, MoversOut, PairsOut
from recsys.customers.kpis.definitions import KPI_BY_NAME

SEGMENTS = '[[segments]]\nname = "tea-lovers"\n[segments.where]\norders = { gte = 1 }\n'


def test_a_route_asks_its_command_once_for_the_same_report(client: TestClient, log_commands: list[Words]) -> None:
    for _ in range(2):
        assert client.get("/v1/kpis?from=2017-10-01&by=month&segment=abc:A").content == b"{}"
    assert client.get("/v1/cohorts?to=2017-10-01").content == b"{}"
    assert client.get("/v1/expected-units?limit=5").content == b"{}"
    assert client.get("/v1/pairs?by=category&least=20&order=baskets").content == b"{}"
    assert client.get("/v1/movers?days=7&to=2017-10-01").content == b"{}"
    assert log_commands == [
        ("kpis", "--by", "month", "--from=2017-10-01T00:00:00", "--segment=abc:A"),
        ("cohorts", "--to=2017-10-01T00:00:00"),
        ("expected-units", "--limit", "5"),
        ("pairs", "--by=category", "--least", "20", "--order", "baskets", "--limit", "100"),
        ("movers", "--days", "7", "--to=2017-10-01T00:00:00", "--limit", "100"),
    ]


def test_what_is_wrong_is_refused_with_its_name(client: TestClient, log_commands: list[Words]) -> None:
    answer = client.get("/v1/kpis?segment=stage:loyl")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_input")
    assert "did you mean 'loyal'" in answer.json()["error"]["message"]
    for query in ("by=year", "from=yesterday", "segment=%00", "untill=2017-10-01"):
        assert client.get(f"/v1/kpis?{query}").status_code == 422
    assert len(log_commands) == 1


def test_a_report_is_kept_for_some_minutes_or_until_somebody_is_erased(
    log_commands: list[Words], tmp_path: Path
) -> None:
    now = [0.0]

    async def read_often() -> None:
        reports = LogReports(tmp_path, clock=lambda: now[0])
        await asyncio.gather(*(reports.read(("kpis",)) for _ in range(3)))
        assert len(log_commands) == 1
        now[0] = REUSE_S
        await reports.read(("kpis",))
        assert len(log_commands) == 2
        reports.drop()
        await reports.read(("kpis",))
        assert len(log_commands) == 3

    asyncio.run(read_often())


def test_few_reports_wait_and_the_same_one_takes_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.log_reports.MAX_PLACES", 2)
    log_commands = list[Words]()

    async def answer(_home: Path, words: Words) -> bytes:
        log_commands.append(words)
        await asyncio.sleep(0)  # the others come meanwhile
        return b"{}"

    monkeypatch.setattr("api.live.log_reports.run_command", answer)

    async def rush() -> list[object]:
        reports = LogReports(tmp_path)
        words = [("kpis",)] * 5 + [("cohorts",), ("pairs",), ("kpis",)]
        made = await asyncio.gather(*(reports.read(each) for each in words), return_exceptions=True)
        return [*made, await reports.read(("pairs",))]

    *made, later = asyncio.run(rush())
    assert [isinstance(each, Refused) and each.code for each in made] == [*[False] * 6, "too_busy", False]
    assert later == b"{}"
    assert [words[0] for words in log_commands] == ["kpis", "cohorts", "pairs"]


@pytest.mark.slow
def test_the_reports_of_the_real_commands_fit_their_schemas(client: TestClient) -> None:
    answer = client.get("/v1/kpis?by=month")
    assert answer.status_code == 200, answer.text
    report = KpisOut.model_validate(answer.json())
    assert {each.name for each in report.definitions} == set(KPI_BY_NAME)
    assert CohortsOut.model_validate(client.get("/v1/cohorts").json()).cohorts
    assert PairsOut.model_validate(client.get("/v1/pairs?by=category&least=2").json()).pairs
    assert MoversOut.model_validate(client.get("/v1/movers").json()).shop.customers >= 20
    short = client.get("/v1/expected-units")
    assert (short.status_code, short.json()["error"]["code"]) == (422, "not_enough_data")


@pytest.mark.slow
def test_a_command_that_fails_raises_its_own_error(home: Path) -> None:
    with pytest.raises(Refused, match="did you mean 'loyal'"):
        asyncio.run(run_command(home, ("kpis", "--segment=stage:loyl")))
    (home / "segments.toml").write_text(SEGMENTS)
    with pytest.raises(Refused, match="did you mean") as refused:
        asyncio.run(run_command(home, ("kpis", "--segment=tea-lover")))
    assert refused.value.code == "unknown_segment"
    with pytest.raises(RuntimeError, match="recsys no-command ended with 2"):
        asyncio.run(run_command(home, ("no-command",)))


def test_the_examples_fit_the_schemas() -> None:
    from api.openapi.kpi_examples import KPI_EXAMPLES

    for model in (KpisOut, CohortsOut, ExpectedUnitsOut, PairsOut, MoversOut):
        model.model_validate(KPI_EXAMPLES[model.__name__])

"""Rates of shown lists over HTTP: the report of the command, made in a process of its own."""

from starlette.testclient import TestClient

from api.live.log_reports import Words


def test_the_route_asks_the_command_for_the_rates_of_that_time(client: TestClient, log_commands: list[Words]) -> None:
    assert client.get("/v1/shown/rates").content == b"{}"
    assert client.get("/v1/shown/rates?from=2026-03-01&to=2026-04-01").content == b"{}"
    first = ("shown", "--by", "placement,source,day")
    assert log_commands == [first, (*first, "--since=2026-03-01T00:00:00", "--until=2026-04-01T00:00:00")]
    assert client.get("/v1/shown/rates?from=yesterday").status_code == 422

"""Notifications: signed, tried again, one id for all tries, never lost, and never with a secret in a text."""

import base64
import hmac
import json
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from recsys.data.runs import RunRecord
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadSettings, NotEnoughData
from recsys.jobs.notifications import (
    CHANNELS,
    GIVE_UP_MS,
    QUICK_TRIES,
    DeliveryFailed,
    Notifier,
    event_id,
    send_test,
    signed_headers,
)
from recsys.jobs.runs import run_record
from recsys.jobs.settings import NotifySettings
from recsys.time_units import DAY_MS, now_ms

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ENDED = RunRecord("run-1", "train", "cron", 1, verdict="rejected", reasons=("worse",), log=("a secret line",))


@dataclass
class Receiver:
    """A real HTTP server that answers with these statuses in turn, then with 204."""

    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def genuine(self) -> list[bool]:
        """Whether each request was signed, as docs/operations.md says how to check it."""
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        return [
            hmac.compare_digest(
                "v1," + base64.b64encode(hmac.digest(key, b".".join((*parts(headers), body)), "sha256")).decode(),
                headers["webhook-signature"],
            )
            for headers, body in self.requests
        ]


def parts(headers: dict[str, str]) -> tuple[bytes, bytes]:
    return headers["webhook-id"].encode(), headers["webhook-timestamp"].encode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            self.send_response(status)
            if status == 307:
                self.send_header("location", receiver.url)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hooks/token-of-the-shop"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "home", None)) as store:
        yield store


def notifier(pauses: list[float] | None = None, **settings: object) -> Notifier:
    given = NotifySettings(**{"secret": SECRET, **settings})  # type: ignore[arg-type]
    waited: list[float] = [] if pauses is None else pauses
    return replace(Notifier.load(None, environ(given)), pause=waited.append, rng=random.Random(0))


def environ(settings: NotifySettings) -> dict[str, str]:
    values = settings.model_dump(mode="json")
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return {f"RECSYS_NOTIFY_{name.upper()}": text for name, text in texts.items()}


def put(store: Store, *runs: RunRecord) -> None:
    for run in runs:
        store.put_run(replace(run, ended_ms=now_ms()) if run.ended_ms is None else run, CHANNELS)


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the reference libraries of Standard Webhooks."""
    key, payload = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), b'{"test": 2432232314}'
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, payload)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_that_fails_first_gets_it_once_more_under_the_same_id(receiver: Receiver, store: Store) -> None:
    receiver.statuses = [500, 503]
    pauses: list[float] = []
    put(store, ENDED)
    assert notifier(pauses, webhook=receiver.url).deliver_due(store) == 1
    assert {headers["webhook-id"] for headers, _ in receiver.requests} == {"run-1_rejected"}
    assert (len(receiver.requests), receiver.genuine()) == (3, [True] * 3)
    assert 0 < pauses[0] < pauses[1]
    body = json.loads(receiver.requests[-1][1])
    assert (body["type"], body["run"]["reasons"], "log" in body["run"]) == ("run.rejected", ["worse"], False)
    assert notifier(webhook=receiver.url).deliver_due(store) == 0
    assert len(receiver.requests) == 3


def test_what_did_not_arrive_is_kept_and_comes_with_a_later_run(receiver: Receiver, store: Store) -> None:
    receiver.statuses = [500] * QUICK_TRIES
    put(store, ENDED)
    assert notifier(webhook=receiver.url).deliver_due(store) == 0
    assert store.due_runs(now_ms()) == []
    ((run, due),) = store.due_runs(now_ms() + DAY_MS)
    assert (run.run_id, due) == ("run-1", ["webhook"])
    store.set_due("run-1", due)
    assert notifier(webhook=receiver.url).deliver_due(store) == 1
    assert store.due_runs(now_ms() + DAY_MS) == []


def test_a_crash_before_the_delivery_loses_nothing(receiver: Receiver, store: Store) -> None:
    put(store, ENDED)
    assert store.claim_due_run("run-1", now_ms(), until_ms=now_ms() + 60_000)
    assert notifier(webhook=receiver.url).deliver_due(store) == 0
    assert not store.claim_due_run("run-1", now_ms(), until_ms=now_ms() + 60_000)
    assert store.claim_due_run("run-1", now_ms() + 61_000, until_ms=0)
    assert notifier(webhook=receiver.url).deliver_due(store) == 1


def test_a_channel_that_is_down_is_tried_for_one_run_only(receiver: Receiver, store: Store) -> None:
    receiver.statuses = [500] * 99
    put(store, *(replace(ENDED, run_id=f"run-{n}") for n in range(5)))
    notifier(webhook=receiver.url).deliver_due(store)
    assert len(receiver.requests) == QUICK_TRIES
    assert len(store.due_runs(now_ms() + DAY_MS)) == 5


@pytest.mark.parametrize(("status", "n_requests"), [(410, 1), (307, QUICK_TRIES), (404, QUICK_TRIES)])
def test_a_receiver_may_want_no_more_and_cannot_send_us_elsewhere(
    receiver: Receiver, store: Store, status: int, n_requests: int
) -> None:
    receiver.statuses = [status] * 9
    put(store, ENDED)
    notifier(webhook=receiver.url).deliver_due(store)
    assert len(receiver.requests) == n_requests
    assert len(store.due_runs(now_ms() + DAY_MS)) == (status != 410)


def test_what_could_not_be_delivered_for_days_is_given_up(receiver: Receiver, store: Store) -> None:
    receiver.statuses = [500] * 9
    put(store, replace(ENDED, ended_ms=now_ms() - GIVE_UP_MS - 1))
    notifier(webhook=receiver.url).deliver_due(store)
    assert store.due_runs(now_ms() + DAY_MS) == []


def test_only_the_verdicts_that_are_wanted_are_notified(receiver: Receiver, store: Store) -> None:
    put(store, ENDED, replace(ENDED, run_id="run-2", verdict="failed"), replace(ENDED, run_id="run-3", verdict="done"))
    assert notifier(webhook=receiver.url, on=["failed"]).deliver_due(store) == 1
    assert [headers["webhook-id"] for headers, _ in receiver.requests] == ["run-2_failed"]
    assert store.due_runs(now_ms() + DAY_MS) == []


def test_a_command_gets_it_on_its_standard_input_without_a_shell(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "$(touch shell) out"
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())"
    put(store, ENDED)
    assert notifier(command=[sys.executable, "-c", script, str(file)]).deliver_due(store) == 1
    assert json.loads(file.read_bytes())["id"] == event_id(ENDED)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ([sys.executable, "-c", "import sys; sys.exit('no mail today')"], "ended with 1: no mail today"),
        (["/nowhere/page-me"], "/nowhere/page-me: No such file"),
    ],
)
def test_a_command_that_fails_says_why(command: list[str], why: str) -> None:
    with pytest.raises(DeliveryFailed, match=why):
        notifier(command=command).send("command", "x", b"{}")


def test_the_end_of_a_run_is_notified_with_its_verdict(receiver: Receiver, store: Store) -> None:
    def fail() -> None:
        with run_record(store, "train", "cron") as run:
            run.notifier = notifier(webhook=receiver.url)
            raise NotEnoughData("the log is empty")

    with pytest.raises(NotEnoughData):
        fail()
    ((_, body),) = receiver.requests
    assert json.loads(body)["run"]["reasons"] == ["not_enough_data: the log is empty"]


def test_a_run_that_died_is_notified_by_the_next_one(receiver: Receiver, store: Store) -> None:
    store.put_run(RunRecord("dead", "train", "cron", now_ms(), alive_ms=1))
    with run_record(store, "sweep", "cron") as run:
        run.notifier = notifier(webhook=receiver.url)
    assert [headers["webhook-id"] for headers, _ in receiver.requests] == ["dead_died"]


def test_neither_the_secret_nor_the_address_is_ever_shown(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """An address may hold a token; nobody answers on a port that was closed."""
    closed = receiver.url.replace(receiver.url.split(":")[2].split("/")[0], "9")
    sender = notifier(webhook=closed)
    words = [repr(sender), repr(sender.settings), send_test(sender)["webhook"]]
    for wrong in ({"SECRET": "whsec_short-secret"}, {"SECRET": "plain"}, {"WEBHOOK": "ftp://token-of-the-shop"}):
        env = {"RECSYS_NOTIFY_WEBHOOK": closed, "RECSYS_NOTIFY_SECRET": SECRET}
        with pytest.raises(BadSettings) as error:
            Notifier.load(None, env | {f"RECSYS_NOTIFY_{name}": value for name, value in wrong.items()})
        words.append(str(error.value))
    text = " ".join([*words, caplog.text])
    assert "ConnectionRefusedError" in text
    assert [secret for secret in ("token-of", "short-secret", "plain", SECRET[6:]) if secret in text] == []

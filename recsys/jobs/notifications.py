"""Notifications of ended runs: a signed webhook and a command hook, tried again until they succeed.

The store is the outbox: a run is stored together with the channels that are to be notified, so that neither a crash nor
an outage loses a notification.  After a crash between delivery and its note, one is delivered twice, under one id.
"""

import base64
import binascii
import hmac
import logging
import random
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from http.client import HTTPException
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Self

import orjson

from recsys.data.runs import CHANGED_CUSTOMERS, RunRecord
from recsys.data.store.base import Store
from recsys.errors import BadSettings
from recsys.jobs.settings import NotifySettings
from recsys.time_units import DAY_MS, HOUR_MS, MINUTE_MS, now_ms

CHANNELS = ("webhook", "command")
QUICK_TRIES = 4  # at the end of a run; later ones come with the next runs
QUICK_PAUSE_S = 1.0  # doubled after each try
WEBHOOK_S = 10.0
COMMAND_S = 30.0
CLAIM_MS = 3 * MINUTE_MS  # longer than all quick tries
MAX_PAUSE_MS = 6 * HOUR_MS
GIVE_UP_MS = 3 * DAY_MS
SECRET_PREFIX = "whsec_"  # nosec B105 # of every secret of Standard Webhooks
PAGE_CUSTOMERS = 500
GONE = 410  # by Standard Webhooks: the receiver wants no more


log = logging.getLogger(__name__)


class DeliveryFailed(Exception):
    """A notification did not arrive.  is_final: another try is of no use."""

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(why)
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Notifier:
    """The channels that the settings name.  `pause` and `rng`: of the quick tries."""

    settings: NotifySettings
    key: bytes = field(default=b"", repr=False)
    pause: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)

    @classmethod
    def load(cls, file: Path | None, env: Mapping[str, str] | None = None) -> Self:
        """Raises BadSettings, without the secret."""
        settings = NotifySettings.load(file, env)
        return cls(settings, _key(settings.secret) if settings.webhook else b"")

    @property
    def channels(self) -> list[str]:
        """Those that the settings name."""
        is_set = {"webhook": self.settings.webhook, "command": self.settings.command}
        return [channel for channel in CHANNELS if is_set[channel]]

    def deliver_due(self, store: Store) -> int:
        """Delivers what is due; returns how many arrived.  Raises LogUnavailable.

        A channel that fails in all quick tries is left alone for the rest of this call.
        """
        n_arrived, down = 0, set[str]()
        for run, due in store.due_runs(now_ms()):
            if not store.claim_due_run(run.run_id, now_ms(), until_ms=now_ms() + CLAIM_MS):
                continue
            messages, sent = self._messages(run), dict(run.result.get("sent", {}))
            wanted = [channel for channel in due if channel in self.channels and messages]
            for channel in wanted:
                if channel not in down:
                    sent[channel] = self._deliver(channel, run, messages, sent.get(channel, 0))
            left = [channel for channel in wanted if sent.get(channel, 0) < len(messages)]
            down.update(left)
            n_arrived += len(wanted) - len(left)
            age_ms = now_ms() - (run.ended_ms or run.started_ms)
            if left and age_ms > GIVE_UP_MS:
                log.warning("notification_given_up", extra={"run_id": run.run_id, "channels": " ".join(left)})
                left = []
            if run.result.get(CHANGED_CUSTOMERS):  # ids stay only as long as they wait
                held = run.result[CHANGED_CUSTOMERS] if left else []
                store.rewrite_run(replace(run, result={**run.result, CHANGED_CUSTOMERS: held, "sent": sent}))
            store.set_due(run.run_id, left, now_ms() + self._next_pause_ms(age_ms))
        return n_arrived

    def send(self, channel: str, event_id: str, payload: bytes) -> None:
        """One try.  Raises DeliveryFailed."""
        if channel == "webhook":
            _post(self.settings.webhook, signed_headers(self.key, event_id, now_ms() // 1_000, payload), payload)
        else:
            _run(self.settings.command, payload)

    def _messages(self, run: RunRecord) -> list[tuple[str, bytes]]:
        """The messages of a run with their ids: the changes of customers that it holds, and its end, where wanted."""
        end = [(event_id(run), notification(run))] if run.verdict in self.settings.on else []
        return [*customer_messages(run), *end]

    def _deliver(self, channel: str, run: RunRecord, messages: Sequence[tuple[str, bytes]], n_sent: int) -> int:
        """How many of the messages have arrived: they follow each other, and those that arrived earlier stay so."""
        for message_id, payload in messages[n_sent:]:
            if not self._arrives(channel, run, message_id, payload):
                break
            n_sent += 1
        return n_sent

    def _arrives(self, channel: str, run: RunRecord, message_id: str, payload: bytes) -> bool:
        """Whether it arrived in one of a few quick tries, or the receiver wants no more."""
        try:
            self.send_tried(channel, message_id, payload, run.run_id)
        except DeliveryFailed as error:
            return error.is_final
        return True

    def send_tried(self, channel: str, message_id: str, payload: bytes, cause: str) -> None:
        """A few quick tries under the same id.  cause: for the log.  Raises the last DeliveryFailed."""
        for left in reversed(range(QUICK_TRIES)):
            try:
                self.send(channel, message_id, payload)
                return
            except DeliveryFailed as error:
                log.warning("notification_failed", extra={"run_id": cause, "channel": channel, "why": str(error)})
                if error.is_final or not left:
                    raise
            self.pause(QUICK_PAUSE_S * 2 ** (QUICK_TRIES - 1 - left) * self.rng.uniform(0.5, 1.5))

    def _next_pause_ms(self, age_ms: int) -> int:
        """As long as the notification is old, so that pauses double; with jitter."""
        return round(min(max(age_ms, MINUTE_MS), MAX_PAUSE_MS) * self.rng.uniform(0.5, 1.5))


def send_test(notifier: Notifier) -> dict[str, str]:
    """Tries each channel once; why it failed, by channel."""
    failures = {}
    name = f"test_{now_ms()}"
    for channel in notifier.channels:
        try:
            notifier.send(channel, name, orjson.dumps({"id": name, "type": "test"}))
        except DeliveryFailed as error:
            failures[channel] = str(error)
    return failures


def event_id(run: RunRecord) -> str:
    """The same for every try, so that a receiver can drop what it has already."""
    return f"{run.run_id}_{run.verdict}"


def notification(run: RunRecord) -> bytes:
    """The notification as JSON: its id, its type, and the run without its log."""
    record = {name: value for name, value in asdict(run.without_customers()).items() if name not in ("log", "process")}
    return orjson.dumps({"id": event_id(run), "type": f"run.{run.verdict}", "run": record})


def customer_messages(run: RunRecord) -> list[tuple[str, bytes]]:
    """The changes of customers that a run holds, in pages of one kind with at most PAGE_CUSTOMERS customers each."""
    messages = []
    for kind, group in groupby(run.result.get(CHANGED_CUSTOMERS, ()), key=itemgetter("change")):
        rows = list(group)
        pages = [rows[first : first + PAGE_CUSTOMERS] for first in range(0, len(rows), PAGE_CUSTOMERS)]
        for number, page in enumerate(pages, 1):
            name = f"{run.run_id}_{kind}_{number}"
            more = {"since": run.result["since"], "until": run.result["until"], "page": number, "pages": len(pages)}
            payload = {"id": name, "type": f"customers.{kind}", **more, "customers": page}
            messages.append((name, orjson.dumps(payload)))
    return messages


def signed_headers(key: bytes, event_id: str, at_s: int, payload: bytes) -> dict[str, str]:
    """Headers of Standard Webhooks 1.0.0: HMAC-SHA256 over "ID.TIMESTAMP.PAYLOAD", in base64."""
    signed = b".".join((event_id.encode(), str(at_s).encode(), payload))
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "content-type": "application/json",
        "user-agent": "recsys",
        "webhook-id": event_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{signature}",
    }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not 24 <= len(key) <= 64:
        advice = 'echo "whsec_$(openssl rand -base64 32)" makes one; set it as RECSYS_NOTIFY_SECRET'
        raise BadSettings(f"setting notify.secret: a webhook needs whsec_ and 24 to 64 bytes in base64; {advice}")
    return key


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET, or send it to somebody else."""

    def redirect_request(self, *_: object) -> None:
        return None


def _post(url: str, headers: Mapping[str, str], payload: bytes) -> None:
    request = urllib.request.Request(url, payload, dict(headers), method="POST")
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=WEBHOOK_S):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise DeliveryFailed(f"HTTP status {error.code}", is_final=error.code == GONE) from None
    except (OSError, HTTPException, ValueError) as error:  # its text may hold the address
        reason = getattr(error, "reason", error)
        raise DeliveryFailed(f"{type(reason).__name__}: {getattr(reason, 'strerror', None) or 'no answer'}") from None


def _run(command: Sequence[str], payload: bytes) -> None:
    try:
        ended = subprocess.run(command, input=payload, capture_output=True, timeout=COMMAND_S, check=False)
    except subprocess.TimeoutExpired:
        raise DeliveryFailed(f"the command did not end within {COMMAND_S:.0f} s") from None
    except OSError as error:
        raise DeliveryFailed(f"{command[0]}: {error.strerror}") from None
    if ended.returncode != 0:
        said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
        raise DeliveryFailed(f"the command ended with {ended.returncode}: {said[-1] if said else ''}"[:200])

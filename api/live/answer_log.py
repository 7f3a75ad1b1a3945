"""Answer-log writer: the event loop leaves a note of each answer, a thread writes the notes into the answer log."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection

from api.observability.logging import LogOnce
from api.observability.metrics import Metrics
from recsys.clock import deletion_time
from recsys.data.answer_log.answer_log import AnswerLog, LoggedAnswer
from recsys.errors import LogUnavailable
from recsys.time_units import DAY_MS

MAX_NOTES = 10_000  # that wait: some 25 MB when all answers differ
MAX_BYTES = 64 * 2**20  # the same where answers are long
BATCH = 2_000
EVERY_S = 0.25
PER_TICK = 256  # notes: a thousand a second and worker, so that writing takes only a small part of a core
PAUSE_S = 0.01  # 256 answers without a pause held up all requests for ten milliseconds
EXPIRE_EVERY_S = 600.0

Note = tuple[str, int, str | None, bytes]


class AnswerLogWriter:
    """`note` costs less than a microsecond and never waits; when the file is too slow, notes are dropped and counted.

    to_json: makes the whole JSON of a payload.
    """

    def __init__(self, file: AnswerLog, metrics: Metrics, to_json: Callable[[bytes], bytes], *, keep_days: int) -> None:
        self._file = file
        self._to_json = to_json
        self._keep_days = keep_days
        self._kept = metrics.answers_logged.labels("kept").inc
        self._dropped = metrics.answers_logged.labels("dropped").inc
        self._notes: deque[Note] = deque()
        self._bytes_noted = self._bytes_taken = 0  # each is written by one thread at a time, so that no lock is needed
        self._taken: list[Note] = []  # out of the queue, and not yet in the file
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = LogOnce("shown_not_kept")
        self._expires_at = 0.0

    def note(self, request_id: str, user_id: str | None, payload: bytes) -> None:
        """Notes that this answer left for that user."""
        if len(self._notes) < MAX_NOTES and self._bytes_noted - self._bytes_taken < MAX_BYTES:
            self._bytes_noted += len(payload)
            self._notes.append((request_id, time.time_ns() // 1_000_000, user_id, payload))
        else:
            self._dropped()

    def waiting(self, user_ids: Collection[str]) -> list[LoggedAnswer]:
        """The answers to these users that the file may not hold yet, from any thread.

        Read the file after that: then no answer is missed, though some may come twice.
        """
        notes = [*self._notes.copy(), *self._taken.copy()]  # in this order: a note enters the second before it leaves
        return [LoggedAnswer(*note[:3], self._to_json(note[3])) for note in notes if note[2] in user_ids]

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="shown", daemon=True)
        self._thread.start()

    def write(self) -> None:
        """Writes all notes into the file, from any thread; what cannot be written is dropped and counted."""
        with self._lock:
            while self._notes:
                self._write_some(BATCH, 0.0)

    def close(self) -> None:
        """Writes the notes that wait, and ends the thread."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join()
        self.write()
        self._file.close()

    def _run(self) -> None:
        while not self._ends.wait(EVERY_S):
            with self._lock:
                self._write_some(PER_TICK, PAUSE_S)
            self._expire()

    def _write_some(self, limit: int, pause_s: float) -> None:
        for _ in range(min(limit, len(self._notes))):
            self._taken.append(self._notes[0])
            self._bytes_taken += len(self._notes.popleft()[3])
        if self._taken:
            self._put(self._taken, pause_s)
            self._taken = []

    def _put(self, notes: list[Note], pause_s: float) -> None:
        json_by_payload = {payload: self._to_json(payload) for *_, payload in notes}
        try:
            answers = [
                LoggedAnswer(request_id, at_ms, user_id, json_by_payload[payload])
                for request_id, at_ms, user_id, payload in notes
            ]
            self._file.append(answers, pause_s=pause_s)
        except (LogUnavailable, TypeError, ValueError) as error:
            self._dropped(len(notes))
            self._trouble.begin(error)
        else:
            self._kept(len(notes))
            self._trouble.end()

    def _expire(self) -> None:
        """Deletes what is too old, piece by piece, so that no other worker waits for long."""
        if time.monotonic() < self._expires_at:
            return
        now_ms = deletion_time(self._file.path.parent)
        try:
            with self._lock:
                n_deleted = 0 if now_ms is None else self._file.expire(now_ms - self._keep_days * DAY_MS)
        except LogUnavailable as error:
            self._trouble.begin(error)
            n_deleted = 0
        if not n_deleted:
            self._expires_at = time.monotonic() + EXPIRE_EVERY_S

"""What leaves is written down: the thread that answers drops a note, another one puts the notes into the file."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection

from api.observability.logging import LogOnce
from api.observability.metrics import Metrics
from recsys.data.answer_log.log import AnswerLog, LoggedAnswer, retention_cutoff
from recsys.errors import LogUnavailable

MOST = 10_000  # notes that wait: some 25 MB where every answer is another one
BATCH = 2_000
EVERY_S = 0.25
A_TICK = 256  # notes: a thousand a second and worker, so that writing down never takes more than a small part of a core
PAUSE_S = 0.01  # 256 answers at one go made everybody wait for ten milliseconds
EXPIRE_EVERY_S = 600.0

Note = tuple[str, int, str | None, bytes]


class AnswerLogWriter:
    """`note` costs less than a microsecond and never waits: where the file is too slow, notes are dropped and counted.

    `finish` makes the whole JSON of what was noted.
    """

    def __init__(self, file: AnswerLog, metrics: Metrics, finish: Callable[[bytes], bytes], *, keep_days: int) -> None:
        self._file = file
        self._finish = finish
        self._keep_days = keep_days
        self._kept = metrics.shown.labels("kept").inc
        self._dropped = metrics.shown.labels("dropped").inc
        self._notes: deque[Note] = deque()
        self._taken: list[Note] = []  # out of the queue, and not yet in the file
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = LogOnce("shown_not_kept")
        self._expires_at = 0.0

    def note(self, request_id: str, user_id: str | None, body: bytes) -> None:
        """That this answer left, to that customer."""
        if len(self._notes) < MOST:
            self._notes.append((request_id, time.time_ns() // 1_000_000, user_id, body))
        else:
            self._dropped()

    def waiting(self, user_ids: Collection[str]) -> list[LoggedAnswer]:
        """What these customers were shown and the file may not hold yet, from any thread.

        Read the file after that: then nothing is missed, though some may be found twice.
        """
        notes = [*self._notes.copy(), *self._taken.copy()]  # in that order: a note goes into the second first
        return [LoggedAnswer(*note[:3], self._finish(note[3])) for note in notes if note[2] in user_ids]

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="shown", daemon=True)
        self._thread.start()

    def write(self) -> None:
        """Puts all notes into the file, from any thread; what cannot be written is dropped and counted."""
        with self._lock:
            while self._notes:
                self._some(BATCH, 0.0)

    def close(self) -> None:
        """Writes what waits, and ends."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join()
        self.write()
        self._file.close()

    def _run(self) -> None:
        while not self._ends.wait(EVERY_S):
            with self._lock:
                self._some(A_TICK, PAUSE_S)
            self._expire()

    def _some(self, most: int, pause_s: float) -> None:
        for _ in range(min(most, len(self._notes))):
            self._taken.append(self._notes[0])
            self._notes.popleft()
        if self._taken:
            self._put(self._taken, pause_s)
            self._taken = []

    def _put(self, notes: list[Note], pause_s: float) -> None:
        whole = {body: self._finish(body) for *_, body in notes}
        try:
            showings = [
                LoggedAnswer(request_id, at_ms, user_id, whole[body]) for request_id, at_ms, user_id, body in notes
            ]
            self._file.append(showings, pause_s=pause_s)
        except (LogUnavailable, TypeError, ValueError) as error:
            self._dropped(len(notes))
            self._trouble.met(error)
        else:
            self._kept(len(notes))
            self._trouble.ended()

    def _expire(self) -> None:
        """What is too old goes piece by piece, so that no other worker waits for long."""
        if time.monotonic() < self._expires_at:
            return
        try:
            with self._lock:
                n_gone = self._file.expire(retention_cutoff(time.time_ns() // 1_000_000, self._keep_days))
        except LogUnavailable as error:
            self._trouble.met(error)
            n_gone = 0
        if not n_gone:
            self._expires_at = time.monotonic() + EXPIRE_EVERY_S

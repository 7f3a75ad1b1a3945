"""HTTP protocol of the console: a body of any size has its time, as long as it goes on arriving."""

from api.server.http_protocol import HttpConnection

SLOWEST = 16_384  # bytes of a body that must arrive within `arrival_s`; a smaller rest must, too


class UploadConnection(HttpConnection):
    """A connection over which files come: `arrival_s` counts anew with each SLOWEST bytes of a body."""

    _n_arrived = 0

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._n_arrived += len(body)
        if self._n_arrived >= SLOWEST:
            self._arriving, self._n_arrived = None, 0

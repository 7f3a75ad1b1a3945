"""What can go wrong between a shop and the service."""

from collections.abc import Sequence


class ClientError(Exception):
    """Anything that kept the answer away."""


class Unreachable(ClientError):
    """No answer came, after all tries: the service is down, too slow, or not where it was looked for."""


class ApiError(ClientError):
    """The service refused, and says why.  `code` is stable; the words may change.

    request_id: what the service's own log knows the request by.
    """

    def __init__(
        self, status: int, code: str, message: str, details: Sequence[object] = (), request_id: str | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = list(details)
        self.request_id = request_id

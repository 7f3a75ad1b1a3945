"""Errors of the client: the service cannot be reached, or refuses a request."""

from collections.abc import Sequence


class ClientError(Exception):
    """Base of all errors of the client."""


class Unreachable(ClientError):
    """No answer came after all tries: the service is down, too slow, or at another address."""


class ApiError(ClientError):
    """The service refused the request.  `code` is stable; the message may change.

    request_id: the id of the request in the log of the service.
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

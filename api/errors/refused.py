"""Refused request: the exception that carries an error code and details."""

from collections.abc import Sequence

from recsys.errors import RecsysError


class Refused(RecsysError):
    """A request that cannot be accepted as it is."""

    def __init__(self, code: str, message: str, details: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = list(details)

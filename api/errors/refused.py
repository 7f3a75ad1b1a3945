"""Refused request: the exception that carries a status and an error body."""

from collections.abc import Sequence

from recsys.errors import RecsysError


class Refused(RecsysError):
    """A request that cannot be taken as it is."""

    def __init__(self, code: str, message: str, details: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = list(details)

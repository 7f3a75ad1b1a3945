"""Whole answer: status, headers and body at once, for a connection that sends them in one piece.

ASGI sends an answer in two messages, each checked and built anew, from a task for every request.  A connection that
knows this module saves both for answers that wait for nothing.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, runtime_checkable

from starlette.responses import Response
from starlette.types import Scope

Header = tuple[bytes, bytes]
WholeAnswer = tuple[int, Sequence[Header], bytes]  # the headers without the length of the body
SendWhole = Callable[[WholeAnswer], bool]  # False when nothing was sent: ASGI sends the answer

JSON: Final = (b"content-type", b"application/json")
PENDING: Final[WholeAnswer] = (0, (), b"")  # no answer yet
SEND_WHOLE: Final = "recsys.send_whole"  # the key of a scope under which a connection offers `SendWhole`


@runtime_checkable
class AnswersNow(Protocol):
    """An application that answers some requests without a wait."""

    def answer_now(self, scope: Scope, body: bytes, then: Callable[[WholeAnswer | None], None]) -> WholeAnswer | None:
        """The answer to a request with that body; None leaves no trace: the application has to be called.

        After PENDING `then` is called later, once, with the answer or None.
        """


def whole_of(response: Response) -> WholeAnswer:
    """A response whose body is complete."""
    headers = [header for header in response.raw_headers if header[0] != b"content-length"]
    return response.status_code, headers, bytes(response.body)

"""Body limit of forms: what is larger than a form may be is never read to its end."""

from starlette.requests import Request
from starlette.types import Message, Receive, Scope


class BodyTooLarge(Exception):
    """The body is larger than it may be."""


class FormRequest(Request):
    """A request whose body has at most `most_bytes`; reading another one raises BodyTooLarge."""

    def __init__(self, scope: Scope, receive: Receive, most_bytes: int) -> None:
        n_bytes = 0

        async def limited() -> Message:
            nonlocal n_bytes
            if int(self.headers.get("content-length", 0)) > most_bytes:
                raise BodyTooLarge
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > most_bytes:
                raise BodyTooLarge
            return message

        super().__init__(scope, limited)

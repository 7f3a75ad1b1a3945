"""Mounted application: it gets the path as any ASGI application does, and its metrics are labelled with its prefix."""

from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from api.middleware.path_ids import without_marks


class MountedApp:
    """Wraps the application of a mount."""

    def __init__(self, app: ASGIApp, mount: Mount) -> None:
        self.app = app
        self._mount = mount

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = without_marks(scope["path"])
        try:
            await self.app(scope, receive, send)
        finally:
            scope["route"] = self._mount  # not the one inside, whose template may be that of a route of the service

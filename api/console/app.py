"""ASGI application of the console: every page of the table behind sign-in, role, CSRF check and audit."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import structlog
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from api.auth.authentication import Authenticator
from api.auth.key_uses import KeyUses
from api.console.evaluations.job import EvaluationJob
from api.console.forms.body_limit import BodyTooLarge, FormRequest
from api.console.imports.job import ImportJobs, JobBounds
from api.console.page import ROOT, Action, ConsolePage, menu_of
from api.console.rendering import STATIC, build_environment, render
from api.console.roles import Role
from api.console.security import CSRF_FIELD, CSRF_HEADER, SecurityHeaders, has_token, is_from_here
from api.console.sessions import COOKIE, Connect, Session, Sessions
from api.console.settings import ConsoleSettings, OidcSettings
from api.console.sign_in import SignIn, to_sign_in
from api.console.table import PAGES
from api.console.visit import ConsoleHome, Visit
from api.errors.handlers import STATUS_BY_CODE, public_message
from api.settings import ServerConfig
from recsys.client import ApiError, AsyncClient, ClientError, Unreachable
from recsys.data.audit import AuditKind, AuditRow
from recsys.data.store.open import open_store
from recsys.data.uploads import MIB, UploadFolder, too_large
from recsys.errors import BadFile, BadInput, LogUnavailable, RecsysError
from recsys.time_units import now_ms

if TYPE_CHECKING:
    from api.console.oidc.sign_in import OidcSignIn

log = structlog.get_logger()

MAX_FORM_FIELDS, MAX_FORM_BYTES = 2_100, 8 * MIB  # of a form but for its upload
_TRIES = 2
Endpoint = Callable[[Request], Awaitable[Response]]


def create_console(
    config: ServerConfig,
    settings: ConsoleSettings,
    connect: Connect | None = None,
    provider: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """The whole console of a home.

    connect: how it reaches the service, if not at its address; provider: how requests reach the OpenID provider.
    """
    url = service_url(config, settings)
    authenticator = Authenticator(config)

    def connect_by_url(key: str) -> AsyncClient:
        return AsyncClient(url, key, timeout_s=settings.wait_s, tries=_TRIES)

    sessions = Sessions(settings, connect or connect_by_url, authenticator)
    home = console_home(config, settings, authenticator)
    env = build_environment(settings.picture_hosts)
    sign_in = SignIn(env, sessions, settings.oidc.title if settings.oidc.issuer else "")
    shell, oidc = Shell(env, sessions, home), oidc_sign_in(sign_in, settings.oidc, provider)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await authenticator.start()
        home.uses.start()
        try:
            yield
        finally:
            await sessions.close()
            await home.jobs.close()
            await home.evaluation.close()
            await authenticator.close()
            await home.uses.close()
            if oidc is not None:
                await oidc.close()
            home.store.close()

    handlers: Any = {
        404: shell.show_missing,
        500: shell.show_broken,
        BodyTooLarge: shell.show_too_large,
        RecsysError: shell.show_refusal,
        ClientDisconnect: _end,
    }
    secured = Middleware(SecurityHeaders, settings.picture_hosts)
    routes = [*shell.routes(sign_in), *(() if oidc is None else oidc.routes())]
    app = Starlette(routes=routes, lifespan=lifespan, middleware=[secured], exception_handlers=handlers)
    app.state.authenticator = authenticator
    return app


def console_home(config: ServerConfig, settings: ConsoleSettings, authenticator: Authenticator) -> ConsoleHome:
    """What the console does in the home itself."""
    uploads = UploadFolder(config.home, settings.upload_mb * MIB)
    bounds = JobBounds(60 * settings.import_minutes, settings.import_memory_mb * MIB)
    store = open_store(config.home, config.shop.database_url)
    judging = JobBounds(60 * settings.evaluation_minutes, settings.evaluation_memory_mb * MIB)
    jobs, evaluation = ImportJobs(config.home, uploads, bounds), EvaluationJob(config.home, judging)
    return ConsoleHome(config, store, KeyUses(authenticator, store), uploads, jobs, evaluation)


def oidc_sign_in(
    sign_in: SignIn, settings: OidcSettings, transport: httpx.AsyncBaseTransport | None
) -> "OidcSignIn | None":
    """The way in over OpenID Connect, None where the settings name no provider."""
    if not settings.issuer:
        return None
    from api.console.oidc.provider import OpenIdProvider  # of the extra `oidc`
    from api.console.oidc.sign_in import OidcSignIn

    return OidcSignIn(sign_in, settings, OpenIdProvider(settings, transport))


def service_url(config: ServerConfig, settings: ConsoleSettings) -> str:
    """Where the service answers."""
    if settings.service is not None:
        return settings.service
    host = config.serve.host
    host = "127.0.0.1" if not host.strip("0.:") else host  # zeros stand for every address
    return f"http://{f'[{host}]' if ':' in host else host}:{config.serve.port}"


class Shell:
    """What all pages share."""

    def __init__(
        self, env: Environment, sessions: Sessions, home: ConsoleHome, pages: Sequence[ConsolePage] = PAGES
    ) -> None:
        self._env = env
        self._home = home
        self._sessions = sessions
        self._pages = pages

    def routes(self, sign_in: SignIn) -> list[BaseRoute]:
        """Every route of the console but those of an OpenID provider."""
        first = self._pages[0].url
        routes: list[BaseRoute] = [
            Mount(f"{ROOT}/static", GZipMiddleware(StaticFiles(directory=STATIC))),
            Route(f"{ROOT}/sign-in", sign_in.show, methods=["GET"]),
            Route(f"{ROOT}/sign-in", sign_in.enter, methods=["POST"]),
            Route(f"{ROOT}/sign-out", sign_in.leave, methods=["POST"]),
            *(Route(path, partial(_to, first), methods=["GET"]) for path in ("/", ROOT, f"{ROOT}/")),
        ]
        for page in self._pages:
            routes.append(Route(page.url, self._viewing(page), methods=["GET"]))
            for name, action in page.actions.items():
                routes.append(Route(f"{page.url}/{name}", self._acting(page, name, action), methods=["POST"]))
        return routes

    def _viewing(self, page: ConsolePage) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            session = await self._session(request)
            if session is None:
                return to_sign_in(request)
            if session.role < page.role:
                return self._refused(page, session, page.role)
            visit = self._visit(page, page.url, request, session, {})
            if page.reads and visit.query(page.reads):
                await visit.note_read([visit.query(page.reads)])
            return await self._view(page, visit)

        return endpoint

    def _acting(self, page: ConsolePage, name: str, action: Action) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            session = await self._session(request)
            if session is None:
                return to_sign_in(request)
            role = max(page.role, action.role)
            if session.role < role:
                return self._refused(page, session, role)
            try:
                form = await self._form_of(request, action)
            except BadInput as error:
                return self._message(page, session, str(error), 413)
            except BadFile as error:
                return self._message(page, session, str(error), 503)
            try:
                token = request.headers.get(CSRF_HEADER) or form.get(CSRF_FIELD)
                if not is_from_here(request) or not has_token(token, session.csrf):
                    return self._message(page, session, "This form is not from this session; open the page anew.", 403)
                visit = self._visit(page, f"{page.url}/{name}", request, session, form)
                subject = visit.typed(action.subject) if action.subject else ""
                await visit.note_change("", [subject] if subject else [])
                return await self._act(page, action, visit)
            finally:
                await form.close()

        return endpoint

    async def _form_of(self, request: Request, action: Action) -> FormData:
        """Its fields.  Raises BadInput for one that is too large, and BadFile where the disk does not take it."""
        most_bytes = self._home.uploads.most_bytes if action.takes_file else 0
        limited = FormRequest(request.scope, request.receive, MAX_FORM_BYTES + most_bytes)
        try:
            return await limited.form(max_fields=MAX_FORM_FIELDS)
        except BodyTooLarge:
            words = too_large(most_bytes) if action.takes_file else "is more than a form may hold."
            raise BadInput(f"What you sent {words}") from None
        except OSError as error:
            raise BadFile(f"what you sent cannot be kept: {error.strerror}; tell who runs this service") from error

    async def _act(self, page: ConsolePage, action: Action, visit: Visit) -> Response:
        try:
            return await action.run(visit)
        except (ApiError, RecsysError) as error:
            visit.fault = _words(error)
        except Unreachable as error:
            return self._unreachable(page, visit.session, error)
        return await self._view(page, visit)

    async def _view(self, page: ConsolePage, visit: Visit) -> Response:
        try:
            return await page.view(visit)
        except Unreachable as error:
            return self._unreachable(page, visit.session, error)
        except (ApiError, RecsysError) as error:
            status = error.status if isinstance(error, ApiError) else _status(error)
            return self._message(page, visit.session, _words(error), status)

    async def _session(self, request: Request) -> Session | None:
        return await self._sessions.current(request.cookies.get(COOKIE, ""), time.monotonic())

    def _visit(
        self, page: ConsolePage, path: str, request: Request, session: Session, form: Mapping[str, Any]
    ) -> Visit:
        def show(template: str, context: Mapping[str, Any], status: int) -> Response:
            return render(self._env, template, {**self._context(page, session), **context}, status)

        async def record(kind: AuditKind, user_ids: Sequence[str], detail: str) -> None:
            who = now_ms(), session.key_id, session.role.word, kind, path.removeprefix(ROOT)
            rows = [AuditRow(*who, user_id, detail, person=session.person) for user_id in user_ids or ("",)]
            await asyncio.to_thread(self._home.store.add_audit, rows)

        async def audit(user_id: str, newest: int, offset: int) -> Sequence[AuditRow]:
            return await asyncio.to_thread(
                lambda: self._home.store.audit(user_id=user_id, newest=newest, offset=offset)
            )

        return Visit(request, session, form, show, record, audit, self._home)

    def _context(self, page: ConsolePage, session: Session) -> dict[str, Any]:
        notice, session.notice = session.notice, ""
        place = [each for each in self._pages[: self._pages.index(page) + 1] if each.menu is not None][-1]
        words = {"page": page, "title": page.title, "sentence": page.sentence, "place": place}
        return {**words, "session": session, "menu": menu_of(self._pages, session.role), "notice": notice}

    def _message(self, page: ConsolePage, session: Session, words: str, status: int) -> Response:
        return render(self._env, "message.html", {**self._context(page, session), "words": words}, status)

    def _refused(self, page: ConsolePage, session: Session, role: Role) -> Response:
        words = f"This needs the role {role.word}, and you are signed in as {session.role.word}. Ask for another key."
        return self._message(page, session, words, 403)

    def _unreachable(self, page: ConsolePage, session: Session, error: ClientError) -> Response:
        log.warning("service_unreachable", detail=str(error))
        words = "The service does not answer. It may be starting anew: try again in a moment, or tell who runs it."
        return self._message(page, session, words, 503)

    async def show_missing(self, _request: Request, _error: Exception) -> Response:
        """For an address that there is not."""
        return render(self._env, "outside.html", {"words": "There is no such page."}, 404)

    async def show_too_large(self, _request: Request, _error: Exception) -> Response:
        """For a form of a stranger."""
        answer = render(self._env, "outside.html", {"words": "What you sent is more than a form may hold."}, 413)
        answer.headers["connection"] = "close"  # else the rest of it is read, and dropped
        return answer

    async def show_refusal(self, _request: Request, error: Exception) -> Response:
        """For what cannot be done now, such as a read of a customer while no audit can be written."""
        return render(self._env, "outside.html", {"words": _words(error)}, _status(error))

    async def show_broken(self, _request: Request, error: Exception) -> Response:
        """For a fault of ours."""
        log.error("console_fault", exc_info=error)
        return render(self._env, "outside.html", {"words": "A fault of this program; its log says more."}, 500)


async def _end(_request: Request, _error: Exception) -> Response:
    """For a client that is gone before its form has arrived."""
    return Response(status_code=400)


async def _to(url: str, _request: Request) -> Response:
    return RedirectResponse(url, 303)


def _words(error: Exception) -> str:
    """What may be read of the error: never the host of a database."""
    if isinstance(error, ApiError):
        return error.message
    return public_message(error) if isinstance(error, LogUnavailable) else str(error)


def _status(error: Exception) -> int:
    return STATUS_BY_CODE.get(error.code, 422) if isinstance(error, RecsysError) else 422

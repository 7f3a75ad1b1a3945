"""API documentation pages: Swagger UI at /docs and ReDoc at /redoc, from files of a package and no foreign host."""

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

DOCS, REDOC, OAUTH2_REDIRECT = "/docs", "/redoc", "/docs/oauth2-redirect"
ASSETS = "/assets/docs"


def add_docs_pages(api: FastAPI) -> None:
    """Adds the pages, and the folder of their scripts and styles.  `api` itself must have no docs pages."""
    api.mount(ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]))
    for path, page in ((DOCS, swagger_page), (REDOC, redoc_page), (OAUTH2_REDIRECT, oauth2_page)):
        api.add_route(path, page, include_in_schema=False)


async def swagger_page(request: Request) -> HTMLResponse:
    """Every operation, to be tried out."""
    root, api = request.scope.get("root_path", ""), request.app
    return get_swagger_ui_html(
        openapi_url=f"{root}{api.openapi_url}",
        title=api.title,
        swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
        oauth2_redirect_url=f"{root}{OAUTH2_REDIRECT}",
    )


async def redoc_page(request: Request) -> HTMLResponse:
    """Every operation, to be read."""
    root, api = request.scope.get("root_path", ""), request.app
    return get_redoc_html(
        openapi_url=f"{root}{api.openapi_url}",
        title=api.title,
        redoc_js_url=f"{root}{ASSETS}/redoc.standalone.js",
        redoc_favicon_url=f"{root}{ASSETS}/favicon.png",
        with_google_fonts=False,
    )


async def oauth2_page(_request: Request) -> HTMLResponse:
    """The page to which a sign-in of Swagger UI comes back."""
    return get_swagger_ui_oauth2_redirect_html()

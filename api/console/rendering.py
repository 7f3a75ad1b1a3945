"""Rendering of the console's pages: Jinja2 templates in which every value is shown as text."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.console.formats import FILTERS
from api.console.page import ROOT
from api.console.roles import Role
from recsys import __version__

HERE = Path(__file__).parent
STATIC = HERE / "static"


def build_environment(picture_hosts: Sequence[str] = ()) -> Environment:
    """The templates; whatever is put into them is escaped.  picture_hosts: whence pictures of products are shown."""
    hosts = tuple(f"{host}/" for host in picture_hosts)
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= FILTERS
    versions = {path.name: sha256(path.read_bytes()).hexdigest()[:12] for path in STATIC.iterdir()}
    env.globals |= {
        "root": ROOT,
        "asset": lambda name: f"{ROOT}/static/{name}?v={versions[name]}",
        "picture": lambda url: url if url and url.startswith(hosts) else None,
        "Role": Role,
        "version": __version__,
    }
    return env


def render(env: Environment, template: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page as a response."""
    return HTMLResponse(env.get_template(template).render(context), status)

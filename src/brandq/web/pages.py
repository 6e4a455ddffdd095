"""The two pages: what runs here, and how one execution goes. Server-rendered, without a script, without a cookie."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from brandq import __version__, store
from brandq.errors import NotAllowed, NotAuthenticated
from brandq.settings import Settings
from brandq.states import SampleState
from brandq.web import access, wire
from brandq.web.api import EXECUTION_ID, own_execution, percent, urls
from brandq.web.openapi import Operation, Returns, Visit, operation

#: executions on the first page
SHOWN = 20
#: seconds between two looks at a page whose execution runs
REFRESH_S = 3

HTML = "text/html"

_TEMPLATES = Environment(
    loader=PackageLoader("brandq.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["instant"] = lambda at: "–" if at is None else at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _page(name: str, **shown: Any) -> Response:
    page = _TEMPLATES.get_template(name).render(version=__version__, **shown)
    return Response(page, media_type=HTML, headers={"Content-Security-Policy": wire.page_policy(page)})


def _simulate_words(settings: Settings) -> str | None:
    """What visitors must know before they believe a number; None where nothing is simulated."""
    return {
        "missing": "Engines without a key are answered by a simulator. What it says is about no real brand.",
        "all": "Every engine is answered by a simulator. What it says is about no real brand.",
    }.get(settings.simulate)


@operation(Operation("The first page", "pages", None, {200: Returns("A page", {HTML: {"type": "string"}})}))
def show_home(visit: Visit) -> Response:
    """What runs here, the caller's last executions, the engines, and what to try. Without a key it shows less."""
    desk = visit.desk
    try:
        owner = access.admit(desk, visit.request, "read").owner
    except (NotAuthenticated, NotAllowed) as error:
        return _page(
            "home.html",
            simulated=_simulate_words(desk.settings),
            refused=str(error),
            executions=[],
            engines=[],
            example=None,
            mode=None,
        )
    with desk.database.read() as db:
        found = store.list_executions(db, owner, store.Filter(), SHOWN)
    engines = desk.registry.listing()
    askable = [row.name for row in engines if row.configured or row.simulated]
    wished = [name for name in ("doubao", "qwen") if name in askable] or askable[:2]
    return _page(
        "home.html",
        simulated=_simulate_words(desk.settings),
        refused=None,
        executions=[{"found": one, "urls": urls(one.execution_id)} for one in found],
        engines=engines,
        example={"url": _own_url(visit), "engines": wished} if wished else None,
        mode="embedded: one process" if desk.settings.embedded else "distributed: RabbitMQ",
    )


def _own_url(visit: Visit) -> str:
    """The address that the visitor came by, if it can stand in a shell's command as it is."""
    host = visit.request.headers.get("host", "")
    plain = host if re.fullmatch(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?", host) else "127.0.0.1:8000"
    return f"{visit.request.url.scheme}://{plain}"


@operation(
    Operation(
        "A page for one execution",
        "pages",
        "read",
        {200: Returns("A page", {HTML: {"type": "string"}})},
        parameters=(EXECUTION_ID,),
    )
)
def show_execution_page(visit: Visit) -> Response:
    """Its progress, looked at again every few seconds until it has ended, and the way to its report."""
    found, counted = own_execution(visit)
    names = [engine.engine for engine in found.plan.engines if engine.simulated]
    words = f"{', '.join(names)} answered by a simulator. What it says is about no real brand." if names else None
    return _page(
        "execution.html",
        simulated=words,
        found=found,
        counted=counted,
        states=[str(state) for state in SampleState],
        percent=percent(found, counted),
        urls=urls(found.execution_id),
        refresh_s=None if found.ended else REFRESH_S,
    )

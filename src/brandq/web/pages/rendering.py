"""How a page is made: its templates, its language and theme, what it may load, and what it says of an error."""

from __future__ import annotations

import gzip
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, PackageLoader
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from brandq import __version__
from brandq.errors import Fault
from brandq.exports.templating import environment
from brandq.settings import Settings
from brandq.web import access, assets, wire
from brandq.web.access import Caller
from brandq.web.openapi import Returns, Visit
from brandq.web.sessions import FormToken
from brandq.words import LANGUAGES, OWN_NAMES, Words, words_in

HTML = "text/html"
PAGE = Returns("A page", {HTML: {"type": "string"}})
LANGUAGE_COOKIE, THEME_COOKIE = "brandq-language", "brandq-theme"
THEMES = ("light", "dark")
#: a page that is smaller is not worth packing
_PACK_FROM = 2000

_TEMPLATES = environment(ChoiceLoader([PackageLoader("brandq.web"), PackageLoader("brandq.exports")]))
_TEMPLATES.globals["asset"] = assets.url


@dataclass(frozen=True)
class Entry:
    """One place of the navigation: its name in English, and its address, with which the paths below it begin."""

    name: str
    url: str


NAVIGATION = (
    Entry("Executions", "/"),
    Entry("New", "/executions/new"),
    Entry("History", "/history"),
    Entry("Engines", "/engines"),
)
#: what only operators see
OPERATORS = (Entry("Queues", "/queues"),)


def words_for(request: Request) -> Words:
    """The visitor's language: the one chosen here before, else the browser's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    for language in LANGUAGES:
        if language == chosen:
            return words_in(language)
    return wire.words_of(request)


def theme_for(request: Request) -> str | None:
    """The theme that was chosen here; None: as the browser's."""
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else None


def page(visit: Visit, template: str, *, status: int = 200, **shown: Any) -> Response:
    """The template as a response. ``shown`` are the names that it knows beside those that every page has."""
    return render(visit.request, visit.caller, template, status=status, **shown)


def render(request: Request, caller: Caller, template: str, *, status: int = 200, **shown: Any) -> Response:
    words, nonce, form = words_for(request), secrets.token_urlsafe(16), FormToken(request)
    settings: Settings = request.app.state.desk.settings
    text = _TEMPLATES.get_template(template).render(
        words=words,
        nonce=nonce,
        csrf=form.text,
        theme=theme_for(request),
        languages=OWN_NAMES,
        here=here(request),
        path=request.url.path,
        caller=caller,
        may_run="run" in caller.scopes,
        navigation=(*NAVIGATION, *(OPERATORS if "admin" in caller.scopes else ())) if caller.scopes else (),
        version=__version__,
        simulate=settings.simulate,
        **shown,
    )
    response = _packed(request, text, status)
    response.headers["Content-Language"] = words.tag
    response.headers["Content-Security-Policy"] = policy(nonce)
    # without it a browser says Origin: null of our own forms
    response.headers["Referrer-Policy"] = "same-origin"
    form.keep(request, response)
    return response


def policy(nonce: str) -> str:
    """What a page may load and run: ours, and of scripts and styles only what names this very page's nonce."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _packed(request: Request, text: str, status: int) -> Response:
    body = text.encode("utf-8", "replace")
    headers = {"Vary": "Accept-Encoding, Accept-Language, Cookie"}
    if len(body) >= _PACK_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 5)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, media_type=HTML)


def here(request: Request) -> str:
    """The address of this page, to come back to."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def back(given: str | None) -> str:
    """An address of ours to go back to; the first page instead of anything else."""
    safe = given is not None and re.fullmatch(r"/(?![/\\])[\x21-\x7e]{0,2000}", given) and "\\" not in given
    return given if given is not None and safe else "/"


def see(address: str) -> RedirectResponse:
    """What a form is answered with: look there."""
    return RedirectResponse(address, 303)


def trouble(
    request: Request,
    status: int,
    title: str,
    detail: str = "",
    *,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error as a page: what is wrong, and what to do about it. Who is not signed in is asked to sign in."""
    if status == 401 and request.method == "GET":
        return RedirectResponse(f"/sign-in?{urlencode({'back': here(request)})}", 303)
    shown = render(
        request,
        access.NOBODY,
        "trouble.html",
        status=status,
        title=title,
        detail=detail or (faults[0].detail if len(faults) == 1 else ""),
        faults=faults,
    )
    shown.headers.update(headers or {})
    return shown

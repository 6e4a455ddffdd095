"""Who looks at the pages, and how: signing in with an API key, out again, the language and the theme."""

from __future__ import annotations

from starlette.responses import Response

from brandq import store
from brandq.errors import NotAuthenticated
from brandq.web import access, wire
from brandq.web.openapi import Operation, Parameter, Returns, Visit, operation
from brandq.web.pages.rendering import LANGUAGE_COOKIE, PAGE, THEME_COOKIE, THEMES, back, page, see
from brandq.web.schemas import TEXT
from brandq.web.sessions import SESSION_LASTS, drop_session, keep_session, new_token
from brandq.words import LANGUAGES

#: seconds that a browser remembers a choice
_REMEMBERS_S = 365 * 24 * 3600

BACK = Parameter("back", TEXT, "where to go then", str)


@operation(Operation("Sign in", "pages", None, {200: PAGE}, parameters=(BACK,)))
def show_sign_in(visit: Visit) -> Response:
    """The form that takes an API key."""
    secure = visit.request.url.scheme == "https" or "x-forwarded-proto" in visit.request.headers
    return page(
        visit,
        "sign_in.html",
        back=back(visit.given["back"]),
        refused=None,
        plain=not secure and not access.is_local(visit.request),
    )


@operation(Operation("Sign in", "pages", None, {303: Returns("Signed in")}, limit=access.SIGN_IN_LIMIT, form=True))
def sign_in(visit: Visit) -> Response:
    """Open a session for the key in the form. A wrong key is told so in the form."""
    desk, form = visit.desk, visit.form
    goes_to = back(form.get("back"))
    shown = access.read_key(form.get("key", "").strip())
    try:
        if shown is None:
            raise NotAuthenticated("this API key is not valid; one looks like bq_<id>_<secret>")
        now, token = desk.now(), new_token()
        with desk.database.begin() as db:
            key = store.authenticate(db, *shown)
            store.open_session(db, token, key_id=key.key_id, now=now, expires_at=now + SESSION_LASTS)
    except NotAuthenticated as error:
        return page(visit, "sign_in.html", status=401, back=goes_to, refused=str(error), plain=False)
    response = see(goes_to)
    keep_session(visit.request, response, token)
    return response


@operation(Operation("Sign out", "pages", None, {303: Returns("Signed out")}, form=True))
def sign_out(visit: Visit) -> Response:
    token = access.session_token(visit.request)
    if token is not None:
        with visit.desk.database.begin() as db:
            store.close_session(db, token)
    response = see("/sign-in")
    drop_session(visit.request, response)
    return response


@operation(
    Operation(
        "Choose a language or a theme",
        "pages",
        None,
        {303: Returns("Back to the page")},
        parameters=(
            BACK,
            Parameter("language", TEXT, "to read in", wire.one_of(LANGUAGES)),
            Parameter("theme", TEXT, "light, dark, or auto: as the browser's", wire.one_of((*THEMES, "auto"))),
        ),
    )
)
def choose(visit: Visit) -> Response:
    """Remember a choice in the browser. It says nothing of who looks, so any page may link here."""
    response = see(back(visit.given["back"]))
    for cookie, name in ((LANGUAGE_COOKIE, "language"), (THEME_COOKIE, "theme")):
        chosen = visit.given[name]
        if chosen == "auto":
            response.delete_cookie(cookie, path="/")
        elif chosen is not None:
            response.set_cookie(cookie, chosen, max_age=_REMEMBERS_S, path="/", samesite="lax")
    return response

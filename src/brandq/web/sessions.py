"""The browser's side of access: cookies, who is signed in, and the token that each form carries.

A session stands for an API key. Off this machine its cookie is ``__Host-brandq``: only over TLS, only for this very
host. A browser on this machine may come over plain HTTP, which takes no such cookie, so there it is ``brandq``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from brandq.errors import NotAllowed
from brandq.web.access import LOCAL_COOKIE, SESSION_COOKIE, has_foreign_origin, is_local, session_token

#: a session ends after so long, used or not
SESSION_LASTS = timedelta(days=7)
#: what a browser without a session is told from others by; forms are bound to it
VISIT_COOKIE = "brandq-visit"

_STALE = "this form is not from here, or it is too old; open the page again and send it from there"


def new_token() -> str:
    return secrets.token_urlsafe(32)


def keep_session(request: Request, response: Response, token: str) -> None:
    """Give the browser its session."""
    _keep(request, response, LOCAL_COOKIE if is_local(request) else SESSION_COOKIE, token)


def drop_session(request: Request, response: Response) -> None:
    for name in (SESSION_COOKIE, LOCAL_COOKIE):
        if name in request.cookies:
            response.delete_cookie(name, path="/", secure=name == SESSION_COOKIE, httponly=True, samesite="lax")


def _keep(request: Request, response: Response, name: str, value: str) -> None:
    lasts_s = int(SESSION_LASTS.total_seconds())
    response.set_cookie(
        name, value, max_age=lasts_s, path="/", secure=not is_local(request), httponly=True, samesite="lax"
    )


class FormToken:
    """What the forms of one page carry, and the cookie that it is bound to.

    Each page has another one, so that it tells nothing through the length of a compressed page.
    """

    def __init__(self, request: Request) -> None:
        self._held = session_token(request) or request.cookies.get(VISIT_COOKIE)
        self._bound_to = self._held or new_token()
        salt = secrets.token_urlsafe(12)
        self.text = f"{salt}.{_sign(self._bound_to, salt)}"

    def keep(self, request: Request, response: Response) -> None:
        """Give the browser the cookie, where it has none yet."""
        if self._held is None:
            _keep(request, response, VISIT_COOKIE, self._bound_to)


def require_own_form(request: Request, token: str | None) -> None:
    """NotAllowed unless a page of ours, opened by this very browser, sent this form."""
    if has_foreign_origin(request) or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise NotAllowed(_STALE)
    held = session_token(request) or request.cookies.get(VISIT_COOKIE)
    salt, _, signature = (token or "").partition(".")
    if held is None or not hmac.compare_digest(_sign(held, salt).encode(), signature.encode()):
        raise NotAllowed(_STALE)


def _sign(bound_to: str, salt: str) -> str:
    return hmac.new(bound_to.encode(), b"brandq form " + salt.encode(), hashlib.sha256).hexdigest()

"""Who calls, whether they may, and how often: keys and scopes, this machine without a key, and the limits.

Without any key in the database only this machine is served: a loopback peer, that says a loopback name in Host (a web
page elsewhere cannot, whatever its name resolves to), with nothing that tells of a proxy in between, and without the
Origin of a foreign page. Once a key is in force everybody shows one. Nothing about keys is cached: a request with a
key costs one look at it, one without costs one look whether there is any.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from starlette.requests import Request

from brandq import store
from brandq.actors.desk import Desk
from brandq.errors import NotAllowed, NotAuthenticated, TooManyRequests
from brandq.settings import LOOPBACK, Settings

#: who owns what is made without a key
LOCAL_OWNER = "local"
#: what each scope of a key allows
ALLOWS = {"read": frozenset({"read"}), "run": frozenset({"read", "run"}), "admin": frozenset({"read", "run", "admin"})}
#: where a browser keeps its session; see web/sessions.py
SESSION_COOKIE, LOCAL_COOKIE = "__Host-brandq", "brandq"
#: headers that a proxy adds; with one of them the peer is not the caller
FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

_KEY = re.compile(r"bq_([A-Za-z0-9-]{1,16})_([\x21-\x7e]{1,200})")


@dataclass(frozen=True)
class Caller:
    """Who a request comes from. ``counted_as`` names it in the limits; ``session``: it is signed in with a browser."""

    owner: str
    scopes: frozenset[str]
    counted_as: str
    session: bool = False


#: the caller of what is open to everybody
NOBODY = Caller("", frozenset(), "")


@dataclass(frozen=True)
class Limit:
    """At most ``most`` calls in any ``per_s`` seconds by one caller, over all API processes."""

    name: str
    most: int
    per_s: int = 60

    @property
    def words(self) -> str:
        return f"{self.most} calls in any {self.per_s} seconds"


# The predecessor's four, with the figures that its clients were told. The native endpoints have
# none: counting is a write under a lock of the caller's own, which would cost more than a read and line up the writes.
PREDECESSOR_SUBMIT_LIMIT = Limit("perform-brand-test-async", 3)
PREDECESSOR_STATUS_LIMIT = Limit("diagnosis.status", 30)
PREDECESSOR_CANCEL_LIMIT = Limit("diagnosis.cancel", 5)
PREDECESSOR_STATISTICS_LIMIT = Limit("diagnosis.statistics", 10)
# and one for guesses at a key: 256 bits need no help, but a log full of them does
SIGN_IN_LIMIT = Limit("sign-in", 20)


def admit(desk: Desk, request: Request, scope: str, *, open_locally: bool = False, page: bool = False) -> Caller:
    """The caller, who has this scope. NotAuthenticated or NotAllowed says what to do about it.

    ``open_locally``: this machine needs no key even where there are keys. A browser's session is good for pages, and
    elsewhere for reading: what changes something is then never sent by another site's page in the user's name.
    """
    address = client_address(request, desk.settings)
    shown = _shown_key(request)
    if shown is not None:
        with desk.database.look() as db:
            key = store.authenticate(db, *shown)
        return _with_key(key, scope)
    token = session_token(request) if page or request.method in ("GET", "HEAD") else None
    if token is not None:
        with desk.database.look() as db:
            held = store.session_key(db, token, now=desk.now())
        if held is not None:
            return replace(_with_key(held, scope), session=True)
    local = is_local(request)
    if not (local and open_locally):
        with desk.database.look() as db:
            keys = store.any_keys(db)
        if keys:
            raise NotAuthenticated("send an API key: Authorization: Bearer bq_…, or X-API-Key: bq_…")
    if not local:
        raise NotAuthenticated(
            "without an API key only this machine is served, by the name 127.0.0.1 or localhost: "
            "create a key with `brandq keys add`"
        )
    if has_foreign_origin(request):
        raise NotAllowed("a page of another origin may not use this service without an API key")
    return Caller(LOCAL_OWNER, ALLOWS["admin"], f"peer {address}")


def _with_key(key: store.ApiKey, scope: str) -> Caller:
    scopes = frozenset(allowed for held in key.scopes for allowed in ALLOWS.get(held, ()))
    if scope not in scopes:
        raise NotAllowed(f"this key has {', '.join(key.scopes)} and this needs {scope}; ask for a key that has it")
    return Caller(key.owner, scopes, f"key {key.key_id}")


def session_token(request: Request) -> str | None:
    """The session that the browser keeps; the one without TLS counts on this machine alone."""
    token = request.cookies.get(SESSION_COOKIE)
    if token is None and is_local(request):
        token = request.cookies.get(LOCAL_COOKIE)
    return token or None


def _shown_key(request: Request) -> tuple[str, str] | None:
    """Id and secret of the key that the request shows. No other header says who anybody is."""
    shown = set()
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated("expected Authorization: Bearer bq_…")
        shown.add(key.strip())
    if "x-api-key" in request.headers:
        shown.add(request.headers["x-api-key"].strip())
    if not shown:
        return None
    if len(shown) > 1:
        raise NotAuthenticated("Authorization and X-API-Key show two different keys; send one")
    found = read_key(shown.pop())
    if found is None:
        raise NotAuthenticated("this API key is not valid; one looks like bq_<id>_<secret>")
    return found


def read_key(text: str) -> tuple[str, str] | None:
    """Id and secret of a key as it is written; None where it is none."""
    found = _KEY.fullmatch(text)
    return (found[1], found[2]) if found else None


def has_foreign_origin(request: Request) -> bool:
    """Whether the browser says that a page of another site sent this."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


def is_local(request: Request) -> bool:
    """Whether the request comes from this machine itself, as far as it can be told."""
    peer = _address(request.client.host if request.client else "")
    if peer is None or not peer.is_loopback or any(name in request.headers for name in FORWARDING):
        return False
    host = re.fullmatch(r"\[([^]]*)\](?::\d+)?|([^:]*)(?::\d+)?", request.headers.get("host", ""))
    return host is not None and (host[1] or host[2] or "").lower() in LOOPBACK


def client_address(request: Request, settings: Settings) -> str:
    """The address that is counted: the peer's, or the one that the outermost of our own proxies saw.

    An IPv6 caller commands a whole /64 network, so that is what is counted.
    """
    seen = request.client.host if request.client else "unix"
    if settings.forwarded_hops:
        chain = [part for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
        if len(chain) >= settings.forwarded_hops:
            forwarded = _address(chain[-settings.forwarded_hops])
            seen = str(forwarded) if forwarded else seen
    address = _address(seen)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address) if address else seen[:100]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as peers and proxies write it: bare, with a port, in brackets, or IPv4 inside IPv6."""
    text = text.strip().strip('"')
    bracketed = re.fullmatch(r"\[([^]]*)\](?::\d+)?", text)
    bare = bracketed[1] if bracketed else text.split(":")[0] if text.count(":") == 1 else text
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def stranger(desk: Desk, request: Request) -> Caller:
    """The caller of what is open to everybody, counted by its address."""
    return replace(NOBODY, counted_as=f"peer {client_address(request, desk.settings)}")


def count(desk: Desk, caller: Caller, limit: Limit) -> dict[str, str]:
    """Count this call; the headers that tell how many are left. TooManyRequests when none was."""
    with desk.database.begin() as db:
        left = store.count_call(
            db, f"{limit.name} {caller.counted_as}", most=limit.most, per_s=limit.per_s, now=desk.now()
        )
    return limit_headers(limit, left)


def limit_headers(limit: Limit, left: int) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(limit.most),
        "RateLimit-Remaining": str(left),
        "RateLimit-Policy": f"{limit.most};w={limit.per_s}",
    }


def used_up(limit: Limit, error: TooManyRequests) -> dict[str, str]:
    """The headers of a refusal."""
    return {**limit_headers(limit, 0), "Retry-After": str(error.wait_s)}

"""``ask``: one prompt, one engine, one attempt over HTTP, and the only place that talks to providers.

An attempt is one POST and the rounds that a provider asks for: some pause, and go on when they are sent back what they
said. ``ask`` neither repeats nor sleeps nor keeps anything: attempts are counted where a sample is claimed, pacing and
breaker belong to the caller. What came back, whole or broken, is an Outcome; only a cancellation passes through.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from brandq import __version__
from brandq.plan import EngineRef
from brandq.providers import anthropic, dashscope, gemini, openai_chat, openai_responses
from brandq.providers.bodies import in_one
from brandq.providers.dialect import (
    BEARER,
    DIRECT,
    Answer,
    Call,
    Dialect,
    DialectInRounds,
    ErrorClass,
    Outcome,
    Provider,
    ProviderError,
    Reply,
)
from brandq.providers.keys import hidden_in, without_key
from brandq.providers.trouble import provider_error

__all__ = ["CONNECT_S", "DIALECTS", "MAX_REPLY_BYTES", "HttpSession", "Turn", "ask", "open_session"]

#: what ``open_session`` opens; the actors hold one and need not know whose it is
HttpSession = aiohttp.ClientSession
#: returns when the caller's pace allows one more request
Turn = Callable[[], Awaitable[None]]

#: every wire format by the name that registry rows use
DIALECTS: Mapping[str, Dialect] = {
    "openai-chat": openai_chat,
    "openai-responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "dashscope": dashscope,
}

#: Seconds for one connection with its TLS. The limits lie one inside the other: this one, then the time until a reply
#: begins (the row's ``first_byte_s``, from each POST on, so with its connection and name resolution), then the whole
#: attempt with all its rounds (``total_s``), then what the caller has for its message. The first to run out says which
#: part was slow; the outermost only guards against a fault of ours.
CONNECT_S = 10.0
#: of ``total_s``, where the row has no ``first_byte_s``: most providers think first and then send all at once, so
#: nearly all of the time belongs to the wait, and what is left is plenty for the body
FIRST_BYTE_SHARE = 0.9
#: calls in flight at one provider that a registry row may ask for, and the connections that a session opens to one host
MAX_IN_FLIGHT = 1024
#: of all rounds together; a hundred times the longest answer that is worth reading
MAX_REPLY_BYTES = 10_000_000
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _TooLong(aiohttp.ClientPayloadError):
    """The body passed MAX_REPLY_BYTES."""


class _NotBegun(TimeoutError):
    """No head of a reply came in time."""


#: what broke, most special first -> class, words
_BROKEN: tuple[tuple[type[Exception], ErrorClass, str], ...] = (
    (_TooLong, ErrorClass.NETWORK, f"reply longer than {MAX_REPLY_BYTES // 1_000_000} MB"),
    (aiohttp.InvalidURL, ErrorClass.BAD_REQUEST, "base_url is no usable address"),
    (aiohttp.NonHttpUrlClientError, ErrorClass.BAD_REQUEST, "base_url is no http address"),
    (aiohttp.ClientConnectorCertificateError, ErrorClass.NETWORK, "the certificate is not trusted"),
    (aiohttp.ClientSSLError, ErrorClass.NETWORK, "no TLS connection"),
    (aiohttp.ClientProxyConnectionError, ErrorClass.NETWORK, "cannot reach the proxy"),
    (aiohttp.ClientHttpProxyError, ErrorClass.NETWORK, "the proxy refused"),
    (aiohttp.ClientConnectorDNSError, ErrorClass.NETWORK, "unknown host name"),
    (aiohttp.ConnectionTimeoutError, ErrorClass.NETWORK, f"no connection within {CONNECT_S:.0f} s"),
    (aiohttp.ClientConnectorError, ErrorClass.NETWORK, "cannot connect"),
    (aiohttp.ServerDisconnectedError, ErrorClass.NETWORK, "hung up without a reply"),
    (aiohttp.ClientPayloadError, ErrorClass.NETWORK, "hung up in the middle of the reply"),
    (aiohttp.ClientResponseError, ErrorClass.NETWORK, "the reply is not HTTP"),
    (_NotBegun, ErrorClass.NETWORK, "no reply began in time"),
    (TimeoutError, ErrorClass.NETWORK, "no whole reply in time"),
    (aiohttp.ClientError, ErrorClass.NETWORK, "the connection failed"),
    (OSError, ErrorClass.NETWORK, "the connection failed"),
)


def open_session() -> aiohttp.ClientSession:
    """A session for any number of ``ask`` calls on the running loop; whoever opens it closes it.

    The limits only bound what a mistake elsewhere could open: no registry row may have a higher concurrency, for a call
    that waits here for its connection would spend its own time on it.
    Proxies are chosen by ``ask``. aiohttp's own ``trust_env`` would also read ~/.netrc, then fail each call for which
    it finds an entry, and send that entry to servers which need no key.
    """
    connector = aiohttp.TCPConnector(
        limit=4 * MAX_IN_FLIGHT, limit_per_host=MAX_IN_FLIGHT, ttl_dns_cache=300, keepalive_timeout=30
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": f"brandq/{__version__}"},
        trust_env=False,
    )


async def ask(
    session: aiohttp.ClientSession,
    provider: Provider,
    engine: EngineRef,
    prompt: str,
    key: str | None,
    *,
    system: str | None = None,
    turn: Turn | None = None,
) -> Outcome:
    """One attempt at an answer: one POST, and at most ``provider.rounds`` more while the provider wants to go on.

    All of it is bounded by ``provider.total_s`` seconds and MAX_REPLY_BYTES. ``turn`` is awaited before each POST but
    the first, within those seconds. An answer is read from all rounds together; one that still waits for a further
    round is read as the cut off answer that it is, and where a later round breaks, its error is the attempt's.

    The key is in the request's header and nowhere else: where a reply repeats it, it is cut out before the reply is
    read. Everything that goes wrong is in the Outcome; CancelledError passes through.
    """
    dialect = DIALECTS[provider.dialect]
    call = dialect.call(provider, engine, prompt, system)
    replies: list[Reply] = []
    posts = 0
    begun = time.monotonic()
    try:
        async with asyncio.timeout(provider.total_s):
            asking: Call | None = call
            while asking is not None:
                if turn is not None and posts:
                    await turn()
                posts += 1
                room = MAX_REPLY_BYTES - sum(len(reply.body) for reply in replies)
                replies.append(await _post(session, provider, asking, key, room))
                asking = _next(dialect, provider, engine, asking, replies)
    except (aiohttp.ClientError, OSError) as broken:
        error = _broken(provider, engine, broken, key)
        return Outcome(None, error, _since_ms(begun), call.body, posts=posts)
    latency_ms = _since_ms(begun)
    # cut out before anything reads it: an error's message is shortened, maybe in the middle of the key, and an echo
    # would make it part of an answer
    bodies = [without_key(one.body, key) for one in replies]
    reply = replace(replies[-1], body=bodies[-1])
    outcome = dialect.read(provider, engine, reply)
    if isinstance(outcome, Answer) and len(bodies) > 1:
        reply = replace(reply, body=in_one(bodies))
        outcome = dialect.read(provider, engine, reply)
    if isinstance(outcome, Answer):
        return Outcome(outcome, None, latency_ms, call.body, reply.body, reply.status, posts)
    error = replace(outcome, message=hidden_in(outcome.message, key))
    return Outcome(None, error, latency_ms, call.body, reply.body, reply.status, posts)


def _next(dialect: Dialect, provider: Provider, engine: EngineRef, call: Call, replies: Sequence[Reply]) -> Call | None:
    """The request of the next round; None where the last reply ends the attempt or no round is left."""
    if replies[-1].status != 200 or len(replies) > provider.rounds or not isinstance(dialect, DialectInRounds):
        return None
    return dialect.follow_up(provider, engine, call, replies[-1])


async def _post(session: aiohttp.ClientSession, provider: Provider, call: Call, key: str | None, room: int) -> Reply:
    """One request and its reply, whose body takes at most ``room`` bytes."""
    headers = dict(call.headers)
    if key is not None:
        headers[provider.key_header] = f"Bearer {key}" if provider.key_header == BEARER else key
    limit = asyncio.timeout(_first_byte_s(provider))
    try:
        async with limit:
            http = await session.post(
                call.url,
                # half a character, which a reply that goes back may hold and UTF-8 cannot, is escaped as it came
                data=json.dumps(call.body, ensure_ascii=False).encode("utf-8", "backslashreplace"),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                allow_redirects=False,
                proxy=_proxy(provider, call.url),
            )
    except TimeoutError as late:
        if limit.expired():
            raise _NotBegun from late
        raise
    async with http:
        body = bytearray()
        async for chunk in http.content.iter_any():
            body += chunk
            if len(body) > room:
                raise _TooLong
        # a dialect has no clock, and what it is to wait for may be said as a date
        now = format_datetime(datetime.now(UTC), usegmt=True)
        said = {name.lower(): value for name, value in http.headers.items()}
        return Reply(http.status, {"date": now, **said}, bytes(body))


def _first_byte_s(provider: Provider) -> float:
    return provider.first_byte_s or FIRST_BYTE_SHARE * provider.total_s


def _proxy(provider: Provider, url: str) -> str | None:
    """The proxy for the URL: the row's word where it has one, even for this machine itself.

    Else the one that this machine uses, found as curl and pip find it, and none for the machine itself.
    """
    if provider.proxy is not None:
        return None if provider.proxy == DIRECT else provider.proxy
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    proxy = getproxies().get(parts.scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _broken(provider: Provider, engine: EngineRef, broken: Exception, key: str | None) -> ProviderError:
    error_class, words = next((meant, words) for kind, meant, words in _BROKEN if isinstance(broken, kind))
    if isinstance(broken, _NotBegun):
        words = f"no reply began within {_first_byte_s(provider):g} s"
    elif type(broken) is TimeoutError:
        words = f"no whole reply within {provider.total_s:g} s"
    return provider_error(
        provider, engine, error_class, f"{words} (asked {provider.base_url})", hidden_in(str(broken), key)
    )


def _since_ms(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)

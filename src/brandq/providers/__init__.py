"""``ask``: one prompt, one engine, one HTTP attempt, and the only place that talks to providers.

It neither repeats nor sleeps nor keeps anything: attempts are counted where a sample is claimed, pacing and breaker
belong to the caller. What came back, whole or broken, is an Outcome; only a cancellation passes through.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from brandq import __version__
from brandq.plan import EngineRef
from brandq.providers import anthropic, dashscope, gemini, openai_chat, openai_responses
from brandq.providers.dialect import BEARER, Answer, Call, Dialect, ErrorClass, Outcome, Provider, ProviderError, Reply
from brandq.providers.trouble import provider_error

__all__ = ["CONNECT_S", "DIALECTS", "MAX_REPLY_BYTES", "HttpSession", "ask", "open_session"]

#: what ``open_session`` opens; the actors hold one and need not know whose it is
HttpSession = aiohttp.ClientSession

#: every wire format by the name that registry rows use
DIALECTS: Mapping[str, Dialect] = {
    "openai-chat": openai_chat,
    "openai-responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "dashscope": dashscope,
}

#: seconds for one connection with its TLS; the whole call has the row's ``total_s``, which also covers name resolution
CONNECT_S = 10.0
#: calls in flight at one provider that a registry row may ask for, and the connections that a session opens to one host
MAX_IN_FLIGHT = 1024
#: a hundred times the longest answer that is worth reading
MAX_REPLY_BYTES = 10_000_000
#: a shorter key (local servers take any word) may stand in a reply by chance; cutting it out would spoil the words
_MIN_KEY_CHARS = 8
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _TooLong(aiohttp.ClientPayloadError):
    """The body passed MAX_REPLY_BYTES."""


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
    session: aiohttp.ClientSession, provider: Provider, engine: EngineRef, prompt: str, key: str | None
) -> Outcome:
    """One attempt at an answer: exactly one POST, bounded by ``provider.total_s`` seconds and MAX_REPLY_BYTES.

    The key is in the request's header and nowhere else: where a provider repeats it in an error, it is cut out of the
    message and of ``raw``. Everything that goes wrong is in the Outcome; CancelledError passes through.
    """
    dialect = DIALECTS[provider.dialect]
    call = dialect.call(provider, engine, prompt)
    begun = time.monotonic()
    try:
        async with asyncio.timeout(provider.total_s):
            reply = await _post(session, call, key, provider.key_header)
    except (aiohttp.ClientError, OSError) as broken:
        error = _broken(provider, engine, broken, key)
        return Outcome(None, error, _since_ms(begun), call.body)
    latency_ms = _since_ms(begun)
    outcome = dialect.read(provider, engine, reply)
    if isinstance(outcome, Answer):
        return Outcome(outcome, None, latency_ms, call.body, reply.body, reply.status)
    clean = replace(reply, body=_without_key(reply.body, key))
    if clean.body != reply.body:
        outcome = dialect.read(provider, engine, clean)  # before its message was cut, maybe in the middle of the key
    if isinstance(outcome, Answer):
        return Outcome(outcome, None, latency_ms, call.body, clean.body, reply.status)
    return Outcome(None, _quiet(outcome, key), latency_ms, call.body, clean.body, reply.status)


async def _post(session: aiohttp.ClientSession, call: Call, key: str | None, key_header: str) -> Reply:
    headers = dict(call.headers)
    if key is not None:
        headers[key_header] = f"Bearer {key}" if key_header == BEARER else key
    async with session.post(
        call.url,
        data=json.dumps(call.body, ensure_ascii=False).encode(),
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        allow_redirects=False,
        proxy=_proxy(call.url),
    ) as http:
        body = bytearray()
        async for chunk in http.content.iter_any():
            body += chunk
            if len(body) > MAX_REPLY_BYTES:
                raise _TooLong
        return Reply(http.status, {name.lower(): value for name, value in http.headers.items()}, bytes(body))


def _proxy(url: str) -> str | None:
    """The proxy that this machine uses for the URL, found as curl and pip find it; never for the machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    proxy = getproxies().get(parts.scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _broken(provider: Provider, engine: EngineRef, broken: Exception, key: str | None) -> ProviderError:
    error_class, words = next((meant, words) for kind, meant, words in _BROKEN if isinstance(broken, kind))
    if type(broken) is TimeoutError:
        words = f"no whole reply within {provider.total_s:g} s"
    said = str(broken).replace(key, "***") if key and len(key) >= _MIN_KEY_CHARS else str(broken)
    return provider_error(provider, engine, error_class, f"{words} from {provider.base_url}", said)


def _without_key(body: bytes, key: str | None) -> bytes:
    if key and len(key) >= _MIN_KEY_CHARS:
        for form in (key, json.dumps(key)[1:-1], key.replace("/", "\\/")):
            body = body.replace(form.encode(), b"***")
    return body


def _quiet(error: ProviderError, key: str | None) -> ProviderError:
    """The error without the key, in whatever way the body had spelled it."""
    if key and len(key) >= _MIN_KEY_CHARS and key in error.message:
        return replace(error, message=error.message.replace(key, "***"))
    return error


def _since_ms(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)

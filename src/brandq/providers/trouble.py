"""What a provider's trouble means: its class, how long to wait, and words about it that are safe to keep.

The body's own word counts before the HTTP status, because the same status means opposite things: 429 is "slow down" at
one provider and "the account is empty" at another. A row's table is asked first, then the codes that many providers
took over from OpenAI, then the status. All of this is shared by the dialects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime

from brandq.plan import EngineRef
from brandq.providers.dialect import ASK_AGAIN, ErrorClass, Provider, ProviderError, Reply

MAX_MESSAGE_CHARS = 200
#: a provider that asks for more than a day means "not today"; more would not fit the column either
MAX_WAIT_MS = 24 * 3600 * 1000

#: codes and types that more than one provider sends. None: a content filter declined
_COMMON: Mapping[str, ErrorClass | None] = {
    "rate_limit_exceeded": ErrorClass.RATE_LIMIT,
    "rate_limit_error": ErrorClass.RATE_LIMIT,
    "rate_limit_reached_error": ErrorClass.RATE_LIMIT,
    "slow_down": ErrorClass.RATE_LIMIT,
    "too_many_requests": ErrorClass.RATE_LIMIT,
    "throttling_error": ErrorClass.RATE_LIMIT,
    "insufficient_quota": ErrorClass.NO_MONEY,
    "credit_balance_exhausted": ErrorClass.NO_MONEY,
    "organization_spend_limit_exceeded": ErrorClass.NO_MONEY,
    "project_spend_limit_exceeded": ErrorClass.NO_MONEY,
    "billing_hard_limit_reached": ErrorClass.NO_MONEY,
    "billing_error": ErrorClass.NO_MONEY,
    "insufficient_balance": ErrorClass.NO_MONEY,
    "invalid_api_key": ErrorClass.AUTH,
    "authentication_error": ErrorClass.AUTH,
    "invalid_authentication_error": ErrorClass.AUTH,
    "permission_error": ErrorClass.PERMISSION,
    "permission_denied": ErrorClass.PERMISSION,
    "chat_completions_not_available": ErrorClass.PERMISSION,
    "billing_not_active": ErrorClass.NO_MONEY,
    "model_not_found": ErrorClass.MODEL,
    "invalid_model": ErrorClass.MODEL,
    "context_length_exceeded": ErrorClass.CONTEXT,
    "unsupported_parameter": ErrorClass.BAD_REQUEST,
    "server_error": ErrorClass.OVERLOADED,
    "internal_error": ErrorClass.OVERLOADED,
    "internal_server_error": ErrorClass.OVERLOADED,
    "api_error": ErrorClass.OVERLOADED,
    "overloaded_error": ErrorClass.OVERLOADED,
    "engine_overloaded_error": ErrorClass.OVERLOADED,
    "server_is_overloaded": ErrorClass.OVERLOADED,
    "service_unavailable": ErrorClass.OVERLOADED,
    "timeout_error": ErrorClass.OVERLOADED,
    "content_filter": None,
    "content_policy_violation": None,
}

#: looked for in the words of errors that come without a code, or with one too broad to decide
_COMMON_PHRASES: Mapping[str, ErrorClass | None] = {
    "maximum context length": ErrorClass.CONTEXT,
    "incorrect api key": ErrorClass.AUTH,
    "model not exist": ErrorClass.MODEL,
    "insufficient balance": ErrorClass.NO_MONEY,
}

_STATUS: Mapping[int, ErrorClass | None] = {
    401: ErrorClass.AUTH,
    402: ErrorClass.NO_MONEY,
    403: ErrorClass.PERMISSION,
    408: ErrorClass.OVERLOADED,
    409: ErrorClass.OVERLOADED,
    413: ErrorClass.CONTEXT,
    425: ErrorClass.OVERLOADED,
    429: ErrorClass.RATE_LIMIT,
    451: None,
}

_KEY_LIKE = re.compile(
    r"\bbearer\s+\S+"
    r"|\b(?:sk|pk|ak|gsk|xai|pplx|key|bce-v3)[-_/][\w\-/*.=+]{6,}"
    r"|\b[0-9a-f]{32}\.\w{12,}"  # 智谱's keys: an id and a secret
    r"|\bAIza[\w\-]{20,}",  # Google's
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?"
)


def class_of(provider: Provider, status: int, codes: Sequence[str], words: str) -> ErrorClass | None:
    """The class of this trouble; None where a content filter declined, which is an answer to keep."""
    own: dict[str, ErrorClass | None] = {code.casefold(): meant for code, meant in provider.error_codes.items()}
    own.update((code.casefold(), None) for code in provider.refusal_codes)
    said = words.casefold()
    for phrases in (own, _COMMON_PHRASES):
        for phrase, meant in phrases.items():
            if " " in phrase and phrase in said:
                return meant
    for code in (code.casefold() for code in codes):
        for known, meant in own.items():
            if _is(code, known):
                return meant
        if code in _COMMON:
            return _COMMON[code]
    # gateways repeat a status as the body's code, some of them under HTTP 200
    repeated = next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), None)
    return _class_of_status(repeated or status, said)


def _is(code: str, known: str) -> bool:
    """Whether the code is the known one, of which CODE* gives only the beginning and *CODE* some part."""
    if len(known) > 1 and known[0] == known[-1] == "*":
        return known[1:-1] in code
    return code == known or (known.endswith("*") and code.startswith(known[:-1]))


def _class_of_status(status: int, said: str) -> ErrorClass | None:
    if status in _STATUS:
        return _STATUS[status]
    if status == 404:
        # a wrong address answers 404 as well, and no other model would fare better there
        return ErrorClass.MODEL if "model" in said else ErrorClass.BAD_REQUEST
    if 300 <= status < 500:
        return ErrorClass.BAD_REQUEST
    # an error under HTTP 200 whose code nobody listed: mostly trouble behind a gateway, and attempts are bounded
    return ErrorClass.OVERLOADED


def provider_error(
    provider: Provider,
    engine: EngineRef,
    error_class: ErrorClass,
    what: str,
    words: str = "",
    reply: Reply | None = None,
) -> ProviderError:
    """A ProviderError that says what came back and what to do next, in at most 200 characters without a key."""
    said = safe(words)
    message = safe(f"{provider.name}: {what}")
    room = MAX_MESSAGE_CHARS - len(_with_step(message, provider, engine, error_class)) - 2
    if said and room > 10:
        message += ": " + (said if len(said) <= room else said[: room - 1] + "…")
    return ProviderError(
        error_class,
        _with_step(message, provider, engine, error_class)[:MAX_MESSAGE_CHARS],
        reply.status if reply else None,
        wait_ms(reply.headers) if reply and error_class in ASK_AGAIN else None,
    )


def _with_step(message: str, provider: Provider, engine: EngineRef, error_class: ErrorClass) -> str:
    """The message with what to do next, where there is anything to do."""
    key = " or ".join(provider.key_env) or "its key"
    return {
        ErrorClass.AUTH: f"{message}; check {key}",
        ErrorClass.NO_MONEY: f"{message}; top up the account, or raise its limit",
        ErrorClass.DAILY_QUOTA: f"{message}; come back when the quota is renewed",
        ErrorClass.PERMISSION: f"{message}; see what {key} may do",
        ErrorClass.MODEL: f"{message}; check the model {engine.model[:60]!r}",
        ErrorClass.CONTEXT: f"{message}; shorten the prompt, or name a model that takes more",
    }.get(error_class, message)


def safe(words: str) -> str:
    """One line of a provider's words: nothing that looks like a key, no control characters."""
    return " ".join(_KEY_LIKE.sub("***", storable(words[:2000])).split())


def storable(text: str) -> str:
    """The text without the two things that databases refuse, NUL and lone surrogates; its length stays the same."""
    if text.isascii() and "\0" not in text:
        return text
    return re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


#: the headers by which providers say what remains of a limit, and when it is whole again
_RESETS = (
    *(f"x-ratelimit-{{}}{limit}" for limit in ("-requests", "-tokens", "")),
    *(f"anthropic-ratelimit-{limit}-{{}}" for limit in ("requests", "tokens", "input-tokens", "output-tokens")),
)


def wait_ms(headers: Mapping[str, str]) -> int | None:
    """What the provider asked to wait, in milliseconds; None where it did not say, or not so that it can be read."""
    said = _number(headers.get("retry-after-ms"))
    if said is None:
        said = _milliseconds(headers.get("retry-after"), headers)
    if said is None:
        said = _reset_ms(headers)
    return None if said is None else int(min(max(said, 0), MAX_WAIT_MS))


def _reset_ms(headers: Mapping[str, str]) -> float | None:
    """The longest wait among the limits that are used up; a limit that does not say what remains may be the one."""
    waits = []
    for spelled in _RESETS:
        remaining = _number(headers.get(spelled.format("remaining")))
        wait = _milliseconds(headers.get(spelled.format("reset")), headers)
        if wait is not None and (remaining is None or remaining <= 0):
            waits.append(wait)
    return max(waits, default=None)


def _milliseconds(said: str | None, headers: Mapping[str, str]) -> float | None:
    """Seconds, a duration such as 6m0s or 120ms, a date of HTTP or RFC 3339, or seconds or milliseconds since 1970."""
    if said is None:
        return None
    number = _number(said)
    if number is not None:
        if number < 1e9:
            return number * 1000
        now = _date(headers.get("date"))
        instant_ms = number if number > 1e11 else number * 1000
        return instant_ms - now.timestamp() * 1000 if now else None
    duration = _DURATION.fullmatch(said.strip())
    if duration and said.strip():
        hours, minutes, seconds, milliseconds = (float(part or 0) for part in duration.groups())
        return (hours * 3600 + minutes * 60 + seconds) * 1000 + milliseconds
    # a dialect has no clock: the reply's own date is the provider's now, and also right when our clock is not
    then, now = _date(said), _date(headers.get("date"))
    return (then - now).total_seconds() * 1000 if then and now else None


def _number(said: str | None) -> float | None:
    if said is None or not re.fullmatch(r"\s*[+-]?\d{1,18}(?:\.\d{1,18})?\s*", said):
        return None
    number = float(said)
    return number if math.isfinite(number) else None


def _date(said: str | None) -> datetime | None:
    said = (said or "").strip()
    try:
        date = datetime.fromisoformat(said) if re.match(r"\d{4}-", said) else parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else None

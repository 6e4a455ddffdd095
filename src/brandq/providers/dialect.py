"""Call, Reply, Answer, ProviderError: what passes between brandq and a provider, and the functions of a dialect.

A dialect is a module with ``call`` and ``read``, and ``follow_up`` where its providers may pause and want to be sent
back what they said; it does no I/O, keeps no state and never sees a key. Many providers share one dialect: what differs
between them stands in their registry row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from brandq.plan import EngineRef

#: stands in a row's ``body`` or ``search`` where the engine's locale goes
LOCALE = "{locale}"


class AnswerKind(StrEnum):
    """The outcomes that come with an answer. Only ``ok`` is usable and enters denominators."""

    OK = "ok"
    #: the assistant, or a content filter, declined; a result to keep
    REFUSED = "refused"
    #: it ended normally and said nothing
    EMPTY = "empty"
    #: cut off by a length limit
    TRUNCATED = "truncated"


class ErrorClass(StrEnum):
    """Why no answer came, decided from the body's code first, then from the HTTP status."""

    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    NETWORK = "network"
    AUTH = "auth"
    NO_MONEY = "no_money"
    DAILY_QUOTA = "daily_quota"
    PERMISSION = "permission"
    MODEL = "model"
    CONTEXT = "context"
    BAD_REQUEST = "bad_request"


#: the same prompt may fare better later; every other class ends the sample at once
ASK_AGAIN: frozenset[ErrorClass] = frozenset({ErrorClass.RATE_LIMIT, ErrorClass.OVERLOADED, ErrorClass.NETWORK})
#: nobody who asks this provider would fare better until people act: the key, its rights or its money
OF_PROVIDER: frozenset[ErrorClass] = frozenset({ErrorClass.AUTH, ErrorClass.NO_MONEY, ErrorClass.PERMISSION})
#: nor with this model of it, while its others may answer
OF_MODEL: frozenset[ErrorClass] = frozenset({ErrorClass.MODEL, ErrorClass.DAILY_QUOTA})
#: the provider itself is in trouble, and asking more makes it worse
FAILING: frozenset[ErrorClass] = frozenset({ErrorClass.OVERLOADED, ErrorClass.NETWORK})


@dataclass(frozen=True)
class ProviderError:
    """No answer came, and why. A value, not an exception: it is kept with the sample.

    ``wait_ms`` is what the provider asked for, None where it did not say. ``message`` is cut and holds no key.
    """

    error_class: ErrorClass
    message: str
    http_status: int | None = None
    wait_ms: int | None = None

    @property
    def ask_again(self) -> bool:
        return self.error_class in ASK_AGAIN


@dataclass(frozen=True)
class Citation:
    """A URL that an answer gives as a source. ``cited``: true, false = only retrieved, None = no way to tell.

    ``start`` and ``end`` are offsets in characters of the answer's text, where the provider gave a span.
    ``via`` names where in the reply it stood; ``text`` means a link in the answer itself.
    """

    url: str
    title: str | None = None
    cited: bool | None = None
    via: str = "text"
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Answer:
    """Text and sources that a provider gave for a sample.

    ``finish`` is the provider's own word; ``served_model`` what the reply reported, never merged with the model asked.
    ``search_executed`` is None where the reply does not tell. ``cost`` is None where unknown, never 0 for unknown.
    """

    text: str
    kind: AnswerKind
    finish: str | None = None
    served_model: str | None = None
    citations: tuple[Citation, ...] = ()
    search_requested: bool = False
    search_executed: bool | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: Decimal | None = None
    currency: str | None = None
    cost_basis: str = "unknown"


@dataclass(frozen=True)
class Price:
    """List price of a model on a date: currency per million tokens. From the registry, so it ages: see ``dated``.

    ``search`` is the fee of one search, None where it is not known.
    """

    tokens_in: Decimal
    tokens_out: Decimal
    currency: str
    dated: str
    search: Decimal | None = None


#: what a row's ``proxy`` says where its provider is to be asked without one
DIRECT = "direct"

#: the header that carries a key as ``Bearer KEY``; any other carries the key alone
BEARER = "authorization"


@dataclass(frozen=True)
class Provider:
    """One registry row: who answers, in which dialect, where, with which key, and how its dialect differs.

    ``search`` is merged into the request body when search is on; None where the provider has none in this dialect.
    ``citations`` names the dialect's extractors in order; none named means all. ``error_codes`` maps the body's codes
    to error classes, ``refusal_codes`` are those by which a content filter declines; registry.toml says how they are
    spelled.
    ``think_tags``: reasoning may stand in the text between <think> tags and is no part of the answer. ``locale`` is the
    row's own; an engine has one only where ``{locale}`` stands in ``body`` or ``search``. ``concurrency``
    is the number of calls in flight per process, ``requests_per_minute`` the most that may begin in a minute, None
    where no limit is known; the caller keeps to both. ``rounds`` is the most follow-ups of one attempt.
    ``total_s`` is the limit of one whole attempt, its rounds included, ``first_byte_s`` that of the time from a request
    to the head of its reply, None for a share of ``total_s``.
    ``proxy``: DIRECT for none, an address for that one, None for the one that this machine uses.
    ``verified`` is false where the row rests on documentation and no real reply has been seen.
    """

    name: str
    title: str
    dialect: str
    base_url: str
    model: str | None
    key_env: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    search: Mapping[str, Any] | None = None
    search_default: bool = False
    citations: tuple[str, ...] = ()
    error_codes: Mapping[str, ErrorClass] = field(default_factory=lambda: MappingProxyType({}))
    prices: Mapping[str, Price] = field(default_factory=lambda: MappingProxyType({}))
    concurrency: int = 16
    total_s: float = 180.0
    verified: bool = False
    refusal_codes: tuple[str, ...] = ()
    think_tags: bool = False
    locale: str | None = None
    key_header: str = BEARER
    rounds: int = 0
    requests_per_minute: int | None = None
    proxy: str | None = None
    first_byte_s: float | None = None


@dataclass(frozen=True)
class Call:
    """One HTTP request without its key: ``ask`` adds the key and sends it."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """What came back over HTTP, as bytes. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Dialect(Protocol):
    """A wire format: pure functions."""

    def call(self, provider: Provider, engine: EngineRef, prompt: str, system: str | None = None) -> Call:
        """The request that puts this prompt, byte for byte, to this engine, under a system text where one is given."""

    def read(self, provider: Provider, engine: EngineRef, reply: Reply) -> Answer | ProviderError:
        """What the reply says. Any bytes give one or the other, and nothing is raised.

        In a DialectInRounds the body may also be a JSON array: the bodies of all rounds of an attempt, in their order.
        """


@runtime_checkable
class DialectInRounds(Dialect, Protocol):
    """A wire format in which a provider may pause, and goes on when it is sent back what it said."""

    def follow_up(self, provider: Provider, engine: EngineRef, call: Call, reply: Reply) -> Call | None:
        """The next request; None where the reply, which ``call`` brought, is final or an error. Nothing is raised."""


@dataclass(frozen=True)
class Outcome:
    """One attempt, whichever way it ended: exactly one of ``answer`` and ``error`` is set.

    ``request`` is the body that was sent first, without key or headers; ``raw`` what came back: the reply's body as it
    came, for an answer of several rounds a JSON array of their bodies, None when there was no reply. ``posts`` is the
    number of HTTP requests.
    """

    answer: Answer | None
    error: ProviderError | None
    latency_ms: int
    request: Mapping[str, Any]
    raw: bytes | None = None
    http_status: int | None = None
    posts: int = 1

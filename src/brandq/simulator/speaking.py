"""Speaker, Asked, Said, Trouble: what an endpoint hears, and how its provider spells an answer and an error.

Each provider's endpoint is a module with one Speaker; what all of them do alike stands in ``faults`` and the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from brandq.simulator.assistants import Page, seed

Json = Mapping[str, Any]


class Wrong(Exception):
    """A request that the provider refuses: in which words, under which of its codes, and because of which field."""

    def __init__(self, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


class WrongKey(Wrong):
    """A key that does not stand where the provider looks for it."""


@dataclass(frozen=True)
class Heard:
    """What a request asks for, once it has passed the provider's checks."""

    model: str
    prompt: str
    search: bool = False


@dataclass(frozen=True)
class Asked:
    """One call as it arrived, numbered from 1 among those of the same model and prompt.

    ``seconds`` is the wait of a Retry-After, where its fault is due.
    """

    request: Request
    body: Json
    speaker: Speaker
    model: str
    prompt: str
    search: bool
    number: int
    seconds: float | None = None

    @property
    def id(self) -> str:
        return f"simulated-{seed(self.model, self.prompt, self.number):016x}"


@dataclass(frozen=True)
class Said:
    """What an assistant says: its text, why it ended (stop, length or filter), and the pages that a search found.

    ``refused``: the text declines to answer. Where a dialect has no place for that, it is a text like any other.
    """

    text: str
    end: str = "stop"
    refused: bool = False
    found: tuple[Page, ...] = ()


@dataclass(frozen=True)
class Trouble:
    """An error as a provider tells it. Which of ``code``, ``kind`` and ``param`` it sends is the Speaker's to know."""

    status: int
    message: str
    code: str | None = None
    kind: str | None = None
    param: str | None = None


#: how a fault looks at one provider: an error, or a body under HTTP 200
Form = Trouble | Callable[[Asked], Json]


@dataclass(frozen=True)
class Speaker:
    """How one provider hears and speaks.

    ``hear`` checks a request and raises Wrong; ``say`` and ``error`` give the bodies of an answer and of an error.
    ``wrong`` is its error for a bad request, ``garbled`` its code for one that is no JSON object. ``forms`` are the
    faults that it has a form for. ``step`` is what it says before it answers, None when the answer is due.
    """

    paths: tuple[str, ...]
    hear: Callable[[Json, Request], Heard]
    say: Callable[[Asked, Said], Json]
    error: Callable[[Trouble], Json]
    wrong: Trouble
    forms: Mapping[str, Form]
    garbled: str | None = None
    step: Callable[[Asked], Json | None] = field(default=lambda asked: None)

    def trouble(self, name: str) -> Trouble:
        """Its error for this fault; its plain bad request where that is no error of its own."""
        form = self.forms.get(name)
        return form if isinstance(form, Trouble) else self.wrong


def spelled(speaker: Speaker, trouble: Trouble, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The error as this provider sends it; its words say that it is simulated."""
    told = Trouble(trouble.status, f"simulated: {trouble.message}", trouble.code, trouble.kind, trouble.param)
    return JSONResponse(dict(speaker.error(told)), told.status, headers)


def tokens(asked: Asked, text: str) -> tuple[int, int]:
    """Tokens in and out; here a token is a character."""
    return len(asked.prompt), len(text)

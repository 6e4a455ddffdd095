"""What holds for whatever a dialect reads, in any dialect; and the replies in ``replies/``, with all that may break in one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brandq.providers.dialect import Answer, AnswerKind, ProviderError, Reply

REPLIES = Path(__file__).with_name("replies")

#: the steps from a document's top to one of its parts
Steps = tuple[str | int, ...]


def check(outcome: object, *, most_cost: int = 1_000_000) -> None:
    """An answer or an error that can be stored: bounded, without what a database refuses, with spans inside the text."""
    if isinstance(outcome, ProviderError):
        assert len(outcome.message) <= 200
        outcome.message.encode()
        assert "\0" not in outcome.message
        assert outcome.wait_ms is None or 0 <= outcome.wait_ms <= 24 * 3600 * 1000
        assert outcome.wait_ms is None or outcome.ask_again
        return
    assert isinstance(outcome, Answer)
    for text in (outcome.text, outcome.finish or "", outcome.served_model or ""):
        text.encode()
        assert "\0" not in text
    assert outcome.cost is None or 0 <= outcome.cost < most_cost
    assert (outcome.cost is None) == (outcome.currency is None)
    assert len({citation.url for citation in outcome.citations}) == len(outcome.citations)
    for citation in outcome.citations:
        citation.url.encode()
        assert citation.url.lower().startswith(("http://", "https://"))
        assert (citation.start is None) == (citation.end is None)
        if citation.start is not None and citation.end is not None:
            assert 0 <= citation.start < citation.end <= len(outcome.text)
            assert citation.via != "text" or citation.url in outcome.text[citation.start : citation.end]
    for count in (outcome.tokens_in, outcome.tokens_out):
        assert count is None or 0 <= count < 2**31


def usable(outcome: object) -> bool:
    """Whether the outcome would enter a denominator."""
    return isinstance(outcome, Answer) and outcome.kind is AnswerKind.OK


# -- recorded shapes


@dataclass(frozen=True)
class Recorded:
    """One file of ``replies/``, named ROW-WHAT.json: ``{"status", "headers", "body"}``; without headers there are none.

    With ``"stream": true`` the body is the list of the events that came, in their order.
    """

    name: str
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False

    @property
    def row(self) -> str:
        return self.name.partition("-")[0]

    def reply(self) -> Reply:
        return Reply(self.status, self.headers, self._spelled(self.body, ensure_ascii=False))

    def saying(self, body: Any) -> Reply:
        """With another body in its place, in which even half a character may stand: as an escape."""
        return Reply(self.status, self.headers, self._spelled(body))

    def _spelled(self, body: Any, **how: Any) -> bytes:
        if not self.stream:
            return json.dumps(body, **how).encode()
        events = (event if event == "[DONE]" else json.dumps(event, **how) for event in body)
        return "".join(f"event: any\ndata: {event}\n\n" for event in events).encode()


def recorded() -> dict[str, Recorded]:
    """Every file of ``replies/`` by its name without .json."""
    found = {}
    for path in sorted(REPLIES.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        known = {"status", "headers", "body", "stream"}
        assert set(document) <= known, f"{path.name}: only {', '.join(sorted(known))} are known"
        found[path.stem] = Recorded(path.stem, **document)
    return found


# -- what may be wrong in one place


def parts(document: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Every part below the top of a JSON document, with the steps to it; an object or list before what it holds."""
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document if isinstance(document, list) else [])
    )
    for step, part in inside:
        yield (*steps, step), part
        yield from parts(part, (*steps, step))


def leaves(document: Any) -> dict[Steps, Any]:
    """The parts that hold no other."""
    return {steps: part for steps, part in parts(document) if not (isinstance(part, dict | list) and part)}


GONE = object()


def _doubled(part: Any) -> Any:
    """Said twice: a text or list goes on with itself, a number is twice as large, anything else stands in a list twice."""
    doubles = isinstance(part, str | list | int | float) and not isinstance(part, bool)
    return part * 2 if doubles else [part, part]


#: what may stand where a part is expected
FAULTS: Mapping[str, Callable[[Any], Any]] = {
    "deleted": lambda _: GONE,
    "null": lambda _: None,
    "true": lambda _: True,
    "number": lambda _: 7,
    "negative number": lambda _: -1,
    "fraction": lambda _: 0.5,
    "huge number": lambda _: 10**40,
    "empty text": lambda _: "",
    "text": lambda _: "see [1] and https://other.example/x",
    "text that no database takes": lambda _: "\0\ud800",
    "empty list": lambda _: [],
    "list": lambda _: ["https://other.example/y", {"url": "https://other.example/y"}, None, 1],
    "empty object": lambda _: {},
    "object": lambda _: {"url": "https://other.example/z", "text": "Alpha", "code": "x"},
    "doubled": _doubled,
}


def put(document: Any, steps: Steps, part: Any) -> Any:
    """A copy of the document with this part there, or with nothing there where the part is GONE."""
    copy = deepcopy(document)
    holder = copy
    for step in steps[:-1]:
        holder = holder[step]
    if part is GONE:
        del holder[steps[-1]]
    else:
        holder[steps[-1]] = part
    return copy


def broken(document: Any) -> Iterator[tuple[str, Any]]:
    """The document with one fault in one of its parts, for every part and every fault; and where and what it is."""
    for steps, part in parts(document):
        for name, fault in FAULTS.items():
            yield f"{name} at {'.'.join(map(str, steps))}", put(document, steps, fault(part))

"""The openai-responses dialect: POST {base_url}/responses, one JSON back: a list of what was done, step by step.

A reply lists its steps in ``output``: reasoning, searches and messages. The messages hold the text, with a mark for
each source that a stretch of it rests on; the searches hold what was found on the way, whether it was used or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from brandq.plan import EngineRef
from brandq.providers.bodies import Json, count, dicts, parsed
from brandq.providers.dialect import (
    Answer,
    AnswerKind,
    Call,
    Citation,
    ErrorClass,
    Provider,
    ProviderError,
    Reply,
)
from brandq.providers.replies import (
    cost_of,
    filled,
    headers_of,
    model_name,
    not_of_dialect,
    numbered,
    opened,
    without_thinking,
)
from brandq.providers.sources import merged, text_citations, title_of, web_address
from brandq.providers.trouble import provider_error, storable

DEFAULT_PATH = "/responses"

#: states in which a reply holds no answer, or not yet; whatever text came is none
_BREAKING = frozenset({"failed", "cancelled", "queued", "in_progress"})
#: ``requires_action``: it waits for a tool that nobody runs here, so the answer is not there
_CUTTING = frozenset({"incomplete", "requires_action"})
_REFUSING = frozenset({"content_filter", "sensitive", "refusal", "safety"})

#: stands between two messages, so that the last word of one and the first of the next stay two
_BETWEEN_MESSAGES = "\n\n"

#: what one maker adds to each URL that it cites, and leaves out where it lists what it found
_MAKERS_MARK = re.compile(r"\?utm_source=openai(?=#|\Z)|(?<=\?)utm_source=openai&|&utm_source=openai(?=[&#]|\Z)")


@dataclass(frozen=True)
class _Part:
    """A stretch of the answer's text: where it begins, and the marks on it, whose offsets count from there."""

    start: int
    text: str
    annotations: object = None


def call(provider: Provider, engine: EngineRef, prompt: str, system: str | None = None) -> Call:
    """The request: the prompt byte for byte as the whole input, and nothing that shapes the answer but the row's own.

    Instructions only where the caller gives a system text, and no sampling fields: reasoning models refuse them.
    """
    body: dict[str, Any] = dict(filled(provider.body, engine.locale))
    if engine.search:
        body.update(filled(provider.search or {}, engine.locale))
    body.update(model=engine.model, input=prompt)
    if system is not None:
        body["instructions"] = system
    return Call(provider.base_url.rstrip("/") + (provider.path or DEFAULT_PATH), headers_of(provider), body)


def read(provider: Provider, engine: EngineRef, reply: Reply) -> Answer | ProviderError:
    """What the reply says. Any bytes give an Answer or a ProviderError, and nothing is raised."""
    document = opened(provider, engine, reply)
    if not isinstance(document, dict):
        return document
    state = document.get("status")
    if isinstance(state, str) and state in _BREAKING:
        return provider_error(provider, engine, ErrorClass.OVERLOADED, f"ended as {state!r}", reply=reply)
    if not isinstance(document.get("output"), list):
        return not_of_dialect(provider, engine, reply, "a list of output")
    return _answer(provider, engine, document)


def _answer(provider: Provider, engine: EngineRef, document: Json) -> Answer:
    finish = _finish(document)
    parts, declined = _said(document)
    whole = "".join(part.text for part in parts)
    text = without_thinking(whole) if provider.think_tags else whole
    if text != whole:
        parts = [_Part(0, text, part.annotations) for part in parts]
    citations, sourced = _citations(provider, document, parts, text, shifted=text != whole)
    searches = _searches(document)
    executed = _executed(engine, document, searches, sourced=sourced)
    usage = document.get("usage")
    tokens = _tokens(usage)
    cost, currency, basis = cost_of(provider, engine, [usage], tokens, executed, searches)
    return Answer(
        text=text if text.strip() else declined or text,
        kind=_kind(document, finish, text, declined),
        finish=finish,
        served_model=model_name(document.get("model")),
        citations=citations,
        search_requested=engine.search,
        search_executed=executed,
        tokens_in=tokens[0],
        tokens_out=tokens[1],
        cost=cost,
        currency=currency,
        cost_basis=basis,
    )


def _finish(document: Json) -> str | None:
    """The provider's own word for the end: the reason where it is incomplete, else the status."""
    details = document.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    for word in (reason, document.get("status")):
        if isinstance(word, str) and word:
            return storable(word)[:100]
    return None


def _kind(document: Json, finish: str | None, text: str, declined: str) -> AnswerKind:
    if (finish or "").casefold() in _REFUSING or declined.strip():
        return AnswerKind.REFUSED
    state = document.get("status")
    if isinstance(state, str) and state in _CUTTING:
        return AnswerKind.TRUNCATED
    return AnswerKind.OK if text.strip() else AnswerKind.EMPTY


# -- text


def _said(document: Json) -> tuple[list[_Part], str]:
    """The parts of the text in order, and the words of an explicit refusal. Reasoning is no part of either."""
    parts: list[_Part] = []
    refusals: list[str] = []
    begun = 0
    for contents in _messages(document):
        fresh = bool(parts)
        for content in contents:
            refusal = content.get("refusal")
            if isinstance(refusal, str):
                refusals.append(refusal)
            text = content.get("text")
            if not isinstance(text, str) or not text or content.get("type") not in ("output_text", "text", None):
                continue
            if fresh:
                parts.append(_Part(begun, _BETWEEN_MESSAGES))
                begun += len(_BETWEEN_MESSAGES)
                fresh = False
            parts.append(_Part(begun, storable(text), content.get("annotations")))
            begun += len(text)
    return parts, storable("".join(refusals))


def _messages(document: Json) -> Iterator[list[Json]]:
    """The contents of each message that is part of the answer.

    What is said on the way there ("let me look that up") is none where the answer itself follows.
    """
    items = dicts(document.get("output"))
    messages = [item for item in items if item.get("type") == "message"]
    for message in [item for item in messages if item.get("phase") != "commentary"] or messages:
        content = message.get("content")
        yield [{"text": content}] if isinstance(content, str) else dicts(content)
    if not messages:  # 豆包's app, called as a tool, answers in blocks
        for item in items:
            blocks = dicts(item.get("blocks")) if item.get("type") == "doubao_app_call" else []
            yield [block for block in blocks if block.get("type") == "output_text"]


# -- sources


def _citations(
    provider: Provider, document: Json, parts: Sequence[_Part], text: str, *, shifted: bool
) -> tuple[tuple[Citation, ...], bool]:
    """The sources, one per URL, and whether the reply gave any outside of the text."""
    found = [
        citation for name in provider.citations or EXTRACTORS for citation in EXTRACTORS[name](document, parts, text)
    ]
    if shifted:
        found = [replace(citation, start=None, end=None) for citation in found]
    linked = text_citations(text)
    # a page that was found under one spelling of its URL and cited under another is not "only retrieved"
    spelled = {_page(citation.url): citation.url for citation in reversed([*found, *linked]) if citation.cited}
    known = [
        citation if citation.cited else replace(citation, url=spelled.get(_page(citation.url), citation.url))
        for citation in found
    ]
    return merged([*known, *linked]), bool(found)


def _page(url: str) -> str:
    return _MAKERS_MARK.sub("", url).rstrip("/")


def _annotations(document: Json, parts: Sequence[_Part], text: str) -> Iterator[Citation]:
    for part in parts:
        for annotation in dicts(part.annotations):
            nested = annotation.get("url_citation")
            fields = nested if isinstance(nested, dict) else annotation
            url = web_address(fields.get("url"))
            if not url:
                continue
            start, end = (count(fields.get(name)) for name in ("start_index", "end_index"))
            inside = start is not None and end is not None and start < end <= len(part.text)
            span = (part.start + (start or 0), part.start + (end or 0)) if inside else (None, None)
            yield Citation(url, title_of(fields.get("title")), True, "annotations", *span)


def _search_results(document: Json, parts: Sequence[_Part], text: str) -> Iterator[Citation]:
    results: list[object] = []
    for item in _items(document, "search_results"):
        results += item["results"] if isinstance(item.get("results"), list) else []
    yield from numbered(results, "search_results", text)
    for item in _items(document, "fetch_url_results"):  # pages that it opened; the text does not count these
        for page in dicts(item.get("contents")):
            url = web_address(page.get("url"))
            if url:
                yield Citation(url, title_of(page.get("title")), None, "fetch_url_results")


def _web_search_call(document: Json, parts: Sequence[_Part], text: str) -> Iterator[Citation]:
    """What was found or opened; what of it the answer rests on is said by the marks on the text."""
    for item in _items(document, "web_search_call"):
        action = item.get("action")
        step: Json = action if isinstance(action, dict) else {}
        arguments = item.get("arguments")  # in place of an action, at one maker: JSON in a text
        opened_page = parsed(arguments.encode("utf-8", "replace")) if isinstance(arguments, str) else arguments
        found = step.get("sources")
        pages = [step, opened_page, *(found if isinstance(found, list) else [])]
        for page in pages:
            fields = page if isinstance(page, dict) else {"url": page}
            url = web_address(fields.get("url"))
            if url:
                yield Citation(url, title_of(fields.get("title")), False, "web_search_call")


def _beside(document: Json, parts: Sequence[_Part], text: str) -> Iterator[Citation]:
    """Lists of sources beside the output, where the older dialect has them and some gateways left them."""
    for name in ("citations", "search_results", "references"):
        yield from numbered(document.get(name), name, text)


def _doubao_app_call(document: Json, parts: Sequence[_Part], text: str) -> Iterator[Citation]:
    cards: list[object] = []
    for block in _app_searches(document):
        for result in dicts(block.get("results")):
            card = result.get("text_card")
            cards.append(card if isinstance(card, dict) else {})  # cards of other kinds are counted by the text as well
    yield from numbered(cards, "doubao_app_call", text)


def _app_searches(document: Json) -> Iterator[Json]:
    for item in _items(document, "doubao_app_call"):
        for block in dicts(item.get("blocks")):
            if block.get("type") in ("search", "reasoning_search"):
                yield block


def _items(document: Json, *types: str) -> list[Json]:
    """The steps of these types that did not fail."""
    return [
        item for item in dicts(document.get("output")) if item.get("type") in types and item.get("status") != "failed"
    ]


EXTRACTORS: Mapping[str, Callable[[Json, Sequence[_Part], str], Iterator[Citation]]] = {
    "annotations": _annotations,
    "search_results": _search_results,
    "web_search_call": _web_search_call,
    "doubao_app_call": _doubao_app_call,
    "beside": _beside,
}


# -- searches and usage

_SEARCH_COUNTS = (
    ("server_side_tool_usage_details", "web_search_calls"),
    ("tool_calls_details", "search_web", "invocation"),
    ("tool_calls_details", "web_search", "invocation"),
    ("tool_usage", "web_search"),
    ("num_search_queries",),
)


def _searches(document: Json) -> int | None:
    """How many searches the reply shows, step by step or as a sum in the usage; None where it shows nothing of either.

    Opening a page that was found is a step of the same type, but no search.
    """
    steps = [item for item in _items(document, "web_search_call", "x_search_call") if _is_search(item)]
    shown = len(steps) + len(_items(document, "search_results")) + len(list(_app_searches(document)))
    counts = []
    for place in _SEARCH_COUNTS:
        value: Any = document.get("usage")
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        counts.append(count(value))
    return max((number for number in (*counts, shown or None) if number is not None), default=None)


def _is_search(item: Json) -> bool:
    action = item.get("action")
    if isinstance(action, dict):
        return action.get("type") in ("search", None)
    name = item.get("name")
    return not isinstance(name, str) or "search" in name


def _executed(engine: EngineRef, document: Json, searches: int | None, *, sourced: bool) -> bool | None:
    """Whether it searched. The output lists every step, so where search was asked for and no step shows, none ran."""
    if sourced or searches or _items(document, "web_search_call", "x_search_call"):
        return True
    return False if searches == 0 or engine.search else None


def _tokens(usage: object) -> tuple[int | None, int | None]:
    """Tokens in and out; reasoning is billed as output and stands inside of it."""
    if not isinstance(usage, dict):
        return None, None
    tokens_in, tokens_out = (
        count(usage.get(name) if usage.get(name) is not None else usage.get(of_chat))
        for name, of_chat in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"))
    )
    return tokens_in, tokens_out

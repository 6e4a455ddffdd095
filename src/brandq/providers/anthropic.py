"""The anthropic dialect: POST {base_url}/v1/messages, one JSON back whose content is a list of blocks.

A cited answer is cut into many text blocks; joined they are the text, and each cited block is a span of it. What a
search found stands in blocks of its own, and a search that failed is such a block too, under HTTP 200.

A long turn comes in rounds: the provider pauses, and goes on where it stopped once it is sent back what it said. The
blocks of all rounds are one content, and what a later round cites an earlier one may have found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from brandq.plan import EngineRef
from brandq.providers.bodies import Json, added, count, dicts, sendable
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
from brandq.providers.replies import cost_of, filled, headers_of, model_name, not_of_dialect, opened, opened_rounds
from brandq.providers.sources import merged, text_citations, title_of, web_address
from brandq.providers.trouble import provider_error, storable

DEFAULT_PATH = "/v1/messages"
#: the one whose sampling fields need not be sent; later ones answer 400 to some that are
VERSION = "2023-06-01"
#: The wire requires a limit. Lists of recommendations take 500 to 2000 tokens, and reasoning counts as well, so this
#: one cuts nobody short; every model allows it, and so long an answer still comes without streaming within ``total_s``.
MAX_TOKENS = 8192

#: the provider paused a long turn and waits to be sent it back; where nobody does, the answer is cut off in the middle
_PAUSE = "pause_turn"
_CUTTING = frozenset({"max_tokens", "model_context_window_exceeded", _PAUSE})
#: the provider broke off in the middle; whatever text came is no answer
_BREAKING = frozenset({"insufficient_system_resource"})

_RESULT = "web_search_tool_result"
#: a page that it read, where a row lets it
_PAGE = "web_fetch_tool_result"


def call(provider: Provider, engine: EngineRef, prompt: str, system: str | None = None) -> Call:
    """The request: the prompt byte for byte as the only message, and nothing that shapes the answer but the row's own.

    A system text only where the caller gives one, and no sampling fields: newer models refuse them.
    """
    body: dict[str, Any] = {
        "model": engine.model,
        "max_tokens": MAX_TOKENS,
        "messages": [{"role": "user", "content": prompt}],
    }
    body.update(filled(provider.body, engine.locale))
    if engine.search:
        body.update(filled(provider.search or {}, engine.locale))
    if system is not None:
        body["system"] = system
    headers = headers_of(provider, **{"anthropic-version": VERSION})
    return Call(provider.base_url.rstrip("/") + (provider.path or DEFAULT_PATH), headers, body)


def read(provider: Provider, engine: EngineRef, reply: Reply) -> Answer | ProviderError:
    """What the reply says. Any bytes give an Answer or a ProviderError, and nothing is raised."""
    rounds = opened_rounds(provider, engine, reply)
    if not isinstance(rounds, list):
        return rounds
    document = rounds[-1]
    if not isinstance(document.get("content"), list):
        return not_of_dialect(provider, engine, reply, "content")
    finish = document.get("stop_reason")
    finish = storable(finish)[:100] or None if isinstance(finish, str) else None
    if finish in _BREAKING:
        return provider_error(provider, engine, ErrorClass.OVERLOADED, f"broke off with {finish!r}", reply=reply)
    return _answer(provider, engine, rounds, finish)


def follow_up(provider: Provider, engine: EngineRef, call: Call, reply: Reply) -> Call | None:
    """The request again with what the paused reply said, unchanged, as the assistant's last message; else None."""
    document = opened(provider, engine, reply)
    if not isinstance(document, dict) or document.get("stop_reason") != _PAUSE:
        return None
    content = document.get("content")
    if not isinstance(content, list) or not content:
        return None  # a message of nothing is refused
    try:
        said = {"role": "assistant", "content": sendable(content)}
    except ValueError:
        return None
    return replace(call, body={**call.body, "messages": [*call.body["messages"], said]})


def _answer(provider: Provider, engine: EngineRef, rounds: list[Json], finish: str | None) -> Answer:
    blocks = [block for document in rounds for block in dicts(document.get("content"))]
    text = "".join(_texts(blocks))
    searches = _searches(rounds)
    executed = _executed(blocks, searches)
    counted = [_tokens(document) for document in rounds]
    tokens = added(sides[0] for sides in counted), added(sides[1] for sides in counted)
    usages = [document.get("usage") for document in rounds]
    cost, currency, basis = cost_of(provider, engine, usages, tokens, executed, searches)
    return Answer(
        text=text,
        kind=_kind(finish, text),
        finish=finish,
        served_model=model_name(rounds[-1].get("model")),
        citations=merged([*_cited(blocks), *_retrieved(blocks), *text_citations(text)]),
        search_requested=engine.search,
        search_executed=executed,
        tokens_in=tokens[0],
        tokens_out=tokens[1],
        cost=cost,
        currency=currency,
        cost_basis=basis,
    )


def _texts(blocks: list[Json]) -> Iterator[str]:
    """What each block adds to the text; reasoning, tools and their results add nothing."""
    for block in blocks:
        text = block.get("text")
        yield storable(text) if block.get("type") == "text" and isinstance(text, str) else ""


def _kind(finish: str | None, text: str) -> AnswerKind:
    if finish == "refusal":
        return AnswerKind.REFUSED
    if finish in _CUTTING:
        return AnswerKind.TRUNCATED
    if not text.strip():
        return AnswerKind.EMPTY
    if finish == "tool_use":
        return AnswerKind.TRUNCATED  # "let me look that up", and then it waited for a tool: the answer is not there
    return AnswerKind.OK


# -- sources


def _cited(blocks: list[Json]) -> Iterator[Citation]:
    """The sources that text blocks cite, each with the span of its block in the whole text."""
    end = 0
    for block, text in zip(blocks, _texts(blocks), strict=True):
        start, end = end, end + len(text)
        for citation in dicts(block.get("citations")) if text else []:
            url = web_address(citation.get("url")) or web_address(citation.get("source"))
            if url:
                yield Citation(url, title_of(citation.get("title")), True, "citations", start, end)


def _retrieved(blocks: list[Json]) -> Iterator[Citation]:
    """What the searches found. The text blocks name those that the answer uses, so by itself this is none of them."""
    for block in blocks:
        for found in dicts(block.get("content")) if block.get("type") == _RESULT else []:
            url = web_address(found.get("url"))
            if url:
                yield Citation(url, title_of(found.get("title")), False, _RESULT)
        page = block.get("content") if block.get("type") == _PAGE else None
        if isinstance(page, dict):
            url, document = web_address(page.get("url")), page.get("content")
            if url:
                title = document.get("title") if isinstance(document, dict) else None
                yield Citation(url, title_of(title), False, _PAGE)


def _searches(rounds: list[Json]) -> int | None:
    """How many searches the rounds count; None where none keeps a count."""
    counts = []
    for document in rounds:
        usage = document.get("usage")
        tools = usage.get("server_tool_use") if isinstance(usage, dict) else None
        counts.append(count(tools.get("web_search_requests")) if isinstance(tools, dict) else None)
    known = [number for number in counts if number is not None]
    return added(known) if known else None


def _executed(blocks: list[Json], searches: int | None) -> bool | None:
    """Whether a search ran. The content holds each one and what came of it: a list, or an object that says why not."""
    results = [block.get("content") for block in blocks if block.get("type") == _RESULT]
    if any(isinstance(result, list) for result in results):
        return True
    if results:
        return None if searches else False  # all failed; a count that says otherwise leaves it open
    if searches:
        return True
    names = [block.get("name") for block in blocks if block.get("type") == "server_tool_use"]
    begun = any(isinstance(name, str) and name.endswith("web_search") for name in names)
    return None if begun else False


# -- usage


def _tokens(document: Json) -> tuple[int | None, int | None]:
    usage = document.get("usage")
    if not isinstance(usage, dict):
        return None, None
    tokens_in = count(usage.get("input_tokens"))
    if tokens_in is not None:  # what went into a cache or came out of it is counted beside it
        cached = (count(usage.get(f"cache_{way}_input_tokens")) for way in ("creation", "read"))
        tokens_in = count(tokens_in + sum(part or 0 for part in cached))
    return tokens_in, count(usage.get("output_tokens"))

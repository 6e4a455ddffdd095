"""The openai-chat dialect: POST {base_url}/chat/completions, one JSON back. Most providers and every gateway speak it.

They differ in where the sources stand, which codes their errors carry and how search is asked for; all of that is in
the provider's row. What only the shape of a reply can tell is here: text, kind, usage, and trouble under HTTP 200.

A search that the provider runs itself may come in rounds: the assistant calls the tool, and goes on once it is sent
back its own arguments. The last round is the answer; what was found and what was used up stands in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from brandq.plan import EngineRef
from brandq.providers.bodies import Json, added, count, dicts, parsed, sendable
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
    opened_rounds,
    refusal,
    without_thinking,
)
from brandq.providers.sources import merged, text_citations, title_of, web_address
from brandq.providers.trouble import provider_error, storable

DEFAULT_PATH = "/chat/completions"
#: Kimi's tool, which Kimi itself runs; the caller only hands it its arguments
WEB_SEARCH = "$web_search"
#: things inside a tool's arguments that are looked at for sources
MAX_ARGUMENTS = 10_000

_REFUSING = frozenset(
    {"content_filter", "sensitive", "refusal", "safety", "moderation", "prohibited_content", "blocklist", "recitation"}
)
_CUTTING = frozenset({"length", "max_tokens", "model_length", "max_output_tokens", "model_context_window_exceeded"})
#: the types of the parts of a message that are the answer; others hold what the model thought, or what it was shown
_SAID = ("text", "output_text", None)
#: the provider broke off in the middle; whatever text came is no answer
_BREAKING = frozenset({"error", "network_error", "insufficient_system_resource"})


def call(provider: Provider, engine: EngineRef, prompt: str, system: str | None = None) -> Call:
    """The request: the prompt byte for byte as the only message, and nothing that shapes the answer but the row's own.

    A system text, as a message before it, only where the caller gives one, and no sampling fields: reasoning models
    refuse them.
    """
    messages = [{"role": "user", "content": prompt}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    body: dict[str, Any] = {"model": engine.model, "messages": messages}
    body.update(filled(provider.body, engine.locale))
    if engine.search:
        body.update(filled(provider.search or {}, engine.locale))
    return Call(provider.base_url.rstrip("/") + (provider.path or DEFAULT_PATH), headers_of(provider), body)


def read(provider: Provider, engine: EngineRef, reply: Reply) -> Answer | ProviderError:
    """What the reply says. Any bytes give an Answer or a ProviderError, and nothing is raised."""
    rounds = opened_rounds(provider, engine, reply)
    if not isinstance(rounds, list):
        return rounds
    document = rounds[-1]
    if "choices" not in document:
        return not_of_dialect(provider, engine, reply, "choices")
    choice = _choice(document)
    if choice is None:
        if _flagged(document):
            return refusal(engine, "sensitive", document)
        return provider_error(provider, engine, ErrorClass.OVERLOADED, "answered with no choice at all", reply=reply)
    return _answer(provider, engine, reply, rounds, choice)


def follow_up(provider: Provider, engine: EngineRef, call: Call, reply: Reply) -> Call | None:
    """The request again with the assistant's message and the arguments of each of its searches, all as they came.

    None where the reply ends in anything else: another tool is one that nobody runs here.
    """
    document = opened(provider, engine, reply)
    choice = _choice(document) if isinstance(document, dict) else None
    if choice is None or choice.get("finish_reason") != "tool_calls":
        return None
    message = choice.get("message")
    called = message.get("tool_calls") if isinstance(message, dict) else None
    if not isinstance(called, list):
        return None
    fed = [said for said in map(_fed, called) if said]
    if not fed or len(fed) < len(called):
        return None
    try:
        messages = [*call.body["messages"], sendable(message), *fed]
    except ValueError:
        return None
    return replace(call, body={**call.body, "messages": messages})


def _fed(tool: object) -> Json | None:
    """The message that gives a search its own arguments back; None for a call of any other tool."""
    if not isinstance(tool, dict) or not _is_search(tool):
        return None
    called, arguments = tool.get("id"), tool["function"].get("arguments")
    if not isinstance(called, str) or not isinstance(arguments, str):
        return None
    return {"role": "tool", "tool_call_id": called, "name": WEB_SEARCH, "content": arguments}


def _is_search(tool: Json) -> bool:
    function = tool.get("function")
    return isinstance(function, dict) and function.get("name") == WEB_SEARCH


def _searching(message: Json) -> list[Json]:
    """The message's calls of the search that the provider runs itself."""
    return [tool for tool in dicts(message.get("tool_calls")) if _is_search(tool)]


def _choice(document: Json) -> Json | None:
    choices = document.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def _answer(
    provider: Provider, engine: EngineRef, reply: Reply, rounds: list[Json], choice: Json
) -> Answer | ProviderError:
    document = rounds[-1]
    finish = choice.get("finish_reason")
    finish = storable(finish)[:100] or None if isinstance(finish, str) else None
    if (finish or "").casefold() in _BREAKING:
        return provider_error(provider, engine, ErrorClass.OVERLOADED, f"broke off with {finish!r}", reply=reply)
    message = _message(choice)
    content, declined = _content(message)
    text = without_thinking(content) if provider.think_tags else content
    citations, sourced = _citations(provider, rounds, text, shifted=text != content)
    searches = _searches(rounds)
    executed = True if sourced or searches else (False if searches == 0 else None)
    counted = [_tokens(one) for one in rounds]
    tokens = added(sides[0] for sides in counted), added(sides[1] for sides in counted)
    usages = [one.get("usage") for one in rounds]
    cost, currency, basis = cost_of(provider, engine, usages, tokens, executed, searches)
    return Answer(
        text=text if text.strip() else declined or text,
        kind=_kind(finish, text, declined, document, choice, message),
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


def _message(choice: Json) -> Json:
    message = choice.get("message")
    if isinstance(message, dict):
        return message
    several = choice.get("messages")  # the rounds of a search that ran at the provider; the last one answers
    last = several[-1] if isinstance(several, list) and several else choice.get("delta")
    return last if isinstance(last, dict) else {}


def _content(message: Json) -> tuple[str, str]:
    """The text, and the words of an explicit refusal. Reasoning is no part of either."""
    content = message.get("content")
    refusal = message.get("refusal")
    texts: list[str] = []
    refusals: list[str] = [refusal] if isinstance(refusal, str) else []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str) and part.get("type") in _SAID:
            texts.append(part["text"])
        elif isinstance(part, dict) and isinstance(part.get("refusal"), str):
            refusals.append(part["refusal"])
    return storable("".join(texts)), storable("".join(refusals))


def _flagged(document: Json) -> bool:
    return document.get("input_sensitive") is True or document.get("output_sensitive") is True


def _kind(finish: str | None, text: str, declined: str, document: Json, choice: Json, message: Json) -> AnswerKind:
    ended = (finish or "").casefold()
    if ended in _REFUSING or declined.strip():
        return AnswerKind.REFUSED
    if not text.strip() and (_flagged(document) or choice.get("moderation_hit_type")):
        return AnswerKind.REFUSED
    if ended in _CUTTING or (ended == "tool_calls" and _searching(message)):
        return AnswerKind.TRUNCATED  # of a search that was to go on, too: with or without words, it is not over
    if not ended and isinstance(choice.get("delta"), dict):
        return AnswerKind.TRUNCATED  # one piece of a stream, and not its last
    if not text.strip():
        return AnswerKind.EMPTY
    if ended == "tool_calls" and message.get("tool_calls"):
        return AnswerKind.TRUNCATED  # "let me look that up", and then it waited for a tool: the answer is not there
    return AnswerKind.OK


# -- sources


def _citations(
    provider: Provider, rounds: list[Json], text: str, *, shifted: bool
) -> tuple[tuple[Citation, ...], bool]:
    """The sources of all rounds, one per URL, and whether the replies gave any outside of the text."""
    found: list[Citation] = []
    messages = [_message(_choice(document) or {}) for document in rounds]
    for name in provider.citations or EXTRACTORS:
        for document, message in zip(rounds, messages, strict=True):
            for citation in EXTRACTORS[name](document, message, text):
                inside = citation.start is not None and citation.end is not None and not shifted
                # offsets of an earlier round count in a text of its own
                inside = inside and document is rounds[-1]
                if not inside or not 0 <= (citation.start or 0) < (citation.end or 0) <= len(text):
                    citation = replace(citation, start=None, end=None)
                found.append(citation)
    return merged([*found, *text_citations(text)]), bool(found)


def _annotations(document: Json, message: Json, text: str) -> Iterator[Citation]:
    for annotation in dicts(message.get("annotations")):
        nested = annotation.get("url_citation")
        fields = nested if isinstance(nested, dict) else annotation
        url = web_address(fields.get("url"))
        if url:
            start, end = (count(fields.get(name)) for name in ("start_index", "end_index"))
            # 0 to 0 is how a provider without spans fills the two fields
            span = (start, end) if start is not None and end else (None, None)
            yield Citation(url, title_of(fields.get("title")), True, "annotations", *span)


def _listed(path: str) -> Callable[[Json, Json, str], Iterator[Citation]]:
    """An extractor for a list of sources that the text points at by number."""
    names = path.split(".")

    def extract(document: Json, message: Json, text: str) -> Iterator[Citation]:
        for place in (document, message):  # some gateways put it beside the text instead of beside the choices
            items: Any = place
            for name in names:
                items = items.get(name) if isinstance(items, dict) else None
            if items is not None:
                yield from numbered(items, path, text)

    return extract


def _executed_tools(document: Json, message: Json, text: str) -> Iterator[Citation]:
    for tool in dicts(message.get("executed_tools")):
        found = tool.get("search_results")
        yield from numbered(found.get("results") if isinstance(found, dict) else found, "executed_tools", text)


def _tool_arguments(document: Json, message: Json, text: str) -> Iterator[Citation]:
    """What stands anywhere inside the arguments of a search; nothing says which of it the answer uses."""
    looked_at = 0
    for tool in _searching(message):
        arguments = tool["function"].get("arguments")
        inside = [parsed(arguments.encode("utf-8", "replace"))] if isinstance(arguments, str) else []
        while inside and looked_at < MAX_ARGUMENTS:
            looked_at += 1
            thing = inside.pop()
            if isinstance(thing, dict):
                url = web_address(thing.get("url")) or web_address(thing.get("link"))
                if url:
                    yield Citation(url, title_of(thing.get("title")), None, "tool_arguments")
            if isinstance(thing, dict | list):
                inside += reversed([*thing.values()] if isinstance(thing, dict) else thing)


EXTRACTORS: Mapping[str, Callable[[Json, Json, str], Iterator[Citation]]] = {
    "annotations": _annotations,
    "citations": _listed("citations"),
    "search_results": _listed("search_results"),
    "search_info": _listed("search_info.search_results"),
    "web_search": _listed("web_search"),
    "references": _listed("references"),
    "executed_tools": _executed_tools,
    "tool_arguments": _tool_arguments,
}


def _searches(rounds: list[Json]) -> int | None:
    """How many searches the rounds count in their usage or show as calls; None where there is neither.

    One that is called in a round may be counted in the usage of the next, so the two are not added.
    """
    known = [number for number in map(_counted, rounds) if number is not None]
    called = sum(len(_searching(_message(_choice(document) or {}))) for document in rounds)
    counted = added(known) if known else None
    return max(counted or 0, called) if counted is not None or called else None


def _counted(document: Json) -> int | None:
    """How many searches the reply counts; None where it keeps no count."""
    usage = document.get("usage")
    places = [
        ("server_tool_use_details", "web_search_requests"),
        ("server_tool_use", "web_search_requests"),
        ("num_search_queries",),
        ("num_sources_used",),
        ("plugins", "search", "count"),
    ]
    counts = []
    for place in places:
        value: Any = usage
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        counts.append(count(value))
    bot_usage = document.get("bot_usage")
    if isinstance(bot_usage, dict) and isinstance(bot_usage.get("action_usage"), list):
        counts.append(sum(count(action.get("count")) or 0 for action in dicts(bot_usage["action_usage"])))
    return max((count for count in counts if count is not None), default=None)


# -- usage and cost


def _tokens(document: Json) -> tuple[int | None, int | None]:
    usage = document.get("usage")
    if not isinstance(usage, dict):
        usage = (_choice(document) or {}).get("usage")  # where one provider puts it when it streams
    bot_usage = document.get("bot_usage")
    if not isinstance(usage, dict) and isinstance(bot_usage, dict):
        parts = [_counts(part) for part in dicts(bot_usage.get("model_usage"))]
        sums = [sum(part[side] or 0 for part in parts) for side in (0, 1)]
        return (count(sums[0]), count(sums[1])) if parts else (None, None)
    return _counts(usage) if isinstance(usage, dict) else (None, None)


def _counts(usage: Json) -> tuple[int | None, int | None]:
    tokens_in, tokens_out, total = (
        count(usage.get(name) if usage.get(name) is not None else usage.get(other))
        for name, other in (
            ("prompt_tokens", "input_tokens"),
            ("completion_tokens", "output_tokens"),
            ("total_tokens", ""),
        )
    )
    details = usage.get("completion_tokens_details")
    reasoning = count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    # reasoning is billed as output; whether it stands inside completion_tokens shows in the sum
    if tokens_in is not None and tokens_out is not None and reasoning and total == tokens_in + tokens_out + reasoning:
        tokens_out = total - tokens_in
    return tokens_in, tokens_out

"""The openai-chat dialect: POST {base_url}/chat/completions, one JSON back. Most providers and every gateway speak it.

They differ in where the sources stand, which codes their errors carry and how search is asked for; all of that is in
the provider's row. What only the shape of a reply can tell is here: text, kind, usage, and trouble under HTTP 200.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from brandq.plan import EngineRef
from brandq.providers.bodies import PLACES, Garbled, Json, amount, codes_in, count, dicts, parsed, words_in
from brandq.providers.dialect import (
    LOCALE,
    Answer,
    AnswerKind,
    Call,
    Citation,
    ErrorClass,
    Price,
    Provider,
    ProviderError,
    Reply,
)
from brandq.providers.sources import merged, numbers_in, text_citations, title_of, web_address
from brandq.providers.trouble import class_of, provider_error, storable

DEFAULT_PATH = "/chat/completions"

_REFUSING = frozenset({"content_filter", "sensitive", "refusal", "safety", "moderation", "prohibited_content"})
_CUTTING = frozenset({"length", "max_tokens", "model_length", "max_output_tokens", "model_context_window_exceeded"})
#: the provider broke off in the middle; whatever text came is no answer
_BREAKING = frozenset({"error", "network_error", "insufficient_system_resource"})

_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)


def call(provider: Provider, engine: EngineRef, prompt: str) -> Call:
    """The request: the prompt byte for byte as the only message, and nothing that shapes the answer but the row's own.

    No system text and no sampling fields: a buyer sends none, and reasoning models refuse them.
    """
    body: dict[str, Any] = {"model": engine.model, "messages": [{"role": "user", "content": prompt}]}
    body.update(_filled(provider.body, engine.locale))
    if engine.search:
        body.update(_filled(provider.search or {}, engine.locale))
    headers = {"content-type": "application/json", "accept": "application/json", **provider.headers}
    return Call(provider.base_url.rstrip("/") + (provider.path or DEFAULT_PATH), headers, body)


def _filled(template: Any, locale: str | None) -> Any:
    """The template with ``{locale}`` replaced; a field that needs a locale goes unsent where the engine has none."""
    if isinstance(template, Mapping):
        filled = {name: _filled(value, locale) for name, value in template.items()}
        return {name: value for name, value in filled.items() if value is not None}
    if isinstance(template, list | tuple):
        return [filled for filled in (_filled(item, locale) for item in template) if filled is not None]
    return locale if template == LOCALE else template


def read(provider: Provider, engine: EngineRef, reply: Reply) -> Answer | ProviderError:
    """What the reply says. Any bytes give an Answer or a ProviderError, and nothing is raised."""
    if 300 <= reply.status < 400:
        words = "not followed, for it would carry the key elsewhere; check base_url"
        where = f"HTTP {reply.status} redirects from {provider.base_url} to {reply.headers.get('location', 'nowhere')}"
        return provider_error(provider, engine, ErrorClass.BAD_REQUEST, where[:110], words, reply)
    document = parsed(reply.body)
    if isinstance(document, list) and len(document) == 1:
        document = document[0]  # how some gateways wrap an error
    if not isinstance(document, dict):
        return _unreadable(provider, engine, reply, document)
    trouble = _trouble(document, reply.status)
    if trouble:
        return _sorted_out(provider, engine, reply, *trouble)
    if "choices" not in document:
        what = f"JSON without choices from {provider.base_url}, so not of the openai-chat dialect"
        words = "check base_url, path and dialect of this row"
        return provider_error(provider, engine, ErrorClass.BAD_REQUEST, what, words, reply)
    choices = document["choices"]
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        if _flagged(document):
            return _refusal(engine, "sensitive", document)
        return provider_error(provider, engine, ErrorClass.OVERLOADED, "answered with no choice at all", reply=reply)
    return _answer(provider, engine, reply, document, choices[0])


def _unreadable(provider: Provider, engine: EngineRef, reply: Reply, document: object) -> Answer | ProviderError:
    what = str(document) if isinstance(document, Garbled) else "JSON that is no object"
    if reply.status >= 400:
        return _sorted_out(provider, engine, reply, [], what)
    return provider_error(provider, engine, ErrorClass.NETWORK, f"HTTP {reply.status} with {what}", reply=reply)


def _trouble(document: Json, status: int) -> tuple[list[str], str] | None:
    """The codes, most telling first, and the words of an error in the body; None where it holds no error."""
    choices = document.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    error = document.get("error") or first.get("error")
    if isinstance(error, dict) and not any(error.values()):
        error = None  # an empty form, filled in by gateways that always send all fields
    if error:
        return codes_in(error, document), words_in(error) or words_in(document)
    base = document.get("base_resp")
    code = base.get("status_code") if isinstance(base, dict) else None
    if code and isinstance(code, str | int) and code != "0":
        return codes_in({"code": code}, {}), words_in(base)
    for name in ("error_code", "code"):
        code = document.get(name)
        counts = isinstance(code, str | int) and not isinstance(code, bool) and str(code) not in ("", "0", "200")
        # a word as code says nothing where an answer stands beside it; a number other than 0 does
        if counts and (not first or str(code).lstrip("-").isdecimal()):
            return codes_in(document, {}), words_in(document)
    if status >= 400 or document.get("object") == "error":
        return codes_in(document, {}), words_in(document)
    return None


def _sorted_out(
    provider: Provider, engine: EngineRef, reply: Reply, codes: list[str], words: str
) -> Answer | ProviderError:
    meant = class_of(provider, reply.status, codes, words)
    code = next((code for code in codes if code not in (words, str(reply.status))), "")
    if meant is None:
        return _refusal(engine, code or f"HTTP {reply.status}", {})
    return provider_error(provider, engine, meant, f"HTTP {reply.status} {code[:60]}".strip(), words, reply)


def _refusal(engine: EngineRef, finish: str, document: Json) -> Answer:
    """A filter declined before the assistant said anything: a measurement, and so an answer, of no text."""
    model = document.get("model")
    return Answer(
        "",
        AnswerKind.REFUSED,
        finish[:100],
        storable(model)[:200] if isinstance(model, str) and model else None,
        search_requested=engine.search,
    )


def _answer(
    provider: Provider, engine: EngineRef, reply: Reply, document: Json, choice: Json
) -> Answer | ProviderError:
    finish = choice.get("finish_reason")
    finish = storable(finish)[:100] or None if isinstance(finish, str) else None
    if (finish or "").casefold() in _BREAKING:
        return provider_error(provider, engine, ErrorClass.OVERLOADED, f"broke off with {finish!r}", reply=reply)
    message = _message(choice)
    content, declined = _content(message)
    text = _without_thinking(content) if provider.think_tags else content
    model = document.get("model")
    citations, sourced = _citations(provider, document, message, text, shifted=text != content)
    searches = _searches(document)
    executed = True if sourced or searches else (False if searches == 0 else None)
    tokens_in, tokens_out = _tokens(document)
    cost, currency, basis = _cost(provider, engine, document, (tokens_in, tokens_out), executed, searches)
    return Answer(
        text=text if text.strip() else declined or text,
        kind=_kind(finish, text, declined, document, choice, message),
        finish=finish,
        served_model=storable(model)[:200] if isinstance(model, str) and model else None,
        citations=citations,
        search_requested=engine.search,
        search_executed=executed,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=cost,
        currency=currency,
        cost_basis=basis,
    )


def _message(choice: Json) -> Json:
    message = choice.get("message")
    if isinstance(message, dict):
        return message
    several = choice.get("messages")  # the rounds of a search that ran at the provider; the last one answers
    last = several[-1] if isinstance(several, list) and several else None
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
        elif isinstance(part, dict) and isinstance(part.get("text"), str) and part.get("type") != "thinking":
            texts.append(part["text"])
        elif isinstance(part, dict) and isinstance(part.get("refusal"), str):
            refusals.append(part["refusal"])
    return storable("".join(texts)), storable("".join(refusals))


def _without_thinking(text: str) -> str:
    """The text after its reasoning; a block that never ends means that the length limit fell inside it."""
    begun, ended = text.find("<think>"), text.find("</think>")
    if ended >= 0 and not 0 <= begun < ended:
        text = text[ended + len("</think>") :]  # some servers leave the opening tag in the prompt
    return _THINKING.sub("", text).strip()


def _flagged(document: Json) -> bool:
    return document.get("input_sensitive") is True or document.get("output_sensitive") is True


def _kind(finish: str | None, text: str, declined: str, document: Json, choice: Json, message: Json) -> AnswerKind:
    ended = (finish or "").casefold()
    if ended in _REFUSING or declined.strip():
        return AnswerKind.REFUSED
    if not text.strip() and (_flagged(document) or choice.get("moderation_hit_type")):
        return AnswerKind.REFUSED
    if ended in _CUTTING:
        return AnswerKind.TRUNCATED
    if not text.strip():
        return AnswerKind.EMPTY
    if ended == "tool_calls" and message.get("tool_calls"):
        return AnswerKind.TRUNCATED  # "let me look that up", and then it waited for a tool: the answer is not there
    return AnswerKind.OK


# -- sources


def _citations(
    provider: Provider, document: Json, message: Json, text: str, *, shifted: bool
) -> tuple[tuple[Citation, ...], bool]:
    """The sources, one per URL, and whether the reply gave any outside of the text."""
    found: list[Citation] = []
    for name in provider.citations or EXTRACTORS:
        found += EXTRACTORS[name](document, message, text)
    sourced = bool(found)
    for number, citation in enumerate(found):
        inside = citation.start is not None and citation.end is not None and not shifted
        if not inside or not 0 <= (citation.start or 0) < (citation.end or 0) <= len(text):
            found[number] = Citation(citation.url, citation.title, citation.cited, citation.via)
    return merged([*found, *text_citations(text)]), sourced


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

    def extract(document: Json, message: Json, text: str) -> Iterator[Citation]:
        items: Any = document
        for name in path.split("."):
            items = items.get(name) if isinstance(items, dict) else None
        yield from _numbered(items, path, text)

    return extract


def _executed_tools(document: Json, message: Json, text: str) -> Iterator[Citation]:
    for tool in dicts(message.get("executed_tools")):
        found = tool.get("search_results")
        yield from _numbered(found.get("results") if isinstance(found, dict) else found, "executed_tools", text)


def _numbered(items: object, via: str, text: str) -> Iterator[Citation]:
    found: list[tuple[int, str, str | None]] = []
    for place, item in enumerate(items if isinstance(items, list) else [], start=1):
        fields = item if isinstance(item, dict) else {"url": item}
        url = web_address(fields.get("url")) or web_address(fields.get("link"))
        if url:
            found.append((_number_of(fields, place), url, title_of(fields.get("title"))))
    pointed_at = numbers_in(text)
    # where the text points at none of them, there is no way to tell the used from the merely found
    marked = any(number in pointed_at for number, _, _ in found)
    for number, url, title in found:
        yield Citation(url, title, number in pointed_at if marked else None, via)


def _number_of(fields: Json, place: int) -> int:
    for name in ("index", "refer", "id"):
        number = fields.get(name)
        if isinstance(number, int) and not isinstance(number, bool):
            return number
        digits = re.fullmatch(r"(?:ref_|web:)?(\d{1,3})", number) if isinstance(number, str) else None
        if digits:
            return int(digits[1])
    return place


EXTRACTORS: Mapping[str, Callable[[Json, Json, str], Iterator[Citation]]] = {
    "annotations": _annotations,
    "citations": _listed("citations"),
    "search_results": _listed("search_results"),
    "search_info": _listed("search_info.search_results"),
    "web_search": _listed("web_search"),
    "references": _listed("references"),
    "executed_tools": _executed_tools,
}


def _searches(document: Json) -> int | None:
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
    bot_usage = document.get("bot_usage")
    if not isinstance(usage, dict) and isinstance(bot_usage, dict):
        parts = [_counts(part) for part in dicts(bot_usage.get("model_usage"))]
        sums = [sum(part[side] or 0 for part in parts) for side in (0, 1)]
        return (count(sums[0]), count(sums[1])) if parts else (None, None)
    return _counts(usage) if isinstance(usage, dict) else (None, None)


def _counts(usage: Json) -> tuple[int | None, int | None]:
    tokens_in, tokens_out, total = (
        count(usage.get(name, usage.get(other)))
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


def _cost(
    provider: Provider,
    engine: EngineRef,
    document: Json,
    tokens: tuple[int | None, int | None],
    executed: bool | None,
    searches: int | None,
) -> tuple[Decimal | None, str | None, str]:
    """The cost, its currency and what it rests on: the provider's own word, then the row's list price, else unknown."""
    usage = document.get("usage")
    if isinstance(usage, dict):
        said = usage.get("cost")
        reported = amount(said.get("total_cost") if isinstance(said, dict) else said)
        ticks = amount(usage.get("cost_in_usd_ticks"), Decimal(10_000_000_000))
        if reported is not None or ticks is not None:
            return (reported if reported is not None else ticks), "USD", "reported"
    price = provider.prices.get(engine.model)
    if price is None or tokens[0] is None or tokens[1] is None:
        return None, None, "unknown"
    searched = engine.search and executed is not False
    if searched and price.search is None:
        return None, None, "unknown"  # tokens alone would understate it without saying so
    fee = (price.search or Decimal(0)) * (searches or 1) if searched else Decimal(0)
    return _listed_cost(price, tokens[0], tokens[1]) + fee, price.currency, f"table {price.dated}"


def _listed_cost(price: Price, tokens_in: int, tokens_out: int) -> Decimal:
    return ((price.tokens_in * tokens_in + price.tokens_out * tokens_out) / 1_000_000).quantize(PLACES)

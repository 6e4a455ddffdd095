"""The dashscope dialect: POST {base_url}/api/v1/services/aigc/text-generation/generation, one JSON back. 阿里云百炼.

The path that imitates OpenAI's searches and keeps the sources to itself; this one gives them, with [ref_n] in the text.
What a row asks for, search too, goes into ``parameters``.
"""

from __future__ import annotations

from typing import Any

from brandq.plan import EngineRef
from brandq.providers.bodies import Json, count
from brandq.providers.dialect import (
    Answer,
    AnswerKind,
    Call,
    ErrorClass,
    Provider,
    ProviderError,
    Reply,
)
from brandq.providers.replies import cost_of, filled, headers_of, not_of_dialect, numbered, opened
from brandq.providers.sources import merged, text_citations
from brandq.providers.trouble import provider_error, storable

DEFAULT_PATH = "/api/v1/services/aigc/text-generation/generation"
#: where models that also see are asked; there a message is a list of parts
_SEEING = "/multimodal-generation/"


def call(provider: Provider, engine: EngineRef, prompt: str, system: str | None = None) -> Call:
    """The request: the prompt byte for byte as the only message, and nothing beside it but what the row gives.

    A system text, as a message before it, only where the caller gives one.
    """
    path = provider.path or DEFAULT_PATH
    said = [("user", prompt)] if system is None else [("system", system), ("user", prompt)]
    body: dict[str, Any] = {
        "model": engine.model,
        "input": {
            "messages": [
                {"role": role, "content": [{"text": text}] if _SEEING in path else text} for role, text in said
            ]
        },
        "parameters": {
            "result_format": "message",
            **filled(provider.body, engine.locale),
            **(filled(provider.search or {}, engine.locale) if engine.search else {}),
        },
    }
    return Call(provider.base_url.rstrip("/") + path, headers_of(provider), body)


def read(provider: Provider, engine: EngineRef, reply: Reply) -> Answer | ProviderError:
    """What the reply says. Any bytes give an Answer or a ProviderError, and nothing is raised."""
    document = opened(provider, engine, reply)
    if not isinstance(document, dict):
        return document
    if "output" not in document:
        return not_of_dialect(provider, engine, reply, "output")
    output = document["output"] if isinstance(document["output"], dict) else {}
    choices = output.get("choices")
    if not choices and isinstance(output.get("text"), str):  # what a row gets that asks for results as texts
        choices = [{"message": {"content": output["text"]}, "finish_reason": output.get("finish_reason")}]
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return provider_error(provider, engine, ErrorClass.OVERLOADED, "answered with no choice at all", reply=reply)
    return _answer(provider, engine, document, output, choices[0])


def _answer(provider: Provider, engine: EngineRef, document: Json, output: Json, choice: Json) -> Answer:
    finish = choice.get("finish_reason")
    # the text "null" is how it says that there is none
    finish = storable(finish)[:100] or None if isinstance(finish, str) and finish != "null" else None
    text = _text(choice.get("message"))
    found = output.get("search_info")
    results = found.get("search_results") if isinstance(found, dict) else None
    sources = list(numbered(results, "search_info.search_results", text))
    given = document.get("usage")
    usage: Json = given if isinstance(given, dict) else {}
    searches = _searches(usage)
    executed = True if sources or searches else (False if searches == 0 else None)
    tokens = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    cost, currency, basis = cost_of(provider, engine, [], tokens, executed, searches)
    return Answer(
        text=text,
        kind=_kind(finish, text),
        finish=finish,
        # it does not say which model answered
        served_model=None,
        citations=merged([*sources, *text_citations(text)]),
        search_requested=engine.search,
        search_executed=executed,
        tokens_in=tokens[0],
        tokens_out=tokens[1],
        cost=cost,
        currency=currency,
        cost_basis=basis,
    )


def _text(message: object) -> str:
    """The text, whole or in parts. The reasoning stands beside it and is no part of the answer."""
    content = message.get("content") if isinstance(message, dict) else None
    parts = [part.get("text") if isinstance(part, dict) else part for part in _listed(content)]
    return storable("".join(part for part in parts if isinstance(part, str)))


def _listed(content: object) -> list[Any]:
    return content if isinstance(content, list) else [content]


def _kind(finish: str | None, text: str) -> AnswerKind:
    ended = (finish or "").casefold()
    if ended == "content_filter":
        return AnswerKind.REFUSED
    if ended in ("length", "tool_calls"):  # cut off, or waiting for a tool: the answer is not there
        return AnswerKind.TRUNCATED
    return AnswerKind.OK if text.strip() else AnswerKind.EMPTY


def _searches(usage: Json) -> int | None:
    """How many searches the reply counts; None where it keeps no count."""
    value: Any = usage
    for name in ("plugins", "search", "count"):
        value = value.get(name) if isinstance(value, dict) else None
    return count(value)

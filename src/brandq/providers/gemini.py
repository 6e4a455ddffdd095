"""The gemini dialect: POST {base_url}/v1beta/models/{model}:generateContent, one JSON back. Google speaks it.

The path that imitates OpenAI's loses the sources, and this one keeps them: what the search found (groundingChunks), and
which stretch of the text rests on which of it (groundingSupports, in bytes of UTF-8). Their URLs are redirects of
Google's that expire; the title names the site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from brandq.plan import EngineRef
from brandq.providers.bodies import Json, count, dicts
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
from brandq.providers.replies import cost_of, filled, headers_of, not_of_dialect, opened
from brandq.providers.sources import merged, text_citations, title_of, web_address
from brandq.providers.trouble import provider_error, storable

DEFAULT_PATH = "/v1beta/models/{model}:generateContent"

_VIA = "groundingMetadata"
#: what a chunk may be: a page of the web, of the user's own store, or a place on the map
_CHUNKS = ("web", "retrievedContext", "maps")
_REFUSING = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "IMAGE_SAFETY"}
)
#: the model fell out of its own form; whatever text came is no answer
_BREAKING = frozenset(
    {
        "OTHER",
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
    }
)
#: states of an interaction without an answer, and those in which it is not all there
_NOT_OVER = frozenset({"IN_PROGRESS", "FAILED", "CANCELLED"})
_CUTTING = frozenset({"MAX_TOKENS", "INCOMPLETE", "REQUIRES_ACTION"})
#: it ended as the model meant to
_ENDED = frozenset({"STOP", "completed"})
#: at least one of them is in every reply of this dialect
_FIELDS = frozenset({"candidates", "promptFeedback", "usageMetadata", "modelVersion"})


#: what is counted, as this interface and the newer one call it
_COUNTS: Mapping[str, str] = {
    "promptTokenCount": "total_input_tokens",
    "toolUsePromptTokenCount": "total_tool_use_tokens",
    "candidatesTokenCount": "total_output_tokens",
    "thoughtsTokenCount": "total_thought_tokens",
}


def call(provider: Provider, engine: EngineRef, prompt: str, system: str | None = None) -> Call:
    """The request: the prompt byte for byte as the only part, and nothing that shapes the answer but the row's own.

    A system text only where the caller gives one.
    """
    path = (provider.path or DEFAULT_PATH).replace("{model}", quote(engine.model, safe=""))
    body = {
        **filled(provider.body, engine.locale),
        **(filled(provider.search or {}, engine.locale) if engine.search else {}),
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
    }
    if system is not None:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    return Call(provider.base_url.rstrip("/") + path, headers_of(provider), body)


def read(provider: Provider, engine: EngineRef, reply: Reply) -> Answer | ProviderError:
    """What the reply says. Any bytes give an Answer or a ProviderError, and nothing is raised."""
    found = opened(provider, engine, reply)
    if not isinstance(found, dict):
        return found
    document = _of_interaction(found) if isinstance(found.get("steps"), list) else found
    if not _FIELDS & set(document):
        return not_of_dialect(provider, engine, reply, "candidates")
    candidates = document.get("candidates")
    if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict):
        candidate = candidates[0]
        finish = _word(candidate.get("finishReason"), 100)
        if (finish or "").upper() in _BREAKING | _NOT_OVER:
            what = f"broke off with {finish!r}"
            return provider_error(provider, engine, ErrorClass.OVERLOADED, what, reply=reply)
        text = storable("".join(said for _, said in _parts(candidate)))
        return _answer(provider, engine, document, candidate, text, finish, _kind(finish, text))
    feedback = document.get("promptFeedback")
    blocked = _word(feedback.get("blockReason"), 100) if isinstance(feedback, dict) else None
    if blocked:  # the filter declined the prompt, before anything was said
        return _answer(provider, engine, document, {}, "", blocked, AnswerKind.REFUSED)
    return provider_error(provider, engine, ErrorClass.OVERLOADED, "answered with no candidate at all", reply=reply)


def _of_interaction(document: Json) -> dict[str, object]:
    """What Google's newer interface says, in steps, in the form of this one; a row gets there by its ``path``."""
    parts: list[Json] = []
    chunks: list[Json] = []
    supports: list[Json] = []
    queries: list[object] = []
    for step in dicts(document["steps"]):
        arguments = step.get("arguments")
        if step.get("type") == "google_search_call" and isinstance(arguments, dict):
            found = arguments.get("queries")
            queries += found if isinstance(found, list) else []
        for content in dicts(step.get("content")) if step.get("type") == "model_output" else []:
            for mark in dicts(content.get("annotations")):
                span = {"startIndex": mark.get("start_index", 0), "endIndex": mark.get("end_index")}
                supports.append({"segment": {**span, "partIndex": len(parts)}, "groundingChunkIndices": [len(chunks)]})
                chunks.append({"web": {"uri": mark.get("url"), "title": mark.get("title")}})
            parts.append({"text": content.get("text")})
    given = document.get("usage")
    usage: Json = given if isinstance(given, dict) else {}
    return {
        "modelVersion": document.get("model"),
        "usageMetadata": {of_this: usage.get(of_that) for of_this, of_that in _COUNTS.items()},
        "candidates": [
            {
                "finishReason": document.get("status"),
                "content": {"parts": parts},
                "groundingMetadata": {
                    "groundingChunks": chunks,
                    "groundingSupports": supports,
                    "webSearchQueries": queries,
                },
            }
        ],
    }


def _answer(
    provider: Provider,
    engine: EngineRef,
    document: Json,
    candidate: Json,
    text: str,
    finish: str | None,
    kind: AnswerKind,
) -> Answer:
    metadata = candidate.get("groundingMetadata")
    grounding: Json = metadata if isinstance(metadata, dict) else {}
    sources = [*_sources(grounding, candidate), *_repeated(candidate)]
    queries = grounding.get("webSearchQueries")
    searches = sum(_word(query, 1) is not None for query in queries) if isinstance(queries, list) else 0
    given = document.get("usageMetadata")
    usage: Json = given if isinstance(given, dict) else {}
    found = any(source.via == _VIA for source in sources)
    executed = True if found or searches or (engine.search and count(usage.get("toolUsePromptTokenCount"))) else None
    if executed is None and engine.search and finish in _ENDED:
        executed = False  # the model was free to search and ended as it meant to: it did without
    tokens = (
        _sum(usage, "promptTokenCount", "toolUsePromptTokenCount"),
        _sum(usage, "candidatesTokenCount", "thoughtsTokenCount"),  # thoughts are billed as output, and stand beside it
    )
    cost, currency, basis = cost_of(provider, engine, [], tokens, executed, searches)
    return Answer(
        text=text,
        kind=kind,
        finish=finish,
        served_model=_word(document.get("modelVersion"), 200),
        citations=merged([*sources, *text_citations(text)]),
        search_requested=engine.search,
        search_executed=executed,
        tokens_in=tokens[0],
        tokens_out=tokens[1],
        cost=cost,
        currency=currency,
        cost_basis=basis,
    )


def _parts(candidate: Json) -> Iterator[tuple[int, str]]:
    """The parts that are the answer, with their numbers; what the model thought on the way is none of them."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    for number, part in enumerate(parts if isinstance(parts, list) else []):
        if isinstance(part, dict) and isinstance(part.get("text"), str) and part.get("thought") is not True:
            yield number, part["text"]


def _kind(finish: str | None, text: str) -> AnswerKind:
    ended = (finish or "").upper()
    if ended in _REFUSING:
        return AnswerKind.REFUSED
    if ended in _CUTTING:
        return AnswerKind.TRUNCATED
    return AnswerKind.OK if text.strip() else AnswerKind.EMPTY


def _word(found: object, most: int) -> str | None:
    return storable(found)[:most] or None if isinstance(found, str) else None


def _sum(usage: Json, *names: str) -> int | None:
    """The sum of these counts; one that is 0 goes unsent, so only where none is there nothing is known."""
    known = [number for number in (count(usage.get(name)) for name in names) if number is not None]
    return count(sum(known)) if known else None


# -- sources


def _sources(grounding: Json, candidate: Json) -> Iterator[Citation]:
    """What the search found, in its order: cited where a stretch of the text rests on it, with the first such stretch.

    A reply that says so of nothing it found leaves open what it used.
    """
    chunks = grounding.get("groundingChunks")
    spans = _spans(grounding, candidate)
    for number, chunk in enumerate(chunks if isinstance(chunks, list) else []):
        kinds = [chunk.get(kind) for kind in _CHUNKS] if isinstance(chunk, dict) else []
        web = next((kind for kind in kinds if isinstance(kind, dict)), None)
        uri = web.get("uri") if isinstance(web, dict) else None
        # Google's own answer boxes (weather and the like) are given as the search that shows them, spaces and all
        url = web_address(uri.strip().replace(" ", "%20")) if isinstance(uri, str) else None
        if url and isinstance(web, dict):
            start, end = spans.get(number) or (None, None)
            yield Citation(url, title_of(web.get("title")), number in spans if spans else None, _VIA, start, end)


def _spans(grounding: Json, candidate: Json) -> dict[int, tuple[int, int] | None]:
    """The chunks that the text rests on, by number, with the first stretch of it in characters where that is sound."""
    begins, raw = _encoded(candidate)
    stretches: dict[int, tuple[int, int] | None] = {}
    for support in dicts(grounding.get("groundingSupports")):
        indices = support.get("groundingChunkIndices")
        numbers = [number for number in indices if count(number) is not None] if isinstance(indices, list) else []
        if numbers:
            stretch = _stretch(support.get("segment"), begins, raw)
            for number in numbers:
                stretches[number] = stretches.get(number) or stretch
    places = _in_characters(raw, (offset for stretch in stretches.values() if stretch for offset in stretch))
    return {
        number: (places[stretch[0]], places[stretch[1]])
        if stretch and stretch[0] in places and stretch[1] in places
        else None
        for number, stretch in stretches.items()
    }


def _repeated(candidate: Json) -> Iterator[Citation]:
    """Pages of which the text repeats a stretch word for word; whoever repeats them names them."""
    metadata = candidate.get("citationMetadata")
    listed = (metadata.get("citationSources") or metadata.get("citations")) if isinstance(metadata, dict) else None
    begins, raw = _encoded(candidate) if listed else ({}, bytearray())
    stretches = [(source, _stretch(source, begins, raw)) for source in dicts(listed)]
    places = _in_characters(raw, (offset for _, stretch in stretches if stretch for offset in stretch))
    for source, stretch in stretches:
        url = web_address(source.get("uri"))
        if url:
            start, end = (places.get(offset) for offset in stretch) if stretch else (None, None)
            span = (start, end) if start is not None and end is not None else (None, None)
            yield Citation(url, title_of(source.get("title")), True, "citationMetadata", *span)


def _encoded(candidate: Json) -> tuple[dict[int, int], bytearray]:
    """The whole text in bytes, and where in it each part begins."""
    begins: dict[int, int] = {}
    raw = bytearray()
    for number, text in _parts(candidate):
        begins[number] = len(raw)
        raw += text.encode("utf-8", "surrogatepass")
    return begins, raw


def _stretch(segment: object, begins: Mapping[int, int], raw: bytearray) -> tuple[int, int] | None:
    """Where in the bytes of the whole text the segment stands: its offsets count from the beginning of its part.

    Where its own words stand elsewhere, they may be counted from the beginning of all parts; else it has no place.
    """
    if not isinstance(segment, dict):
        return None
    start, end = count(segment.get("startIndex", 0)), count(segment.get("endIndex"))
    text = segment.get("text")
    words = text.encode("utf-8", "surrogatepass") if isinstance(text, str) and text else None
    if start is None or end is None or not start < end:
        return None
    for begin in (begins.get(count(segment.get("partIndex", 0)) or 0, 0), 0):
        first, last = begin + start, begin + end
        # lengths first: many supports of a long text must not each copy it
        if last <= len(raw) and (words is None or (len(words) == last - first and raw[first:last] == words)):
            return first, last
    return None


def _in_characters(raw: bytearray, offsets: Iterable[int]) -> dict[int, int]:
    """Offsets in bytes as offsets in characters; one that falls inside a character is left out."""
    places: dict[int, int] = {}
    characters = before = 0
    for offset in sorted(set(offsets)):
        if offset == len(raw) or raw[offset] & 0xC0 != 0x80:
            characters += len(raw[before:offset].decode("utf-8", "surrogatepass"))
            places[offset], before = characters, offset
    return places

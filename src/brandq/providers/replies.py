"""What every dialect does with a reply besides reading its own shape: open it, sort out its trouble, count its cost.

``opened`` comes first: bytes become a JSON object, or the reply is already sorted out as an error or a refusal;
``opened_rounds`` does so where several replies may be one. What is particular to one wire format stays in its own
module; dialects never import each other, they share this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from brandq.plan import EngineRef
from brandq.providers import streams
from brandq.providers.bodies import PLACES, Garbled, Json, amount, codes_in, parsed, wait_in, words_in
from brandq.providers.dialect import (
    LOCALE,
    Answer,
    AnswerKind,
    Citation,
    ErrorClass,
    Price,
    Provider,
    ProviderError,
    Reply,
)
from brandq.providers.sources import numbers_in, title_of, web_address
from brandq.providers.trouble import class_of, provider_error, storable

_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)


def filled(template: Any, locale: str | None) -> Any:
    """The template with ``{locale}`` replaced; a field that needs a locale goes unsent where the engine has none."""
    if isinstance(template, Mapping):
        fields = {name: filled(value, locale) for name, value in template.items()}
        return {name: value for name, value in fields.items() if value is not None}
    if isinstance(template, list | tuple):
        return [item for item in (filled(part, locale) for part in template) if item is not None]
    return locale if template == LOCALE else template


def headers_of(provider: Provider, **more: str) -> dict[str, str]:
    """The headers of a call, JSON both ways; a dialect's own come first, and a row's go over all."""
    return {**more, "content-type": "application/json", "accept": "application/json", **provider.headers}


def model_name(found: object) -> str | None:
    """The model that a reply names, as it can be stored; None where it names none."""
    return storable(found)[:200] if isinstance(found, str) and found else None


def not_of_dialect(provider: Provider, engine: EngineRef, reply: Reply, lacks: str) -> ProviderError:
    """The error for JSON that lacks what every reply of the row's dialect has: somebody else speaks at this address."""
    what = f"JSON without {lacks} from {provider.base_url}, so not of the {provider.dialect} dialect"
    words = "check base_url, path and dialect of this row"
    return provider_error(provider, engine, ErrorClass.BAD_REQUEST, what, words, reply)


def opened(provider: Provider, engine: EngineRef, reply: Reply) -> dict[str, Any] | Answer | ProviderError:
    """The reply's JSON object where it holds no error; else the error, or the refusal of a content filter."""
    return _sound(provider, engine, reply, parsed(reply.body))


def opened_rounds(provider: Provider, engine: EngineRef, reply: Reply) -> list[Json] | Answer | ProviderError:
    """The JSON objects of the rounds of an attempt, in order, where the last holds no error; else as ``opened`` has it.

    A body that is one object is the only round. The reply's status is the last one's, and only the last can have ended
    the attempt: nothing follows upon an error.
    """
    document = parsed(reply.body)
    rounds = document if isinstance(document, list) and all(isinstance(part, dict) for part in document) else []
    last = _sound(provider, engine, reply, rounds[-1] if rounds else document)
    return [*rounds[:-1], last] if isinstance(last, dict) else last


def _sound(
    provider: Provider, engine: EngineRef, reply: Reply, document: Any
) -> dict[str, Any] | Answer | ProviderError:
    if 300 <= reply.status < 400:
        words = "not followed, for it would carry the key elsewhere; check base_url"
        where = f"HTTP {reply.status} redirects from {provider.base_url} to {reply.headers.get('location', 'nowhere')}"
        return provider_error(provider, engine, ErrorClass.BAD_REQUEST, where[:110], words, reply)
    if isinstance(document, list):
        # one: how some gateways wrap an error; several: how Google streams where no events are asked for
        document = document[0] if len(document) == 1 else streams.joined(document) or document
    if not isinstance(document, dict):
        return _unreadable(provider, engine, reply, document)
    trouble = _trouble(document, reply.status)
    if trouble:
        reply = replace(reply, headers={**wait_in(document.get("error"), trouble[1]), **reply.headers})
        return sorted_out(provider, engine, reply, *trouble)
    return document


def _unreadable(provider: Provider, engine: EngineRef, reply: Reply, document: object) -> Answer | ProviderError:
    what = str(document) if isinstance(document, Garbled) else "JSON that is no object"
    if reply.status >= 400:
        return sorted_out(provider, engine, reply, [], what)
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


def sorted_out(
    provider: Provider, engine: EngineRef, reply: Reply, codes: list[str], words: str
) -> Answer | ProviderError:
    """An error by its codes, most telling first, and words; a refusal where a content filter declined."""
    meant = class_of(provider, reply.status, codes, words)
    code = next((code for code in codes if code not in (words, str(reply.status))), "")
    if meant is None:
        return refusal(engine, code or f"HTTP {reply.status}", {})
    return provider_error(provider, engine, meant, f"HTTP {reply.status} {code[:60]}".strip(), words, reply)


def refusal(engine: EngineRef, finish: str, document: Json) -> Answer:
    """A filter declined before the assistant said anything: a measurement, and so an answer, of no text."""
    return Answer(
        "",
        AnswerKind.REFUSED,
        finish[:100],
        model_name(document.get("model")),
        search_requested=engine.search,
    )


def without_thinking(text: str) -> str:
    """The text after its reasoning; a block that never ends means that the length limit fell inside it."""
    begun, ended = text.find("<think>"), text.find("</think>")
    if ended >= 0 and not 0 <= begun < ended:
        text = text[ended + len("</think>") :]  # some servers leave the opening tag in the prompt
    return _THINKING.sub("", text).strip()


def numbered(items: object, via: str, text: str) -> Iterator[Citation]:
    """The sources of a list at which the text points by number."""
    found: list[tuple[int, str, str | None]] = []
    for place, item in enumerate(items if isinstance(items, list) else [], start=1):
        fields = item if isinstance(item, dict) else {"url": item}
        url = web_address(fields.get("url")) or web_address(fields.get("link"))
        if url:
            found.append((_number_of(fields, place), url, title_of(fields.get("title"))))
    if not found:
        return
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


def cost_of(
    provider: Provider,
    engine: EngineRef,
    usages: Sequence[object],
    tokens: tuple[int | None, int | None],
    executed: bool | None,
    searches: int | None,
) -> tuple[Decimal | None, str | None, str]:
    """The cost, its currency and what it rests on: the provider's own word, then the row's list price, else unknown.

    ``usages`` are those of each round, for a provider that reports its cost does so round by round; tokens and searches
    are the sums of all.
    """
    reported = _reported(usages)
    if reported is not None:
        return reported, "USD", "reported"
    price = provider.prices.get(engine.model)
    if price is None or tokens[0] is None or tokens[1] is None:
        return None, None, "unknown"
    searched = engine.search and executed is not False
    if searched and price.search is None:
        return None, None, "unknown"  # tokens alone would understate it without saying so
    fee = (price.search or Decimal(0)) * (searches or 1) if searched else Decimal(0)
    cost = amount(_listed_cost(price, tokens[0], tokens[1]) + fee)
    return (None, None, "unknown") if cost is None else (cost, price.currency, f"table {price.dated}")


def _reported(usages: Sequence[object]) -> Decimal | None:
    """The sum of what each round says that it cost; None where one does not say, for the rest would understate it."""
    whole = Decimal(0)
    for usage in usages:
        fields = usage if isinstance(usage, dict) else {}
        said = fields.get("cost")
        reported = amount(said.get("total_cost") if isinstance(said, dict) else said)
        ticks = amount(fields.get("cost_in_usd_ticks"), Decimal(10_000_000_000))
        part = reported if reported is not None else ticks
        if part is None:
            return None
        whole += part
    return amount(whole) if usages else None


def _listed_cost(price: Price, tokens_in: int, tokens_out: int) -> Decimal:
    return ((price.tokens_in * tokens_in + price.tokens_out * tokens_out) / 1_000_000).quantize(PLACES)

"""A probe: one real call to one engine, on request, in words; and its recording, from which no key can be read."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from brandq import store
from brandq.analysis.citations import find_citations
from brandq.errors import BadRequest, Fault
from brandq.plan import EngineRef, EngineWish
from brandq.providers import DIALECTS, ask, open_session
from brandq.providers.dialect import (
    FAILING,
    OF_MODEL,
    OF_PROVIDER,
    Answer,
    Citation,
    ErrorClass,
    Outcome,
    Provider,
    ProviderError,
)
from brandq.providers.keys import HIDDEN, hidden_in
from brandq.providers.registry import Registry
from brandq.providers.trouble import safe
from brandq.settings import Settings

#: a buyer's questions without any brand in them, for which a search has something to find
PROMPTS = {
    "zh": "预算一千元以内，通勤用的降噪耳机有哪些值得推荐？",
    "en": "Which noise-cancelling headphones under $200 are worth buying for commuting?",
}
_HAN = re.compile("[\u4e00-\u9fff]")

SHOWN_CHARS, SHOWN_SOURCES = 300, 10
#: what is left of a sealed member, so that its form can still be seen
SEALED_CHARS = 40
#: members that name the account that was used, in lower case and without what parts their words
_ACCOUNTS = frozenset(
    {
        "accountid",
        "email",
        "organization",
        "organizationid",
        "orgid",
        "project",
        "projectid",
        "requestid",
        "userid",
    }
)
#: members that only their provider can open
_SEALED = frozenset({"encryptedcontent", "encryptedindex", "signature", "thoughtsignature"})
#: all that a key may consist of; ``safe`` reads such words whole up to the second number
_WORD = re.compile(r"[\w\-/*.=+]+")
_SAFE_CHARS = 2000
_BEARER = re.compile(r"\bbearer\s+\S+", re.IGNORECASE)


@dataclass(frozen=True)
class Probe:
    """One call and what came of it. ``key`` is what was sent, kept only so that it can be cut out."""

    engine: EngineRef
    provider: Provider
    prompt: str
    system: str | None
    asked_at: datetime
    outcome: Outcome
    key: str | None = field(repr=False)


def to_be_probed(registry: Registry, settings: Settings, name: str) -> EngineRef:
    """The engine of this name, spelled as in a plan. BadRequest where nobody real, or nobody at all, would answer."""
    engine = registry.choose(EngineWish(name.strip()))
    if not isinstance(engine, str) and engine.simulated and settings.simulate != "all":
        row = next(listed for listed in registry.listing() if listed.name == engine.provider)
        engine = (
            f"{row.name} has no key here, and a probe is a real call: set {' or '.join(row.key_env)}; "
            "or BRANDQ_SIMULATE=all, to have the simulator answer"
        )
    if isinstance(engine, str):
        raise BadRequest([Fault(name, engine)], "There is nobody to probe")
    return engine


def make_probe(registry: Registry, engine: EngineRef, *, prompt: str | None, system: str | None) -> Probe:
    """Ask the engine once, as a worker does. ``prompt`` None: a buyer's question in the language of the row's title."""
    provider, key = registry.provider(engine), registry.key(engine)
    prompt = prompt or PROMPTS["zh" if _HAN.search(provider.title) else "en"]
    asked_at = datetime.now(UTC)

    async def once() -> Outcome:
        async with open_session() as session:
            return await ask(session, provider, engine, prompt, key, system=system)

    return Probe(engine, provider, prompt, system, asked_at, asyncio.run(once()), key)


def reopened(settings: Settings, engine: EngineRef) -> bool:
    """Have the engine asked again, for it answered; whether it had been paused. A database is never made for this.

    DatabaseNotReady where there is one that does not answer.
    """
    url = settings.database_url.reveal()
    if not store.exists(url):
        return False
    database = store.Database(url, pool_size=1, name="brandq probe")
    try:
        with database.begin() as db:
            return store.close_engine(db, engine.scopes, now=datetime.now(UTC)) > 0
    finally:
        database.dispose()


# -- in words


def told(probe: Probe) -> Iterator[tuple[str, str]]:
    """What was found where: a name and words in one line, without a key or a control character."""
    hide = _Hiding(probe.key)
    for name, words in _found(probe):
        yield name, " ".join("".join(char if char.isprintable() else " " for char in hide.text(words)).split())


def _found(probe: Probe) -> Iterator[tuple[str, str]]:
    engine, provider, outcome = probe.engine, probe.provider, probe.outcome
    search = "on" if engine.search else "off"
    yield "engine", f"{engine.engine}: {provider.title}, dialect {provider.dialect}, search {search}"
    yield "address", _address(probe)
    yield "prompt", probe.prompt
    if probe.system is not None:
        yield "system", probe.system
    status = "no reply" if outcome.http_status is None else f"status {outcome.http_status}"
    requests = f"{outcome.posts} request{'' if outcome.posts == 1 else 's'}"
    yield "http", f"{status} after {outcome.latency_ms} ms, {requests}"
    if outcome.answer is not None:
        yield from _answer(engine, outcome.answer)
    if outcome.error is not None:
        yield from _error(outcome.error)


def _answer(engine: EngineRef, answer: Answer) -> Iterator[tuple[str, str]]:
    yield "model", f"asked {engine.model}, served {answer.served_model or 'not told'}"
    yield "kind", f"{answer.kind} (finish: {answer.finish or 'not told'})"
    shown = answer.text[:SHOWN_CHARS]
    yield "text", f"{len(answer.text)} characters: {shown}" + (" …" if shown != answer.text else "")
    requested = "yes" if answer.search_requested else "no"
    executed = {True: "yes", False: "no", None: "not told"}[answer.search_executed]
    yield "search", f"requested {requested}, executed {executed}"
    counted: dict[str, Counter[bool | None]] = {}
    for source in answer.citations:
        counted.setdefault(source.via, Counter())[source.cited] += 1
    yield "sources", str(len(answer.citations))
    for via, verdicts in counted.items():
        cited, retrieved, unknown = (verdicts[verdict] for verdict in (True, False, None))
        yield "", f"via {via}: {cited} cited, {retrieved} only retrieved, {unknown} unknown"
    for number, source in enumerate(answer.citations[:SHOWN_SOURCES], start=1):
        yield "", f"{number}. {_domain(source)}  {source.url}"
    if len(answer.citations) > SHOWN_SOURCES:
        yield "", f"and {len(answer.citations) - SHOWN_SOURCES} more"
    given, made = ("not told" if count is None else str(count) for count in (answer.tokens_in, answer.tokens_out))
    yield "tokens", f"input {given}, output {made}"
    cost = "not known" if answer.cost is None else f"{answer.cost:f} {answer.currency} ({answer.cost_basis})"
    yield "cost", cost


def _domain(source: Citation) -> str:
    return next((found.domain for found in find_citations([source], (), ())), "no web address")


def _error(error: ProviderError) -> Iterator[tuple[str, str]]:
    yield "error", str(error.error_class)
    yield "message", error.message
    yield "wait", "not told" if error.wait_ms is None else f"{error.wait_ms} ms"
    yield "brandq", consequence(error.error_class)


def consequence(error_class: ErrorClass) -> str:
    """What a worker would do with an error of this class."""
    if error_class in OF_PROVIDER:
        return "would pause the provider, with all its models, until a call succeeds or its settings change"
    if error_class in OF_MODEL:
        return "would pause this model, and go on asking the provider's others"
    again = f"would ask again, {store.MAX_ATTEMPTS} times at most"
    if error_class in FAILING:
        return f"{again}; several such calls in a row pause the provider for a while"
    if error_class == ErrorClass.RATE_LIMIT:
        return f"{again}, and ask this provider more slowly"
    return "would give up this one sample, and nothing else"


# -- the recording


def record(probe: Probe, folder: Path) -> Path:
    """Write the recording; its file. BadRequest where that cannot be written."""
    engine = re.sub(r"[^\w.\-]+", "-", probe.engine.engine)
    path = folder / f"{engine}-{probe.asked_at:%Y%m%dT%H%M%SZ}.json"
    text = json.dumps(recording(probe), ensure_ascii=False, indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # half a character, which UTF-8 cannot spell, is escaped as JSON does
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise BadRequest([Fault(str(path), error.strerror or "cannot be written")], "Nothing was recorded") from error
    return path


def recording(probe: Probe) -> dict[str, Any]:
    """Request, reply and what was read from it, as JSON, without what would tell whose account it was."""
    outcome = probe.outcome
    found: dict[str, Any] = _Hiding(probe.key).document(
        {
            "engine": {**asdict(probe.engine), "dialect": probe.provider.dialect},
            "asked_at": f"{probe.asked_at:%Y-%m-%dT%H:%M:%SZ}",
            "url": _address(probe),
            "request": dict(outcome.request),
            "status": outcome.http_status,
            "reply": _body(outcome.raw),
            "read": {
                "latency_ms": outcome.latency_ms,
                "posts": outcome.posts,
                "answer": _as_json(outcome.answer),
                "error": _as_json(outcome.error),
            },
        }
    )
    return found


def _address(probe: Probe) -> str:
    """Where it was asked: no user, no query."""
    call = DIALECTS[probe.provider.dialect].call(probe.provider, probe.engine, probe.prompt, probe.system)
    parts = urlsplit(call.url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _body(raw: bytes | None) -> Any:
    if raw is None:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")


def _as_json(read: Answer | ProviderError | None) -> dict[str, Any] | None:
    if read is None:
        return None
    fields = asdict(read)
    if isinstance(read, Answer) and read.cost is not None:
        fields["cost"] = f"{read.cost:f}"
    return fields


class _Hiding:
    """Cuts out the key in every spelling, what looks like one, and what names an account."""

    def __init__(self, key: str | None) -> None:
        self._key = key

    def text(self, text: str) -> str:
        return _WORD.sub(_safe_word, _BEARER.sub(HIDDEN, hidden_in(text, self._key)))

    def document(self, found: Any) -> Any:
        """A copy of this JSON, as deep as it is."""
        if isinstance(found, dict):
            return {self.text(name): self._member(name, value) for name, value in found.items()}
        if isinstance(found, list | tuple):
            return [self.document(item) for item in found]
        return self.text(found) if isinstance(found, str) else found

    def _member(self, name: str, value: Any) -> Any:
        folded = re.sub("[^a-z]", "", name.casefold())
        if folded in _ACCOUNTS and value is not None:
            return HIDDEN
        if folded in _SEALED and isinstance(value, str):
            value = value[:SEALED_CHARS]
        return self.document(value)


def _safe_word(found: re.Match[str]) -> str:
    word = found[0]
    # nobody reads a word of such a length, and whatever stands in it cannot be looked for
    return safe(word) if len(word) <= _SAFE_CHARS else safe(word[:SEALED_CHARS]) + "…"

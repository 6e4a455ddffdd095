"""Plan, Brand, EngineRef: what is asked of whom, read from a document, checked, counted and estimated.

A plan is frozen when it is accepted: prompts are resolved, engines are named to the model, and nothing later reads the
registry to find out what was meant. ``parse`` finds every fault of a document before it refuses it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from brandq.errors import BadRequest, Fault

MAX_BRANDS = 10
MAX_BRAND_CHARS = 100
MAX_ALIASES = 20
MAX_DOMAINS = 20
MAX_CONTEXT = 50
MAX_BLOCK = 50
MAX_PROMPTS = 20
MAX_PROMPT_CHARS = 500
#: 20 prompts × 25 engines × 20 repeats = 10,000 samples, as many as BRANDQ_MAX_SAMPLES lets through by itself
MAX_ENGINES = 25
MAX_REPEATS = 20
MAX_LABEL_CHARS = 100
MAX_PRIORITY = 10
DEFAULT_PRIORITY = 5

#: control characters but for line ends and tabs, and halves of surrogate pairs
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_PLACEHOLDER = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}|\{\s*([^\W\d]\w*)\s*\}")
_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]")
MAX_SYSTEM_CHARS = 2000
MAX_COST = 1_000_000
#: a stored answer older than a quarter says little about what an assistant says now
MAX_REUSE_HOURS = 24 * 92
_FIELDS = (
    "brands",
    "prompts",
    "engines",
    "repeats",
    "priority",
    "label",
    "system",
    "cost_limit",
    "reuse_within_hours",
)


BRAND_FIELDS = ("name", "aliases", "domains", "ambiguous", "case_sensitive", "context", "block", "parent")


@dataclass(frozen=True)
class Brand:
    """A tracked name with the other spellings and the web domains that are its own.

    ``ambiguous``: its name is also an ordinary word or somebody else's, and counts only where something shows that the
    brand is meant, such as a word of ``context`` near it. ``case_sensitive``: only as written here or in capitals
    throughout. ``block``: longer strings in which a name is not this brand. ``parent``: the brand of the same plan that
    it is a part of; a mention of the part is none of the parent.
    """

    name: str
    aliases: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    ambiguous: bool = False
    case_sensitive: bool = False
    context: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    parent: str | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Brand:
        """The brand of a stored plan; not for documents from outside."""
        return cls(
            name=document["name"],
            aliases=tuple(document["aliases"]),
            domains=tuple(document["domains"]),
            # plans that were stored before these fields existed lack them
            ambiguous=document.get("ambiguous", False),
            case_sensitive=document.get("case_sensitive", False),
            context=tuple(document.get("context", ())),
            block=tuple(document.get("block", ())),
            parent=document.get("parent"),
        )

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


#: what a scope ends in where the simulator answers
SIMULATED = "?simulated"


@dataclass(frozen=True)
class EngineRef:
    """What is measured: provider, model, search on or off, locale. ``engine`` is its key within a plan.

    ``simulated`` says that the simulator answers in its place; ``imported`` that its answers came out of a file.
    """

    engine: str
    provider: str
    model: str
    search: bool = False
    locale: str | None = None
    simulated: bool = False
    imported: bool = False

    @property
    def scopes(self) -> tuple[str, str]:
        """Under which names its provider and its model are paced and paused; what is simulated harms no real one."""
        mark = SIMULATED if self.simulated else ""
        return f"{self.provider}{mark}", f"{self.provider}/{self.model}{mark}"


def parted(scope: str) -> tuple[str, str | None]:
    """The scope of the provider, and the model where the scope is only that model of it."""
    front = scope.removesuffix(SIMULATED)
    provider, slash, model = front.partition("/")
    return provider + scope[len(front) :], model if slash else None


@dataclass(frozen=True)
class EngineWish:
    """An engine as a caller names it; what is None is left to the registry row."""

    name: str
    model: str | None = None
    search: bool | None = None
    locale: str | None = None


@dataclass(frozen=True)
class CostLimit:
    """The most that a plan may cost. Amount in whole units of the currency, an ISO 4217 code."""

    amount: Decimal
    currency: str

    def to_json(self) -> dict[str, str]:
        return {"amount": f"{self.amount:f}", "currency": self.currency}

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"


#: gives the engine that a wish means, or says in words why there is none
Choose = Callable[[EngineWish], EngineRef | str]


@dataclass(frozen=True)
class Plan:
    """Brands × prompts × engines × repeats. The first brand is the subject, the others are its competitors.

    ``system``: a text that goes before every prompt, None for what a buyer sends, which is none.
    ``reuse_within_hours``: an answer to the same engine, system, prompt and repeat that is no older is taken instead of
    a new one; 0 asks anew.
    """

    brands: tuple[Brand, ...]
    prompts: tuple[str, ...]
    engines: tuple[EngineRef, ...]
    repeats: int = 1
    priority: int = DEFAULT_PRIORITY
    label: str | None = None
    system: str | None = None
    cost_limit: CostLimit | None = None
    reuse_within_hours: int = 0

    @property
    def subject(self) -> Brand:
        return self.brands[0]

    @property
    def planned(self) -> int:
        """Samples: prompts × engines × repeats. Brands are found in the answers and never multiply the asking."""
        return len(self.prompts) * len(self.engines) * self.repeats

    def to_json(self) -> dict[str, Any]:
        """As JSON; amounts are texts."""
        return {
            **vars(self),
            "brands": [dict(vars(brand)) for brand in self.brands],
            "engines": [dict(vars(engine)) for engine in self.engines],
            "cost_limit": self.cost_limit.to_json() if self.cost_limit else None,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Plan:
        """The plan that ``to_json`` wrote; not for documents from outside."""
        return cls(
            brands=tuple(Brand.from_json(brand) for brand in document["brands"]),
            prompts=tuple(document["prompts"]),
            engines=tuple(EngineRef(**engine) for engine in document["engines"]),
            repeats=document["repeats"],
            priority=document["priority"],
            label=document["label"],
            # plans that were stored before these fields existed lack them
            system=document.get("system"),
            cost_limit=_stored_limit(document.get("cost_limit")),
            reuse_within_hours=document.get("reuse_within_hours", 0),
        )


def _stored_limit(document: Mapping[str, str] | None) -> CostLimit | None:
    return CostLimit(Decimal(document["amount"]), document["currency"]) if document else None


def name_key(name: str) -> str:
    """What two spellings of one name share: NFKC, casefolded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def parse(document: object, choose: Choose, *, max_samples: int) -> Plan:
    """The plan in a JSON document. BadRequest lists every fault of it."""
    faults: list[Fault] = []
    if not isinstance(document, dict):
        raise BadRequest([Fault("", "expected a JSON object with brands, prompts and engines")])
    for field in document:
        if field not in _FIELDS:
            faults.append(Fault(f"/{_escape(str(field))}", f"unknown field; a plan has {', '.join(_FIELDS)}"))
    brands = _brands(document.get("brands"), faults)
    prompts = _prompts(document.get("prompts"), brands, faults)
    engines = _engines(document.get("engines"), choose, faults)
    repeats = _integer(document.get("repeats"), "/repeats", 1, 1, MAX_REPEATS, faults)
    priority = _integer(document.get("priority"), "/priority", DEFAULT_PRIORITY, 0, MAX_PRIORITY, faults)
    label = _text(document.get("label"), "/label", MAX_LABEL_CHARS, faults)
    system = _text(document.get("system"), "/system", MAX_SYSTEM_CHARS, faults)
    limit = _cost_limit(document.get("cost_limit"), faults)
    reuse = _integer(document.get("reuse_within_hours"), "/reuse_within_hours", 0, 0, MAX_REUSE_HOURS, faults)
    plan = Plan(brands, prompts, engines, repeats, priority, label, system, limit, reuse)
    if not faults and plan.planned > max_samples:
        faults.append(
            Fault(
                "",
                f"{len(prompts)} prompts × {len(engines)} engines × {repeats} repeats = {plan.planned} samples; "
                f"this service takes at most {max_samples} in one execution",
            )
        )
    if faults:
        raise BadRequest(faults, "The plan is not valid")
    return plan


def parse_brands(documents: list[Any]) -> tuple[Brand, ...]:
    """The brands of a document that has no prompts and engines. BadRequest lists every fault."""
    faults: list[Fault] = []
    brands = _brands(documents, faults)
    if faults:
        raise BadRequest(faults, "The brands are not valid")
    return brands


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def _integer(found: object, pointer: str, default: int, low: int, high: int, faults: list[Fault]) -> int:
    if found is None:
        return default
    if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
        faults.append(Fault(pointer, f"expected a whole number from {low} to {high}"))
        return default
    return found


def _text(found: object, pointer: str, most: int, faults: list[Fault]) -> str | None:
    if found is None:
        return None
    fault = _text_fault(found, most)
    if fault:
        faults.append(Fault(pointer, fault))
        return None
    return str(found)


def _cost_limit(found: object, faults: list[Fault]) -> CostLimit | None:
    if found is None:
        return None
    try:
        return read_cost_limit(found)
    except ValueError as error:
        faults.append(Fault("/cost_limit", str(error)))
        return None


def read_cost_limit(found: object) -> CostLimit:
    """``{"amount": "5.00", "currency": "USD"}``, or the text ``5.00 USD``. ValueError says what is expected."""
    if isinstance(found, str):
        said, space, code = found.strip().partition(" ")
        if not space:
            raise ValueError("expected an amount and a currency, such as 5.00 USD")
        found = {"amount": said, "currency": code.strip()}
    if not isinstance(found, dict) or set(found) != {"amount", "currency"}:
        raise ValueError('expected {"amount": "5.00", "currency": "USD"}')
    given, currency = found["amount"], found["currency"]
    try:
        # a number was read as a float, whose shortest spelling is what its writer meant
        amount = Decimal(str(given)) if isinstance(given, str | int | float) and not isinstance(given, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or not 0 < amount <= MAX_COST or amount != round(amount, 6):
        raise ValueError(f"amount: expected a number above 0, at most {MAX_COST}, with up to 6 decimals")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError("currency: expected three capital letters, such as USD or CNY")
    return CostLimit(amount.normalize(), currency)


def _text_fault(found: object, most: int) -> str | None:
    """What is wrong with a piece of text, or None."""
    if not isinstance(found, str):
        return "expected a text"
    if not found.strip():
        return "must not be blank"
    if len(found) > most:
        return f"has {len(found)} characters; at most {most} are taken"
    if _CONTROL.search(found):
        return "must not contain control characters"
    return None


def _sequence(found: object, pointer: str, noun: str, most: int, faults: list[Fault]) -> Sequence[object]:
    if not isinstance(found, list) or not found:
        faults.append(Fault(pointer, f"expected a list of 1 to {most} {noun}"))
        return ()
    if len(found) > most:
        faults.append(Fault(pointer, f"has {len(found)} {noun}; at most {most} are taken"))
    return found


def _brands(found: object, faults: list[Fault]) -> tuple[Brand, ...]:
    brands: list[Brand] = []
    owner_of_name: dict[str, str] = {}
    owner_of_domain: dict[str, str] = {}
    parents: list[tuple[str, str, str | None]] = []
    for number, item in enumerate(_sequence(found, "/brands", "brands", MAX_BRANDS, faults)):
        pointer = f"/brands/{number}"
        fields = {"name": item} if isinstance(item, str) else item
        if not isinstance(fields, dict):
            faults.append(Fault(pointer, f"expected an object with {', '.join(BRAND_FIELDS)}, or just a name"))
            continue
        for field in fields:
            if field not in BRAND_FIELDS:
                faults.append(
                    Fault(f"{pointer}/{_escape(str(field))}", f"unknown field; a brand has {', '.join(BRAND_FIELDS)}")
                )
        name = _brand_name(fields.get("name"), f"{pointer}/name", faults)
        if name is None:
            continue
        key = name_key(name)
        if key in owner_of_name:
            which = "the subject" if brands and owner_of_name[key] == brands[0].name else "another brand"
            faults.append(Fault(f"{pointer}/name", f"{name!r} is already {which}; each brand stands once"))
            continue
        owner_of_name[key] = name
        aliases = _aliases(fields.get("aliases"), pointer, name, owner_of_name, faults)
        domains = _domains(fields.get("domains"), pointer, name, owner_of_domain, faults)
        ambiguous = _flag(fields.get("ambiguous"), f"{pointer}/ambiguous", faults)
        case_sensitive = _flag(fields.get("case_sensitive"), f"{pointer}/case_sensitive", faults)
        context = _strings(fields.get("context"), f"{pointer}/context", "words", MAX_CONTEXT, faults)
        if context and not ambiguous:
            faults.append(Fault(f"{pointer}/context", "is read only beside an ambiguous name; set ambiguous to true"))
        block = _strings(fields.get("block"), f"{pointer}/block", "strings", MAX_BLOCK, faults)
        parent = fields.get("parent")
        if parent is not None:
            parent = _brand_name(parent, f"{pointer}/parent", faults)
            parents.append((f"{pointer}/parent", name, parent))
        brands.append(Brand(name, aliases, domains, ambiguous, case_sensitive, context, block, parent))
    named = {brand.name for brand in brands}
    faults += [
        Fault(where, f"{parent!r} is not the name of another brand of this plan")
        for where, name, parent in parents
        if parent is not None and (parent == name or parent not in named)
    ]
    return tuple(brands)


def _flag(found: object, pointer: str, faults: list[Fault]) -> bool:
    if found is not None and not isinstance(found, bool):
        faults.append(Fault(pointer, "expected true or false"))
    return found is True


def _strings(found: object, pointer: str, noun: str, most: int, faults: list[Fault]) -> tuple[str, ...]:
    """Strings that are looked for in answers as names are, each once."""
    strings: dict[str, str] = {}
    for number, item in enumerate(_optional(found, pointer, noun, most, faults)):
        string = _brand_name(item, f"{pointer}/{number}", faults)
        if string is not None:
            strings.setdefault(name_key(string), string)
    return tuple(strings.values())


def _brand_name(found: object, pointer: str, faults: list[Fault]) -> str | None:
    fault = _text_fault(found, MAX_BRAND_CHARS)
    if fault is None and not any(char.isalnum() for char in str(found)):
        fault = "must contain a letter or a digit"
    if fault:
        faults.append(Fault(pointer, fault))
        return None
    return " ".join(str(found).split())


def _optional(found: object, pointer: str, noun: str, most: int, faults: list[Fault]) -> Sequence[object]:
    return () if found is None or found == [] else _sequence(found, pointer, noun, most, faults)


def _aliases(
    found: object, pointer: str, name: str, owner_of_name: dict[str, str], faults: list[Fault]
) -> tuple[str, ...]:
    aliases: dict[str, str] = {}
    for number, item in enumerate(_optional(found, f"{pointer}/aliases", "aliases", MAX_ALIASES, faults)):
        alias = _brand_name(item, f"{pointer}/aliases/{number}", faults)
        if alias is None:
            continue
        key = name_key(alias)
        owner = owner_of_name.setdefault(key, name)
        if owner != name:
            faults.append(Fault(f"{pointer}/aliases/{number}", f"{alias!r} already belongs to the brand {owner!r}"))
        elif key != name_key(name):
            aliases.setdefault(key, alias)
    return tuple(aliases.values())


def _domains(
    found: object, pointer: str, name: str, owner_of_domain: dict[str, str], faults: list[Fault]
) -> tuple[str, ...]:
    domains: dict[str, None] = {}
    for number, item in enumerate(_optional(found, f"{pointer}/domains", "domains", MAX_DOMAINS, faults)):
        where = f"{pointer}/domains/{number}"
        domain = re.sub(r"^[a-z]+://|^www\.", "", item.strip().lower()) if isinstance(item, str) else ""
        domain = domain.removeprefix("www.").split("/")[0].rstrip(".")
        if not _DOMAIN.fullmatch(domain):
            faults.append(Fault(where, "expected a domain such as example.com"))
            continue
        owner = owner_of_domain.setdefault(domain, name)
        if owner != name:
            faults.append(Fault(where, f"{domain!r} already belongs to the brand {owner!r}"))
        else:
            domains[domain] = None
    return tuple(domains)


def _prompts(found: object, brands: Sequence[Brand], faults: list[Fault]) -> tuple[str, ...]:
    prompts: dict[str, None] = {}
    for number, item in enumerate(_sequence(found, "/prompts", "prompts", MAX_PROMPTS, faults)):
        pointer = f"/prompts/{number}"
        fault = _text_fault(item, MAX_PROMPT_CHARS)
        if fault:
            faults.append(Fault(pointer, fault))
            continue
        prompt, unresolved = resolve(str(item), brands)
        if unresolved:
            fault = (
                f"cannot fill {', '.join(unresolved)}; "
                "a prompt may use {brand} (the subject) and {competitor} (the first competitor)"
            )
            faults.append(Fault(pointer, fault))
        elif len(prompt) > MAX_PROMPT_CHARS:
            faults.append(Fault(pointer, f"has {len(prompt)} characters once filled; at most {MAX_PROMPT_CHARS}"))
        elif prompt in prompts:
            faults.append(Fault(pointer, "the same prompt stands twice; to ask it more often, raise repeats"))
        else:
            prompts[prompt] = None
    return tuple(prompts)


def resolve(prompt: str, brands: Sequence[Brand]) -> tuple[str, list[str]]:
    """The prompt with its placeholders filled, and those that could not be. Nothing else of it changes."""
    filling: dict[str, str] = {}
    if brands:
        filling.update(dict.fromkeys(("brand", "brandname", "brand_name"), brands[0].name))
    if len(brands) > 1:
        filling.update(dict.fromkeys(("competitor", "competitorbrand", "competitor_brand"), brands[1].name))
    unresolved: list[str] = []

    def fill(found: re.Match[str]) -> str:
        word = (found[1] or found[2]).casefold()
        if word not in filling:
            unresolved.append(found[0])
        return filling.get(word, found[0])

    return _PLACEHOLDER.sub(fill, prompt), unresolved


def _engines(found: object, choose: Choose, faults: list[Fault]) -> tuple[EngineRef, ...]:
    engines: dict[str, EngineRef] = {}
    for number, item in enumerate(_sequence(found, "/engines", "engines", MAX_ENGINES, faults)):
        pointer = f"/engines/{number}"
        wish = _wish(item, pointer, faults)
        if wish is None:
            continue
        engine = choose(wish)
        if isinstance(engine, str):
            faults.append(Fault(pointer, engine))
        elif engine.engine in engines:
            faults.append(
                Fault(pointer, f"{wish.name!r} is {engine.engine}, which stands twice; raise repeats instead")
            )
        else:
            engines[engine.engine] = engine
    return tuple(engines.values())


def _wish(item: object, pointer: str, faults: list[Fault]) -> EngineWish | None:
    fields = {"engine": item} if isinstance(item, str) else item
    if not isinstance(fields, dict):
        faults.append(Fault(pointer, "expected the name of an engine, or an object with engine, model, search, locale"))
        return None
    bad = False
    for field in fields:
        if field not in ("engine", "model", "search", "locale"):
            faults.append(
                Fault(f"{pointer}/{_escape(str(field))}", "unknown field; an engine has engine, model, search, locale")
            )
            bad = True
    for field in ("engine", "model", "locale"):
        given = fields.get(field)
        if field != "engine" and given is None:
            continue
        fault = _text_fault(given, 200)
        if fault:
            faults.append(Fault(f"{pointer}/{field}", fault))
            bad = True
    search = fields.get("search")
    if search is not None and not isinstance(search, bool):
        faults.append(Fault(f"{pointer}/search", "expected true or false"))
        bad = True
    return None if bad else EngineWish(fields["engine"].strip(), fields.get("model"), search, fields.get("locale"))


@dataclass(frozen=True)
class Experience:
    """What the last answers of one engine took: the median over ``n`` answers; n = 0 means none is stored yet.

    ``costs``: those known of these answers, the newest first, in ``currency``, which is None where they have several or
    none is known.
    """

    n: int = 0
    latency_ms: float | None = None
    costs: tuple[Decimal, ...] = ()
    currency: str | None = None


#: assumed for an engine that never answered here: a searching assistant takes 10 to 60 s
ASSUMED_LATENCY_MS = 20_000.0


def estimate_seconds(asked: Mapping[str, int], experience: Mapping[str, Experience], in_flight: int) -> tuple[int, str]:
    """About how long it takes to ask so many samples of each engine, in seconds, and what that rests on.

    Engines are asked side by side, each ``in_flight`` samples at a time, so the slowest engine decides.
    """
    slowest = 0.0
    unknown: list[str] = []
    for engine, samples in asked.items():
        if not samples:
            continue
        known = experience.get(engine, Experience())
        if known.latency_ms is None:
            unknown.append(engine)
        latency_ms = ASSUMED_LATENCY_MS if known.latency_ms is None else known.latency_ms
        slowest = max(slowest, -(-samples // in_flight) * latency_ms / 1000)
    if not slowest:
        return 1, "nobody is asked"
    basis = "median latency of the last 50 answers per engine"
    if unknown:
        seconds = ASSUMED_LATENCY_MS / 1000
        assumed = f"{seconds:.0f} s assumed for {', '.join(unknown)}, which never answered here"
        basis = f"{basis}; {assumed}"
    return max(1, round(slowest)), basis

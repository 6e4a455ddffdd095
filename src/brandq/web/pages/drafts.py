"""A plan while it is being written: what stands in the form, as the document that the API takes, and back again.

A draft keeps what was typed as it was typed, so that a form comes back with all of it, whatever is wrong. Its document
is read by ``plan.parse`` like any other, and a fault of that is told at the field that it is of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from brandq.analysis import named_in
from brandq.errors import Fault
from brandq.plan import MAX_BRANDS, MAX_ENGINES, MAX_PROMPTS, Brand, EngineRef, EngineWish, Plan, name_key, resolve
from brandq.prompts import GAPS, INDUSTRIES, KINDS, LANGUAGES
from brandq.providers.registry import EngineListing, Registry
from brandq.web.wire import Form
from brandq.words import Words

#: brands that an empty form has room for: one's own, and two competitors
ROWS = 3
#: rows that a form may have; beyond it, what is sent was not written in it
_MOST_ROWS = 100
#: asked so often where nobody says otherwise: with one repeat nothing tells how steady an answer is
REPEATS = "3"

#: what parts prompts that have several lines
PARTS = "---"
#: how a list begins its lines when it is pasted from elsewhere
_BULLET = re.compile(r"^\s*(?:\(?\d{1,3}(?:[.)](?=\s)|[、）．])|[-*•·](?=\s))\s*")


@dataclass(frozen=True)
class BrandRow:
    """One brand as it is typed: several names, domains and words stand one to a line."""

    name: str = ""
    aliases: str = ""
    domains: str = ""
    ambiguous: bool = False
    case_sensitive: bool = False
    context: str = ""
    block: str = ""
    parent: str = ""

    @property
    def blank(self) -> bool:
        """Nothing is typed. What is ticked alone says of no brand anything."""
        return not any(
            text.strip() for text in (self.name, self.aliases, self.domains, self.context, self.block, self.parent)
        )

    @property
    def special(self) -> bool:
        """It has more than name, aliases and domains."""
        return self.ambiguous or self.case_sensitive or any((self.context, self.block, self.parent))

    def document(self) -> dict[str, Any]:
        """As the API takes it, without what is not said."""
        said: dict[str, Any] = {
            "aliases": lines_of(self.aliases),
            "domains": lines_of(self.domains),
            "ambiguous": self.ambiguous,
            "case_sensitive": self.case_sensitive,
            "context": lines_of(self.context),
            "block": lines_of(self.block),
            "parent": self.parent.strip(),
        }
        return {"name": self.name.strip(), **{name: value for name, value in said.items() if value}}


@dataclass(frozen=True)
class EngineRow:
    """One engine as it is typed. ``search`` None: its provider has no search in its dialect."""

    name: str
    chosen: bool = False
    model: str = ""
    search: bool | None = None
    locale: str = ""

    def document(self) -> dict[str, Any]:
        said = {"model": self.model.strip(), "locale": self.locale.strip()}
        document = {"engine": self.name, **{name: value for name, value in said.items() if value}}
        return document if self.search is None else {**document, "search": self.search}


@dataclass(frozen=True)
class Shelf:
    """Where the library stands open: its language, industry and kind, what fills its gaps, and what is ticked."""

    language: str = "en"
    industry: str = ""
    kind: str = ""
    filling: Mapping[str, str] = field(default_factory=dict)
    picked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One prompt as it will be asked. ``same_as``: the number of the one that it repeats; then it is not asked."""

    number: int
    text: str
    same_as: int | None
    #: tracked brands that it names
    names: tuple[str, ...]


@dataclass(frozen=True)
class Misfit:
    """A fault at its field, in the reader's language. ``field``: the id of an input, empty for the plan as a whole."""

    field: str
    detail: str
    #: the number of the brand, the prompt or the line that is meant, from 1
    brand: int | None = None
    prompt: int | None = None
    line: int | None = None


@dataclass(frozen=True)
class Draft:
    """What stands in the form."""

    brands: tuple[BrandRow, ...] = (BrandRow(),) * ROWS
    prompts: str = ""
    #: prompts have several lines, and PARTS stands between them
    parted: bool = False
    engines: tuple[EngineRow, ...] = ()
    repeats: str = REPEATS
    priority: str = ""
    cost_amount: str = ""
    cost_currency: str = ""
    reuse_within_hours: str = ""
    label: str = ""
    system: str = ""
    shelf: Shelf = field(default_factory=Shelf)

    @property
    def blank(self) -> bool:
        """Nothing was written yet."""
        return not self.prompts.strip() and all(row.blank for row in self.brands)

    # -- what it says

    def typed_prompts(self) -> list[str]:
        """The prompts as they are typed, without those that are blank."""
        text = _unix(self.prompts)
        parts = re.split(rf"^[ \t]*{PARTS}[ \t]*$", text, flags=re.MULTILINE) if self.parted else text.split("\n")
        return [part.strip() for part in parts if part.strip()]

    @cached_property
    def lines(self) -> Sequence[Line]:
        """Every prompt with its gaps for brands filled, those that stand twice marked."""
        brands = self._tracked()
        first: dict[str, int] = {}
        lines = []
        for text in self.typed_prompts():
            asked, _ = resolve(text, brands)
            number = len(first) + 1
            same_as = first.get(asked)
            if same_as is None:
                first[asked] = number
            # whoever pastes a book is told that it is too long, not which brands it names
            names = named_in(asked, brands) if number <= MAX_PROMPTS else ()
            lines.append(Line(number, asked, same_as, names))
        return lines

    def _tracked(self) -> list[Brand]:
        """The brands as far as they can be read already."""
        found: dict[str, Brand] = {}
        for row in self.brands:
            names = [" ".join(name.split()) for name in (row.name, *lines_of(row.aliases))]
            names = [name for name in names if any(char.isalnum() for char in name)]
            if not names or names[0] != " ".join(row.name.split()):
                continue
            words = {name: tuple(lines_of(getattr(row, name))) for name in ("context", "block")}
            brand = Brand(
                names[0], tuple(names[1:]), (), row.ambiguous, row.case_sensitive, words["context"], words["block"]
            )
            found.setdefault(name_key(brand.name), brand)
        return list(found.values())

    @property
    def bulleted(self) -> bool:
        """Most prompts begin like the lines of a list, so that the list's numbers would be asked as well."""
        typed = self.typed_prompts()
        return len(typed) > 1 and 2 * sum(bool(_BULLET.match(text)) for text in typed) > len(typed)

    def document(self) -> dict[str, Any]:
        """As the API takes it: what is left blank is left out, what stands twice stands once."""
        prompts = {line.number: typed for line, typed in self._numbered() if line.same_as is None}
        document: dict[str, Any] = {
            "brands": [row.document() for row in self.brands if not row.blank],
            "prompts": list(prompts.values()),
            "engines": [row.document() for row in self.engines if row.chosen],
        }
        for name in ("repeats", "priority", "reuse_within_hours"):
            if typed := getattr(self, name).strip():
                # what is no number is told as a fault, in the words of the plan
                document[name] = int(typed) if typed.isdecimal() and len(typed) < 20 else typed
        for name in ("label", "system"):
            if getattr(self, name).strip():
                document[name] = _unix(getattr(self, name)).strip()
        if self.cost_amount.strip():
            document["cost_limit"] = {"amount": self.cost_amount.strip(), "currency": self.cost_currency}
        return document

    def _numbered(self) -> Iterator[tuple[Line, str]]:
        return zip(self.lines, self.typed_prompts(), strict=True)

    def misfits(self, faults: Sequence[Fault], words: Words) -> list[Misfit]:
        """These faults of the document, each at its field, in the reader's language."""
        return [self._misfit(fault, words) for fault in faults]

    def _misfit(self, fault: Fault, words: Words) -> Misfit:
        place, *rest = fault.pointer.lstrip("/").split("/")
        number = int(rest[0]) if rest and rest[0].isdecimal() else None
        part = rest[1] if len(rest) > 1 else None
        line = int(rest[2]) + 1 if len(rest) > 2 and rest[2].isdecimal() else None
        detail = self._blank(place, words) if not rest else None
        detail = detail or words.told(fault.detail)
        if place == "brands":
            row = [row for row, brand in enumerate(self.brands) if not brand.blank][number] if number is not None else 0
            return Misfit(f"brand-{row}-{part or 'name'}", detail, brand=row + 1, line=line)
        if place == "prompts":
            return Misfit("prompts", detail, prompt=None if number is None else number + 1)
        if place == "engines":
            if number is None:
                return Misfit("engines", detail)
            row = [row for row, engine in enumerate(self.engines) if engine.chosen][number]
            return Misfit(f"engine-{row}-{part if part in ('model', 'locale') else 'chosen'}", detail)
        if place == "cost_limit":
            return Misfit("cost_amount", detail)
        return Misfit(place if place in _SIMPLE else "", detail)

    def _blank(self, place: str, words: Words) -> str | None:
        """What is said of a list in which nothing stands; None where something does."""
        if place == "brands" and all(row.blank for row in self.brands):
            return words.say("Name at least one brand: your own.")
        if place == "prompts" and not self.typed_prompts():
            return words.say("Write at least one prompt, or take some from the library.")
        if place == "engines" and not any(row.chosen for row in self.engines):
            return words.say("Choose at least one engine.")
        return None

    # -- what can be done to it

    def with_brand(self) -> Draft:
        """One row more, as long as a plan takes so many brands."""
        return self if len(self.brands) >= MAX_BRANDS else replace(self, brands=(*self.brands, BrandRow()))

    def without_brand(self, row: int) -> Draft:
        kept = tuple(brand for number, brand in enumerate(self.brands) if number != row)
        return replace(self, brands=kept or (BrandRow(),))

    def with_prompts(self, texts: Sequence[str]) -> tuple[Draft, int]:
        """With these at the end, those left out that stand there already; and how many were new."""
        here = set(self.typed_prompts())
        new = [text for text in dict.fromkeys(text.strip() for text in texts) if text and text not in here]
        between = f"\n{PARTS}\n" if self.parted else "\n"
        written = _unix(self.prompts).rstrip("\n")
        return replace(self, prompts=between.join([*([written] if written.strip() else []), *new])), len(new)

    def without_bullets(self) -> Draft:
        """The prompts without the numbers that a pasted list has."""
        between = f"\n{PARTS}\n" if self.parted else "\n"
        return replace(self, prompts=between.join(_BULLET.sub("", text) for text in self.typed_prompts()))

    def with_engine(self, name: str) -> Draft:
        """One more of a provider, for another model or setting of it."""
        own = [number for number, row in enumerate(self.engines) if row.name == name]
        if not own or len(self.engines) >= _MOST_ROWS:
            return self
        last = self.engines[own[-1]]
        # the other way to search is what such a row is most often for
        new = EngineRow(name, True, "", None if last.search is None else not last.search)
        place = own[-1] + 1
        return replace(self, engines=(*self.engines[:place], new, *self.engines[place:]))

    def without_engine(self, row: int) -> Draft:
        return replace(self, engines=tuple(one for number, one in enumerate(self.engines) if number != row))

    def with_all_engines(self, names: Sequence[str]) -> Draft:
        """Every engine of these providers chosen."""
        chosen = tuple(replace(row, chosen=True) if row.name in names else row for row in self.engines)
        return replace(self, engines=chosen)

    def fitted(self, listed: Sequence[EngineListing]) -> tuple[Draft, list[str]]:
        """With a row for every engine that can be asked here and no other; and the chosen ones that cannot."""
        rows: list[EngineRow] = []
        for one in listed:
            if not (one.configured or one.simulated):
                continue
            own = [row for row in self.engines if row.name == one.name]
            if one.search is None:
                own = [replace(row, search=None) for row in own]
            else:
                own = [row if row.search is not None else replace(row, search=one.search) for row in own]
            # the model that is asked anyway stands in the empty field already
            own = [replace(row, model="") if row.model.strip() == one.model else row for row in own]
            rows += own or [EngineRow(one.name, search=one.search)]
        here = {row.name for row in rows}
        missing = [row.name for row in self.engines if row.chosen and row.name not in here]
        return replace(self, engines=tuple(rows)), list(dict.fromkeys(missing))


_SIMPLE = ("repeats", "priority", "reuse_within_hours", "label", "system")


def lines_of(text: str) -> list[str]:
    """The lines that are not blank."""
    return [line.strip() for line in _unix(text).split("\n") if line.strip()]


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


# -- out of a form


def read_draft(form: Form, listed: Sequence[EngineListing]) -> Draft:
    """The draft that a form of ours sent."""
    brands = []
    for row in _rows(form, "brand"):
        typed: dict[str, Any] = {name: form.get(f"brand-{row}-{name}", "") for name in _BRAND_TEXTS}
        typed |= {name: f"brand-{row}-{name}" in form for name in ("ambiguous", "case_sensitive")}
        brands.append(BrandRow(**typed))
    engines = [
        EngineRow(
            form.get(f"engine-{row}-name", ""),
            f"engine-{row}-chosen" in form,
            form.get(f"engine-{row}-model", ""),
            f"engine-{row}-search" in form,
            form.get(f"engine-{row}-locale", ""),
        )
        for row in _rows(form, "engine")
    ]
    simple: dict[str, Any] = {name: form.get(name, "") for name in (*_SIMPLE, "cost_amount", "cost_currency")}
    draft = Draft(
        brands=tuple(brands) or Draft.brands,
        prompts=_unix(form.get("prompts", "")),
        parted="parted" in form,
        engines=tuple(engines),
        **simple,
        shelf=Shelf(
            _known(form.get("library-language", ""), LANGUAGES),
            _known(form.get("library-industry", ""), ("", *INDUSTRIES)),
            _known(form.get("library-kind", ""), ("", *KINDS)),
            {gap: form.get(f"library-{gap}", "") for gap in GAPS},
            tuple(form.all("pick")),
        ),
    )
    return draft.fitted(listed)[0]


_BRAND_TEXTS = ("name", "aliases", "domains", "context", "block", "parent")


def _rows(form: Form, of: str) -> list[int]:
    found = {int(match[1]) for name in form if (match := re.fullmatch(rf"{of}-(\d{{1,3}})-name", name))}
    return sorted(found)[:_MOST_ROWS]


def _known(given: str, known: Sequence[str]) -> str:
    return given if given in known else known[0]


# -- out of a plan


def draft_of_plan(plan: Plan) -> tuple[Draft, list[str]]:
    """The plan of an earlier execution, to be asked again; and the engines of it that nobody can ask."""
    imported = [engine.engine for engine in plan.engines if engine.imported]
    asked = [_row_of(engine) for engine in plan.engines if not engine.imported]
    document = {**plan.to_json(), "engines": []}
    return replace(_draft_of(document), engines=tuple(asked)), imported


def draft_of_document(document: Mapping[str, Any], registry: Registry) -> Draft:
    """A document as it was saved. It was not checked then, so what is of no use here is passed over."""
    engines = []
    for item in _listed(document.get("engines"))[:MAX_ENGINES]:
        wish = {"engine": item} if isinstance(item, str) else item
        if not isinstance(wish, Mapping) or not isinstance(wish.get("engine"), str):
            continue
        model, locale, search = wish.get("model"), wish.get("locale"), wish.get("search")
        meant = registry.choose(EngineWish(wish["engine"], _text(model) or None, search, _text(locale) or None))
        if isinstance(meant, EngineRef):
            engines.append(_row_of(meant))
        else:
            name = registry.canonical(wish["engine"])
            engines.append(EngineRow(name, True, _text(model), search is True if search is not None else None))
    return replace(_draft_of(document), engines=tuple(engines))


def _row_of(engine: EngineRef) -> EngineRow:
    return EngineRow(engine.provider, True, engine.model, engine.search, engine.locale or "")


def _draft_of(document: Mapping[str, Any]) -> Draft:
    """All of a document but its engines."""
    brands = [_brand_row(item) for item in _listed(document.get("brands"))[:MAX_BRANDS]]
    prompts = [_text(item) for item in _listed(document.get("prompts"))]
    parted = any("\n" in prompt for prompt in prompts)
    limit = document.get("cost_limit")
    if isinstance(limit, str):
        amount, _, currency = limit.strip().partition(" ")
        limit = {"amount": amount, "currency": currency.strip()}
    limit = limit if isinstance(limit, Mapping) else {}
    simple: dict[str, Any] = {"repeats": "1"}
    simple |= {name: _text(document[name]) for name in _SIMPLE if document.get(name) is not None}
    return Draft(
        brands=tuple(brands) or Draft.brands,
        prompts=(f"\n{PARTS}\n" if parted else "\n").join(prompts),
        parted=parted,
        cost_amount=_text(limit.get("amount")),
        cost_currency=_text(limit.get("currency")),
        **simple,
    )


def _brand_row(item: object) -> BrandRow:
    if not isinstance(item, Mapping):
        return BrandRow(_text(item))
    several = ("aliases", "domains", "context", "block")
    typed: dict[str, Any] = {name: "\n".join(map(_text, _listed(item.get(name)))) for name in several}
    typed |= {name: item.get(name) is True for name in ("ambiguous", "case_sensitive")}
    return BrandRow(_text(item.get("name")), **typed, parent=_text(item.get("parent")))


def _listed(found: object) -> Sequence[object]:
    return found if isinstance(found, list | tuple) else ()


def _text(found: object) -> str:
    return "" if found is None else str(found)

"""The library of prompts: what buyers type, by industry, kind and language, with gaps for what is to be measured.

No prompt of it names a brand, and none presupposes one: a prompt that does makes assistants speak of that brand, and
its mention rate then says nothing of whether they come to it by themselves.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

#: what a prompt is about, in the order in which a buyer comes to it
KINDS = ("recommendation", "problem", "audience", "comparison", "price", "trust", "worth", "alternatives", "local")
INDUSTRIES = (
    "electronics",
    "home",
    "cars",
    "software",
    "beauty",
    "food",
    "travel",
    "finance",
    "education",
    "health",
    "apparel",
    "games",
    "local",
    "professional",
)
#: what prompts leave open; ``need`` is what the buyer wants to do, or what troubles them
GAPS = ("category", "city", "budget", "audience", "need", "year")
LANGUAGES = ("en", "zh")

_GAP = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class LibraryPrompt:
    """One prompt of the library, its gaps open."""

    industry: str
    kind: str
    language: str
    text: str

    @property
    def gaps(self) -> tuple[str, ...]:
        """The names of its gaps, each once, in their order."""
        return tuple(dict.fromkeys(_GAP.findall(self.text)))

    def filled(self, filling: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        """The text with what is known filled in, and the gaps that stay open because ``filling`` has nothing for them.

        Nothing else of the text changes.
        """
        known = {gap: value for gap in self.gaps if (value := " ".join(filling.get(gap, "").split()))}
        text = _GAP.sub(lambda found: known.get(found[1], found[0]), self.text)
        return text, tuple(gap for gap in self.gaps if gap not in known)


@dataclass(frozen=True)
class Library:
    """The prompts of one language, and for each industry an example of how each gap is filled."""

    language: str
    prompts: tuple[LibraryPrompt, ...]
    examples: Mapping[str, Mapping[str, str]]

    def choose(self, industry: str, kind: str | None = None) -> tuple[LibraryPrompt, ...]:
        """The prompts of an industry, of one kind or of all, in the order of KINDS."""
        chosen = [one for one in self.prompts if one.industry == industry and kind in (None, one.kind)]
        return tuple(sorted(chosen, key=lambda one: KINDS.index(one.kind)))


@cache
def library(language: str) -> Library:
    """The library in one of LANGUAGES."""
    file = files("brandq.prompts").joinpath(f"{language}.toml")
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    prompts = [
        LibraryPrompt(industry, kind, language, text)
        for industry, table in document.items()
        for kind, texts in table["prompts"].items()
        for text in texts
    ]
    return Library(language, tuple(prompts), {industry: table["examples"] for industry, table in document.items()})

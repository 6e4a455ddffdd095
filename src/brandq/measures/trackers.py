"""Trackers: what other products would print for the same answers, by their own published formulas.

Products that sell such numbers call different things by one name. Each formula here says where it was read, under which
name it is shown, and what it counts; where a product does not say how it counts, its number is left out and not
guessed: Ahrefs' share of voice (weighted by search volumes that it alone has), Otterly's (how often an answer counts is
not said), and every composed index. Pages change: these were read in 2026, in stored copies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_DIGITS = 6


@dataclass(frozen=True)
class Counted:
    """How often one answer names each tracked brand. Not ``usable``: refused, empty or truncated, and naming none."""

    mentions: Mapping[str, int]
    usable: bool = True
    prompt_no: int = 1


@dataclass(frozen=True)
class Formula:
    """One number of one product: ``field`` is its name there, ``source`` where and how it is said, in words."""

    product: str
    field: str
    counts: str
    source: str
    fraction: Callable[[Namings, str], tuple[int, int]]


class Namings:
    """What the formulas need of answers, added up: how many there are, and how often each brand is named in which."""

    def __init__(self, answers: Iterable[Counted] = ()) -> None:
        self.answers = self.usable = 0
        #: answers that name a brand, usable ones that do, and how often it is named in all
        self.naming: Counter[str] = Counter()
        self.usable_naming: Counter[str] = Counter()
        self.mentions: Counter[str] = Counter()
        self.naming_any = 0
        self.prompts: set[int] = set()
        self.prompts_naming: dict[str, set[int]] = {}
        for answer in answers:
            self.add(answer)

    def add(self, answer: Counted) -> None:
        self.answers += 1
        self.usable += answer.usable
        self.prompts.add(answer.prompt_no)
        named = False
        for brand, count in answer.mentions.items():
            if count > 0:
                named = True
                self.naming[brand] += 1
                self.usable_naming[brand] += answer.usable
                self.mentions[brand] += count
                self.prompts_naming.setdefault(brand, set()).add(answer.prompt_no)
        self.naming_any += named


def _of_usable(counted: Namings, brand: str) -> tuple[int, int]:
    return counted.usable_naming[brand], counted.usable


def _of_usable_namings(counted: Namings, brand: str) -> tuple[int, int]:
    return counted.usable_naming[brand], counted.usable_naming.total()


def _of_all(counted: Namings, brand: str) -> tuple[int, int]:
    return counted.naming[brand], counted.answers


def _of_namings(counted: Namings, brand: str) -> tuple[int, int]:
    return counted.naming[brand], counted.naming.total()


def _of_mentions(counted: Namings, brand: str) -> tuple[int, int]:
    return counted.mentions[brand], counted.mentions.total()


def _of_prompts(counted: Namings, brand: str) -> tuple[int, int]:
    return len(counted.prompts_naming.get(brand, ())), len(counted.prompts)


def _of_naming_any(counted: Namings, brand: str) -> tuple[int, int]:
    return counted.naming[brand], counted.naming_any


FORMULAS: tuple[Formula, ...] = (
    Formula(
        "brandq", "mention_rate", "usable answers that name the brand / usable answers", "docs/metrics.md", _of_usable
    ),
    Formula(
        "brandq",
        "share_of_voice",
        "usable answers that name the brand / the same, added over all tracked brands",
        "docs/metrics.md",
        _of_usable_namings,
    ),
    Formula(
        "Profound",
        "Visibility",
        "answers in which the brand appears / answers",
        "its help centre's glossary: 50 of 100 responses are 50 %",
        _of_all,
    ),
    Formula(
        "Profound",
        "Share of Voice",
        "answers that name the brand / namings of all brands, one per answer and brand",
        "its help centre's glossary: 50 responses and 500 companies named over all of them are 10 %; it counts every "
        "company, here only tracked ones can be counted",
        _of_namings,
    ),
    Formula(
        "Peec AI",
        "Visibility Score",
        "responses that mention the brand / all responses; refused and empty ones are below the line",
        "its documentation's page on the metric",
        _of_all,
    ),
    Formula(
        "Peec AI",
        "Share of Voice",
        "times the brand is mentioned / times any tracked brand is mentioned, read as every mention in the text",
        "its documentation's page on the metric; that a response might count once is not said there",
        _of_mentions,
    ),
    Formula(
        "Ahrefs Brand Radar",
        "Mentions",
        "answers that name the brand, once each; here over all answers, it prints the count alone",
        "its help centre on AI visibility metrics: three instances in one response are one mention",
        _of_all,
    ),
    Formula(
        "Otterly",
        "Brand Coverage",
        "prompts with an answer that names the brand / prompts",
        "its glossary",
        _of_prompts,
    ),
    Formula(
        "Qwairy",
        "mention rate",
        "answers that name the brand / answers that name it or a competitor",
        "reported second-hand",
        _of_naming_any,
    ),
    Formula(
        "凡科",
        "品牌提及率",
        "answers that name the brand, once each / times asked",
        "its product page",
        _of_all,
    ),
    Formula("naive", "mentions / all mentions", "every mention in the text / every tracked brand's", "-", _of_mentions),
)


def side_by_side(counted: Namings, brand: str) -> list[dict[str, Any]]:
    """One row per formula over the same answers: product, field, value, numerator, denominator, counts, source.

    ``value`` is a fraction, None where the denominator is 0. The rows show how far apart names lie; none has an
    interval, since none of these products prints one, and brandq's own stand in its report.
    """
    rows = []
    for formula in FORMULAS:
        numerator, denominator = formula.fraction(counted, brand)
        rows.append(
            {
                "product": formula.product,
                "field": formula.field,
                "value": round(numerator / denominator, _DIGITS) if denominator else None,
                "numerator": numerator,
                "denominator": denominator,
                "counts": formula.counts,
                "source": formula.source,
            }
        )
    return rows

"""Nothing that people read is in English alone: each text of the source has its Chinese, and each Chinese a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from brandq.words import catalogue, gaps
from brandq.words.telling import parts_of
from brandq.words.terms import TERMS
from tests.house_rules import SRC
from tests.words import collecting
from tests.words.collecting import collected, is_prose, mentioned, texts_of, texts_of_page

CATALOGUES = sorted((SRC / "brandq/words/zh").glob("*.po"))
#: what Python itself says, which no source of ours holds; test_speaking has it say them
FOREIGN = "python.po"
#: names and spellings that stay as they are in Chinese
NAMES = {
    "amqp", "amqps", "bearer", "bq", "brandq", "com", "csv", "example", "html", "http", "https", "id", "jackknife",
    "json", "jsonl", "kimi", "localhost", "md", "openapi", "pdf", "postgresql", "sqlite", "token", "traceback", "utf",
    "webhook", "xlsx",
}  # fmt: skip
#: fields of documents and rows, and words that are typed into them
FIELDS = {
    "aliases", "ambiguous", "amount", "brands", "cls", "currency", "dated", "dialect", "domain", "engine", "engines",
    "errors", "expect", "false", "finish", "kappa", "locale", "model", "ok", "output", "panel", "path", "probes", "prompts",
    "read", "report", "run", "search", "since", "text", "true", "upkeep", "url",
}  # fmt: skip
_GAP = re.compile(r"\{[^{}]*\}")
_HAN = r"[㐀-鿿]"
#: spelled as typed: options, variables, fields, paths, addresses, and what stands in backquotes or gaps
_AS_TYPED = re.compile(
    r"`[^`]*`|\{[^{}]*\}|\{\{.*?\}\}|\S*[/=_@<>\[\]]\S*|--?[a-z][\w-]*|\b[A-Z][\w.&+-]*|\b[a-z]+\.[a-z]+\b|\"[^\"]*\"|\bX-[\w-]+|\b[a-z]+[A-Z]\w*"
)


def entries(path: Path) -> Iterator[tuple[str, str]]:
    for message in read_po(BytesIO(path.read_bytes()), locale="zh"):
        if message.id:
            yield str(message.id), str(message.string)


ENTRIES = [(path.name, *entry) for path in CATALOGUES for entry in entries(path)]


def test_every_text_has_its_chinese() -> None:
    """Every English text that can reach a reader stands in a catalogue."""
    known = catalogue("zh")
    missing = [f"{found.place} {found.template!r}" for found in collected() if found.template not in known]
    assert not missing, "\n".join(missing)


def test_every_term_has_its_chinese() -> None:
    """Every word of the product that stands alone, or in a gap, has its Chinese."""
    known = catalogue("zh")
    assert not [term for term in TERMS if term not in known]


def test_every_entry_is_used() -> None:
    """No catalogue has a text that nothing says: it would be read as a promise."""
    used = {found.template for found in collected()} | set(TERMS) | mentioned()
    dead = [f"{name} {text!r}" for name, text, _ in ENTRIES if text not in used and name != FOREIGN]
    assert not dead, "\n".join(dead)


def test_gaps_agree() -> None:
    """A translation has the gaps of its text, each at least once, and no other."""
    wrong = [f"{name} {text!r}" for name, text, zh in ENTRIES if set(gaps(text)) != set(gaps(zh))]
    assert not wrong, "\n".join(wrong)


def test_every_entry_is_translated() -> None:
    """No entry is left open, and none is its own English."""
    assert not [f"{name} {text!r}" for name, text, zh in ENTRIES if not zh or zh == text]


@pytest.mark.parametrize(
    ("fault", "pattern"),
    [
        ("Latin punctuation beside a Chinese character", rf"{_HAN}[,;:!?]|[,;!?]{_HAN}|[(]{_HAN}|{_HAN}[)(]"),
        ("a space between two Chinese characters", rf"{_HAN} {_HAN}"),
        ("no space between Chinese and Latin", rf"{_HAN}[A-Za-z0-9`]|[A-Za-z0-9`]{_HAN}"),
        ("a space beside Chinese punctuation", r"[，。；：、！？（）“”] | [，。；：、！？）“”]"),
        ("a straight quote around Chinese", rf"[\"']{_HAN}|{_HAN}[\"']"),
    ],
)
def test_chinese_is_set_as_chinese(fault: str, pattern: str) -> None:
    """Chinese text has Chinese punctuation, and thin air between it and Latin words and numbers."""
    wrong = [f"{name} {fault}: {zh!r}" for name, _, zh in ENTRIES if re.search(pattern, zh)]
    assert not wrong, "\n".join(wrong)


def test_no_english_is_left_in_chinese() -> None:
    """A translation keeps names and what is typed, and no English word."""
    left = {}
    for name, text, zh in ENTRIES:
        kept = NAMES | (FIELDS & set(re.findall("[a-z]{2,}", text)))
        words = set(re.findall("[a-z]{2,}", _AS_TYPED.sub(" ", zh))) - kept
        if words:
            left[zh] = f"{name} {sorted(words)}: {zh!r}"
    assert not left, "\n".join(left.values())


def test_told_templates_can_be_recognised() -> None:
    """No template that sentences are recognised by has two gaps side by side, or says nearly nothing of its own."""
    wrong = []
    for found in collected():
        parts = parts_of(found.template)
        beside = any(not part.text and not (before.quoted or part.quoted) for before, part in pairwise(parts))
        letters = sum(char.isalpha() for part in parts for char in part.text)
        if not found.said and len(parts) > 1 and (beside or letters < 3):
            wrong.append(f"{found.place} {found.template!r}")
    assert not wrong, "\n".join(wrong)


def test_silence_has_an_object() -> None:
    """What is left out of the collection still exists."""
    for name in collecting.SILENT:
        parts = name.split(".")
        places = [SRC.joinpath(*parts[:length]) for length in range(len(parts), 1, -1)]
        assert any(place.is_dir() or place.with_suffix(".py").is_file() for place in places), name
    everything = "\n".join(path.read_text() for path in SRC.rglob("*.py"))
    assert not [text for text in collecting.SILENT_TEXTS if text.split("{")[0].split("\n")[0] not in everything]


@pytest.mark.parametrize(
    ("source", "templates"),
    [
        ('raise NotFound(f"there is no engine {wish.name!r}")', ["there is no engine {name!r}"]),
        ('''f"{', '.join(names)} of {len(rows)} in {MOST:,.2f}"''', ["{names} of {rows} in {most}"]),
        ('f"{a.name} is {b.name}, {a.name}"', ["{name} is {name_2}, {name}"]),
        ('f\'{row["k"]} of {row.get("n", 0)}\'', ["{k} of {n}"]),
        ('''f"{n} answer{'s' * (n > 1)}"''', ["{n} answer", "{n} answers"]),
        ('"one thing" + ("; and so on" if more else "")', ["one thing; and so on", "one thing"]),
        ("f'served {model or \"not told\"}'", ["served {model}", "served not told"]),
        ('say_it("takes {n} of it")', ["takes {{n}} of it"]),
        ('words.say("No brand" if none else "All brands")', ["No brand", "All brands"]),
        ('words.count(len(x), "{n} prompt", "{n} prompts")', ["{n} prompt", "{n} prompts"]),
        ('logger.info("nobody reads this %s", x)', []),
        ('def f():\n    """Nobody reads this."""', []),
    ],
)
def test_texts_become_templates(source: str, templates: list[str]) -> None:
    """The rules by which a text of the source becomes the template that stands in a catalogue."""
    assert [found.template for found in texts_of("brandq/x.py", source)] == templates


def test_texts_of_pages_are_found() -> None:
    """A page's texts are found in its template, in either quotes, with the line that they stand in."""
    page = """<p>{{ t("Mention rate") }}\n<b title="{{ t('It\\'s {n}', n=1) }}">{{ count(report.n, "{n} answer", "{n} answers") }}"""
    assert [(found.template, found.place) for found in texts_of_page("p", page)] == [
        ("Mention rate", "p:1"),
        ("It's {n}", "p:2"),
        ("{n} answer", "p:2"),
        ("{n} answers", "p:2"),
    ]


def test_prose_is_told_from_names() -> None:
    """A text counts as one for readers when two words stand in it."""
    assert is_prose("must not be blank")
    assert is_prose("{n} prompts")
    assert not any(
        map(is_prose, ("rate_limit", "execution_id", "{amount} {currency}", "%Y-%m-%d %H:%M", "趣车良品 ok"))
    )

"""The report as HTML: the body that the service's page shows, and one file around it that needs nothing else.

The file runs no script and loads nothing. As a file it follows the reader's theme and fits a phone; in print its tables
are as wide as a sheet, everything is unfolded, and its colours are those of paper.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from jinja2 import PackageLoader
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape

from brandq import __version__
from brandq.charts import config, drawing, for_export, report_charts
from brandq.exports.plots import interval, interval_on_paper
from brandq.exports.templating import environment
from brandq.reports import digest
from brandq.reports.verdict import rivals, verdict
from brandq.words import Words

Medium = Literal["page", "file", "print"]

#: rows of a long list that stand open, and rows in all; a report over much has hundreds
ROWS_OPEN, ROWS_SHOWN = 12, 30
#: pages of a website that are named
_PAGES_SHOWN = 3
#: numbers in the tables by prompt: with more, prompts are left out, and before that their engines
_MOST_BY_PROMPT, _MOST_BY_PROMPT_AND_ENGINE = 600, 600
#: prompts that stand there without being unfolded
_PROMPTS_OPEN = 20
#: pixels of a drawing; a sheet or a page that is narrower shrinks it
_DRAWN_WIDTH = 760
#: on paper fewer: it is made slowly, and read from its beginning to its end
_MOST_ON_PAPER = 60
#: a table of more numbers than these by engine writes their intervals; the figure above it draws them
_MOST_PLOTS = 120
#: competitors that no answer to a prompt names, from which on they share a line
_MANY = 3
#: engines beside one another on a sheet
PRINT_COLUMNS = 5

_TEMPLATES = environment(PackageLoader("brandq.exports"))


@dataclass(frozen=True)
class Figure:
    """A chart in its place: its title, what draws it or is the drawing, and how to read it."""

    title: str
    drawn: Markup
    note: str


def render(
    document: Mapping[str, Any],
    *,
    words: Words,
    beside: str | None = None,
    medium: Medium = "file",
    figures: bool = True,
) -> str:
    """The document as one HTML file in this language. Every text in it is escaped, whoever wrote it.

    Numbers link to nothing: there is no service around a file. ``beside`` names the file next to it that holds the
    answers. Drawing the ``figures`` takes seconds; without them their numbers stand in the tables all the same.
    """
    shown = body(
        document,
        words,
        medium=medium,
        answers=_nowhere,
        figures=drawn_figures(document, words) if figures else {},
        digest_of_report=digest(document),
        chain=None,
    )
    return _TEMPLATES.get_template("report/file.html").render(
        **shown, beside=beside, style=_style(medium), version=__version__
    )


def drawn_figures(document: Mapping[str, Any], words: Words) -> dict[str, Figure]:
    """The charts drawn once, in the colours of light ground, which need no script."""
    colours = config("light")
    drawn = {}
    for name, chart in report_charts(document, words).items():
        svg = drawing.svg(for_export(chart.spec, _DRAWN_WIDTH), colours)
        picture = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(chart.said)}" ', 1)
        drawn[name] = Figure(chart.title, Markup(picture), chart.note)  # noqa: S704  # Vega escapes its texts
    return drawn


def live_figures(document: Mapping[str, Any], words: Words) -> dict[str, Figure]:
    """The charts as specifications, which a page's own script draws; until then each is said in a sentence."""
    live = {}
    for name, chart in report_charts(document, words).items():
        specification = htmlsafe_json_dumps({"spec": chart.spec}, dumps=_compact)
        script = Markup('<script type="application/json" class="chart-spec">{}</script>').format(specification)
        said = Markup('<p class="said until-drawn">{}</p>').format(chart.said)
        live[name] = Figure(chart.title, script + said, chart.note)
    return live


def figure_configs() -> Markup:
    """The colours of the charts in both themes, for the script that draws them."""
    return htmlsafe_json_dumps({"light": config("light"), "dark": config("dark")}, dumps=_compact)


def _compact(value: Any, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _nowhere(**_: object) -> None:
    return None


def styled() -> str:
    """A file's style element: all of it that a browser has to be allowed."""
    return f"<style>{_style('file')}</style>"


@cache
def _style(medium: Medium) -> Markup:
    names = ("look.css", "report.css", *(("print.css",) if medium == "print" else ("file.css",)))
    folder = files("brandq.exports").joinpath("static")
    return Markup("\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names))  # noqa: S704  # ours


def body(
    document: Mapping[str, Any],
    words: Words,
    *,
    medium: Medium,
    answers: Callable[..., str | None],
    figures: Mapping[str, Figure],
    digest_of_report: str,
    chain: tuple[int, str] | None,
) -> dict[str, Any]:
    """What ``report/head.html`` and ``report/body.html`` know.

    ``answers`` is the address of the answers behind a number, given their parameters; None where there is none.
    ``chain`` is how many answers are stored in it, and its head; None where that is not at hand.
    """
    brands = document["brands"]
    engines = [{**engine, "at": at} for at, engine in enumerate(document["coverage"]["engines"])]
    prompts = len(document["plan"]["prompts"])
    return {
        "report": document,
        "words": words,
        "medium": medium,
        "answers": answers,
        "figures": figures,
        "interval": interval_on_paper if medium == "print" else interval,
        "brands": brands,
        "subject": brands[0],
        "engines": engines,
        "answered": _is_answered(document),
        "several": len(engines) > 1,
        "outcomes": list(document["coverage"]["outcomes"]),
        "claims": verdict(document, words),
        "rivals": rivals(document),
        "grade": _grade(document, words),
        "contents": _contents(document, words),
        "words_apart": "" if words.language == "zh" else " ",
        "last_rank": _last_rank(document),
        "open": Markup(" open") if medium == "print" else "",
        "rows_open": ROWS_OPEN,
        "rows_shown": ROWS_SHOWN,
        "pages_shown": _PAGES_SHOWN,
        "prompts_open": _PROMPTS_OPEN,
        "prompts_shown": max(1, min(prompts, _MOST_BY_PROMPT // len(brands))),
        "engines_by_prompt": 1 < len(engines) <= PRINT_COLUMNS
        and len(brands) * len(engines) * prompts <= _MOST_BY_PROMPT_AND_ENGINE,
        "most_on_paper": _MOST_ON_PAPER,
        "print_columns": PRINT_COLUMNS,
        "plots_by_engine": len(brands) * len(engines) <= _MOST_PLOTS,
        "never_named": lambda prompt_no: _never_named(brands, prompt_no),
        "digest": digest_of_report,
        "chain": chain,
    }


def _never_named(brands: Sequence[Mapping[str, Any]], prompt_no: int) -> list[str]:
    """The competitors that no usable answer to a prompt names, where they are so many that one line says it better."""
    rates = [(brand, brand["prompts"][prompt_no - 1]["mention_rate"]) for brand in brands if not brand["subject"]]
    absent = [brand["name"] for brand, rate in rates if rate["value"] == 0]
    return absent if len(absent) >= _MANY else []


def _grade(document: Mapping[str, Any], words: Words) -> dict[str, str] | None:
    """How firm the numbers are, in plain words; None for a report from before grades."""
    grade = document["disclosure"]["grade"] if "disclosure" in document else None
    if grade == "exploratory":
        name, meaning = words.say("Exploratory."), words.say("Good for seeing where to look; too little to decide by.")
    elif grade == "directional":
        name, meaning = words.say("Directional."), words.say("Shows the direction; small differences may be chance.")
    elif grade == "decision-grade":
        name, meaning = words.say("Firm."), words.say("Enough to decide by, for these prompts and these engines.")
    else:
        return None
    return {"name": name, "meaning": meaning}


def _contents(document: Mapping[str, Any], words: Words) -> list[tuple[str, str]]:
    """The sections that the report has, by their anchors."""
    answered = _is_answered(document)
    has = dict.fromkeys(("mentions", "voice", "ranks", "prompts", "spoken", "instead", "sources"), answered)
    has |= {"found": answered and "competitors" in document, "alike": answered and "stability" in document}
    sections = (
        ("verdict", words.say("In short")),
        ("mentions", words.say("Mention rate")),
        ("voice", words.say("Share of voice")),
        ("ranks", words.say("Rank")),
        ("prompts", words.say("By prompt")),
        ("spoken", words.say("How they are spoken of")),
        ("instead", words.say("Recommended instead")),
        ("sources", words.say("Sources")),
        ("found", words.say("Names that nobody tracks")),
        ("alike", words.say("Do the answers agree?")),
        ("coverage", words.say("Coverage and failures")),
        ("cost", words.say("Cost")),
        ("method", words.say("Method")),
    )
    return [(anchor, title) for anchor, title in sections if has.get(anchor, True)]


def _is_answered(document: Mapping[str, Any]) -> bool:
    """Whether any answer is usable; without one there is nothing to show of brands."""
    return document["brands"][0]["overall"]["mention_rate"]["value"] is not None


def _last_rank(document: Mapping[str, Any]) -> float:
    """Where the axis of ranks ends: at the worst that an interval reaches, and not before 5."""
    ranks = [brand["overall"]["average_rank"] for brand in document["brands"]]
    ranks += [block["average_rank"] for brand in document["brands"] for block in brand["engines"]]
    return max(5.0, *(rank.get("high") or rank["value"] or 1.0 for rank in ranks))

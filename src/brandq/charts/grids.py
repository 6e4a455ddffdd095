"""Grids: a number for each pair of two names, such as brand and engine, in rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brandq.charts.chart import Chart, Spec, specification, tooltip
from brandq.charts.labels import clean, ems, fits, shortened, wrapped
from brandq.charts.rows import row_axis, row_scale, row_step
from brandq.charts.telling import ABSENT, Number, counts, has_interval, interval, n_of, out_of, percent, rate, sentences
from brandq.words import Words

Document = Mapping[str, Any]

#: more rows than these are no figure any more; those of the prompts that say most are shown
MOST_PROMPTS = 40
_EXPORT_WIDTH = 720
_PROMPT_WIDTH = 18.0
#: what a column lies between inside its lane
_INSET = 0.07
#: the size of letters in the heads of columns, and how long a slanted one may be, in ems
_HEAD_SIZE, _SLANTED_WIDTH = 11.0, 12.0
#: how far a slanted label reaches to the right, for its length
_SLANT = 0.71
#: from here on a block is so dark, or so bright on dark ground, that its text is the other one
_DEEP = 0.7
#: pixels from the middle of a row up to its number, and down to its interval
_UP, _DOWN = -8, 8


@dataclass(frozen=True)
class _Columns:
    """The axis of columns at the top, the labels that it takes, the least width of the figure in pixels, and how many
    pixels slanted labels reach beyond the right end of the columns."""

    axis: Spec
    labels: Sequence[Sequence[str]]
    least_width: int
    over: int


def _columns(names: Sequence[str], beside: int, own: Sequence[int] = (), *, least: int = 46) -> _Columns:
    """The columns of a figure where ``beside`` pixels are taken by what stands beside them.

    Names stand in up to three lines of their column, or where one of them is too long for it, all are slanted.
    """
    width = max(least, (_EXPORT_WIDTH - beside) / max(1, len(names)))
    room = (width - 6) / _HEAD_SIZE
    level = all(fits(name, room, 3) for name in names)
    labels = [wrapped(name, room, 3) if level else [shortened(name, _SLANTED_WIDTH)] for name in names]
    bold = " || ".join(f"floor(datum.value) === {number}" for number in own) or "false"
    axis = {
        "orient": "top",
        "style": "columns",
        "title": None,
        "labelExpr": "columns[floor(datum.value)]",
        "labelFontWeight": {"condition": {"test": bold, "value": "bold"}, "value": "normal"},
        "labelOverlap": False,
        "labelLimit": 260,
        **({"labelAngle": 0} if level else {"labelAngle": -45, "labelAlign": "left", "labelBaseline": "middle"}),
        # lines go down from the first, so the first begins higher
        "labelPadding": 8 + 13 * (max(map(len, labels), default=1) - 1),
    }
    over = 0.0
    if not level:
        for place, (label,) in enumerate(reversed(labels)):
            over = max(over, _SLANT * _HEAD_SIZE * ems(label) - (place + 0.5) * least)
    return _Columns(axis, labels, round(beside + least * len(names)), round(over))


def mention_rates_by_engine(document: Document, words: Words) -> Chart | None:
    """The mention rate of each brand on each engine with its interval; left out where there is one engine only."""
    brands, engines = document["brands"], document["coverage"]["engines"]
    if len(engines) < 2:
        return None
    rates = [[brand["engines"][row]["mention_rate"] for brand in brands] for row in range(len(engines))]
    if all(number["value"] is None for row in rates for number in row):
        return None
    own = [number for number, brand in enumerate(brands) if brand["subject"]]
    columns = _columns([brand["name"] for brand in brands], 200, own, least=48)
    left, labels = row_axis([engine["engine"] for engine in engines], width=10.0)
    usable = [n_of(engine["usable"].get("k", 0), words) for engine in engines]
    said = _engines_told(document, words)
    values = [
        _laned(row, column, brand, engines[row]["engine"], rates[row][column], words)
        for row in range(len(engines))
        for column, brand in enumerate(brands)
    ]
    tips = tooltip(
        {
            "name": words.say("Brand"),
            "engine": words.say("Engine"),
            "written": words.say("Mention rate"),
            "interval": words.say("95% interval"),
        }
    )
    along = {"type": "quantitative", "scale": {"domain": [0, len(brands)], "nice": False}, "axis": None}
    lanes = [number + 0.5 for number in range(len(brands))]
    position = {"field": "row", "type": "ordinal", "scale": row_scale(len(engines), 0.0), "axis": None}
    told_axis = {"orient": "right", "style": "told", "title": None, "labelExpr": "told[datum.value]"}
    side = {"field": "side", "type": "nominal", "scale": {"domain": ["own", "other"], "range": "sides"}, "legend": None}

    def marks(test: str, mark: Spec, encoding: Spec) -> Spec:
        return {
            "transform": [{"filter": test}],
            "mark": mark,
            "encoding": {"y": position, "tooltip": tips, **encoding},
        }

    def lines(places: Sequence[float], style: str, axis: Spec | None) -> Spec:
        return {
            "data": {"values": [{"place": place} for place in places]},
            "mark": {"type": "rule", "style": style},
            "encoding": {"x": {**along, "field": "place", "axis": axis}},
        }

    layers = [
        lines(range(len(brands) + 1), "lane", None),
        lines(lanes, "middle", {**columns.axis, "values": lanes}),
        {"mark": {"type": "point", "opacity": 0}, "encoding": {"y": {**position, "axis": left}}},
        marks(
            "datum.bounded",
            {"type": "rule", "style": "thin-interval", "yOffset": _DOWN},
            {"x": {**along, "field": "low"}, "x2": {"field": "high"}, "color": side},
        ),
        marks(
            "datum.bounded",
            {"type": "point", "style": "small-point", "filled": True, "yOffset": _DOWN},
            {"x": {**along, "field": "place"}, "color": side},
        ),
        marks(
            "datum.present && !datum.bounded",
            {"type": "point", "style": "small-hollow", "filled": False, "yOffset": _DOWN},
            {"x": {**along, "field": "place"}, "color": side},
        ),
        marks(
            "true",
            {"type": "text", "style": "value", "yOffset": _UP},
            {"x": {**along, "field": "middle"}, "text": {"field": "rate", "type": "nominal"}},
        ),
        {"mark": {"type": "point", "opacity": 0}, "encoding": {"y": {**position, "axis": told_axis}}},
    ]
    spec = specification(
        layers,
        said=said,
        height=42 * len(engines),
        least_width=columns.least_width,
        over=max(0, columns.over - round(_HEAD_SIZE * ems(usable[0]))),
        values=values,
        texts={"columns": columns.labels, "rows": labels, "told": usable},
        resolve={"axis": {"x": "independent", "y": "independent"}},
    )
    note = words.say(
        "Each column goes from 0% to 100%, the dotted line is at 50%; lines are 95% intervals; n: usable answers."
    )
    if any(number["value"] is not None and not has_interval(number) for row in rates for number in row):
        note = sentences(words, note, words.say("A hollow point has no interval."))
    return Chart("mention_rates_by_engine", words.say("Mention rate by engine"), said, note, spec)


def _laned(
    row: int, column: int, brand: Mapping[str, Any], engine: str, number: Number, words: Words
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "row": row,
        "name": clean(brand["name"]),
        "engine": clean(engine),
        "side": "own" if brand["subject"] else "other",
        "rate": rate(number, words),
        "written": f"{rate(number, words)} ({counts(number, words)})" if number["value"] is not None else ABSENT,
        "interval": interval(number, words),
        "middle": column + 0.5,
        "present": number["value"] is not None,
        "bounded": number["value"] is not None and has_interval(number),
    }

    def place(value: float) -> float:
        return round(column + _INSET + (1 - 2 * _INSET) * value, 4)

    if record["present"]:
        record["place"] = place(number["value"])
    if record["bounded"]:
        record |= {"low": place(number["low"]), "high": place(number["high"])}
    return record


def _engines_told(document: Document, words: Words) -> str:
    subject = next(brand for brand in document["brands"] if brand["subject"])
    known = [
        (block["mention_rate"]["value"], clean(block["engine"]))
        for block in subject["engines"]
        if block["mention_rate"]["value"] is not None
    ]
    name = clean(subject["name"])
    if not known:
        return words.say("No engine gave a usable answer about {brand}.", brand=name)
    (most, most_on), (least, least_on) = max(known, key=lambda one: one[0]), min(known, key=lambda one: one[0])
    if most == least:
        return words.say(
            "{brand} is named in {value} of the usable answers of each of {n} engines.",
            brand=name,
            value=percent(most, words),
            n=words.number(len(known)),
        )
    return words.say(
        "{brand} is named most on {most_on}, in {most} of the usable answers, and least on {least_on}, in {least}.",
        brand=name,
        most_on=most_on,
        most=percent(most, words),
        least_on=least_on,
        least=percent(least, words),
    )


def heat_map(document: Document, words: Words) -> Chart | None:
    """The mention rate of each brand on each prompt, all engines together; left out where there is one prompt only."""
    brands, prompts = document["brands"], document["plan"]["prompts"]
    if len(prompts) < 2:
        return None
    shown = _telling_most(brands, len(prompts))
    rates = [[brand["prompts"][place]["mention_rate"] for brand in brands] for place in shown]
    if all(number["value"] is None for row in rates for number in row):
        return None
    texts = [f"{prompts[place]['prompt_no']}. {shortened(prompts[place]['text'], 48)}" for place in shown]
    told = _prompts_told(document, words)
    values = [
        {
            "row": row,
            "column": column,
            "name": clean(brand["name"]),
            "prompt": clean(texts[row]),
            "value": number["value"],
            "present": number["value"] is not None,
            "deep": (number["value"] or 0.0) >= _DEEP,
            "rate": rate(number, words),
            "written": f"{rate(number, words)} ({counts(number, words)})" if number["value"] is not None else ABSENT,
            "interval": interval(number, words),
        }
        for row, numbers in enumerate(rates)
        for column, (brand, number) in enumerate(zip(brands, numbers, strict=True))
    ]
    tips = {
        "name": words.say("Brand"),
        "prompt": words.say("Prompt"),
        "written": words.say("Mention rate"),
        "interval": words.say("95% interval"),
    }
    own = [number for number, brand in enumerate(brands) if brand["subject"]]
    spec = _blocks(
        values, texts, [brand["name"] for brand in brands], tips, own=own, said=told, beside=230, width=_PROMPT_WIDTH
    )
    note = words.say("The stronger the colour, the more often; a dash: no usable answer.")
    if len(shown) < len(prompts):
        left_out = words.count(
            len(prompts) - len(shown),
            "Shown are the prompts whose answers name the tracked brands most; {n} more is left out.",
            "Shown are the prompts whose answers name the tracked brands most; {n} more are left out.",
        )
        note = sentences(words, note, left_out)
    return Chart("heat_map", words.say("Mention rate by prompt"), told, note, spec)


def _telling_most(brands: Sequence[Mapping[str, Any]], prompts: int) -> list[int]:
    """The places of the prompts that are shown, in the plan's order."""

    def mentions(place: int) -> int:
        return sum(brand["prompts"][place]["mention_rate"].get("k", 0) for brand in brands)

    return sorted(sorted(range(prompts), key=lambda place: (-mentions(place), place))[:MOST_PROMPTS])


def _prompts_told(document: Document, words: Words) -> str:
    subject = next(brand for brand in document["brands"] if brand["subject"])
    known = [
        (block["mention_rate"]["value"], block["prompt_no"])
        for block in subject["prompts"]
        if block["mention_rate"]["value"] is not None
    ]
    name = clean(subject["name"])
    if not known:
        return words.say("No prompt has a usable answer.")
    most, prompt_no = max(known, key=lambda one: (one[0], -one[1]))
    never = sum(value == 0 for value, _ in known)
    if most == 0:
        return words.say("{brand} is named in no answer to any of {n} prompts.", brand=name, n=words.number(len(known)))
    return words.say(
        "{brand} is named most in answers to prompt {prompt_no}, {most} of them; to {never} of {n} prompts no answer "
        "names it.",
        brand=name,
        prompt_no=prompt_no,
        most=percent(most, words),
        never=words.number(never),
        n=words.number(len(known)),
    )


def _kinds(words: Words) -> dict[str, str]:
    """A report's counts of what is named and cited, each with how it is headed."""
    return {
        "named_and_cited": words.say("Named and cited"),
        "named_not_cited": words.say("Named, not cited"),
        "cited_not_named": words.say("Cited, not named"),
        "neither": words.say("Neither"),
    }


def named_and_cited(document: Document, words: Words) -> Chart | None:
    """Whether answers name a brand, and whether they give a page of its own: four counts for each with a domain."""
    rows = [row for row in document["citations"].get("named_and_cited", ()) if row["usable"]]
    if not rows:
        return None
    subjects = {brand["name"] for brand in document["brands"] if brand["subject"]}
    kinds = _kinds(words)
    values = []
    for number, row in enumerate(rows):
        for column, (kind, head) in enumerate(kinds.items()):
            part = row[kind] / row["usable"]
            values.append(
                {
                    "row": number,
                    "column": column,
                    "name": clean(row["brand"]),
                    "kind": head,
                    "value": part,
                    "present": True,
                    "deep": part >= _DEEP,
                    "rate": f"{percent(part, words)} ({words.number(row[kind])})",
                    "written": out_of(row[kind], row["usable"], words),
                }
            )
    first = rows[0]
    said = words.say(
        "Of {n} usable answers, {both} name {brand} and give a page of its own as a source, {named} only name it, "
        "{cited} only give the page.",
        n=words.number(first["usable"]),
        both=words.number(first["named_and_cited"]),
        brand=clean(first["brand"]),
        named=words.number(first["named_not_cited"]),
        cited=words.number(first["cited_not_named"]),
    )
    tips = {"name": words.say("Brand"), "kind": words.say("Kind"), "written": words.say("Answers")}
    own = [number for number, row in enumerate(rows) if row["brand"] in subjects]
    names = [row["brand"] for row in rows]
    spec = _blocks(values, names, list(kinds.values()), tips, own_rows=own, said=said, beside=190, width=13.0, least=84)
    note = words.say("Shares of the usable answers, with counts. Brands without a domain in the plan are left out.")
    return Chart("named_and_cited", words.say("Named or cited"), said, note, spec)


def _blocks(
    values: Sequence[Mapping[str, Any]],
    rows: Sequence[str],
    columns: Sequence[str],
    tips: Mapping[str, str],
    *,
    said: str,
    beside: int,
    width: float,
    own: Sequence[int] = (),
    own_rows: Sequence[int] = (),
    least: int = 46,
) -> Spec:
    """A block for each record, the darker the higher its ``value``, with its ``rate`` written in it."""
    heads = _columns(columns, beside, own, least=least)
    left, labels = row_axis(rows, own_rows, width=width)
    across = {"field": "column", "type": "ordinal", "scale": row_scale(len(columns), 0.0), "axis": None}
    down = {"field": "row", "type": "ordinal", "scale": row_scale(len(rows), 0.0), "axis": None}
    told = tooltip(tips)
    deep = {"field": "deep", "type": "nominal", "scale": {"domain": [False, True], "range": "rates_text"}}
    layers: list[Spec] = [
        {
            "transform": [{"filter": "datum.present"}],
            "mark": {"type": "rect", "style": "block"},
            "encoding": {
                "x": {**across, "axis": heads.axis},
                "y": {**down, "axis": left},
                "fill": {
                    "field": "value",
                    "type": "quantitative",
                    "scale": {"domain": [0, 1], "range": "rates"},
                    "legend": None,
                },
                "tooltip": told,
            },
        },
        {
            "transform": [{"filter": "!datum.present"}],
            "mark": {"type": "rect", "style": ["block", "absent"]},
            "encoding": {"x": across, "y": down, "tooltip": told},
        },
        {
            "transform": [{"filter": "datum.present"}],
            "mark": {"type": "text", "style": "value"},
            "encoding": {
                "x": across,
                "y": down,
                "text": {"field": "rate", "type": "nominal"},
                "color": {**deep, "legend": None},
                "tooltip": told,
            },
        },
        {
            "transform": [{"filter": "!datum.present"}],
            "mark": {"type": "text", "style": "quiet", "text": ABSENT},
            "encoding": {"x": across, "y": down, "tooltip": told},
        },
    ]
    return specification(
        layers,
        said=said,
        height=len(rows) * row_step(labels, 30, 36),
        least_width=heads.least_width,
        over=heads.over,
        values=values,
        texts={"columns": heads.labels, "rows": labels},
        resolve={"axis": {"x": "independent", "y": "independent"}},
    )

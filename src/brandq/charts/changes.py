"""Figures of change: two executions set against one another, and one number over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from brandq.charts.chart import Chart, Spec, specification, tooltip
from brandq.charts.labels import clean
from brandq.charts.rows import Row, Scale, interval_rows, legend_columns
from brandq.charts.telling import Number, counts, interval, percent, points_of, rate, spread
from brandq.words import Words

Document = Mapping[str, Any]

_MEASURES = {
    "mention_rate": "Mention rate",
    "first_place_rate": "First place rate",
    "top_3_rate": "Top 3 rate",
    "recommended_rate": "Recommended in",
    "owned_citation_rate": "Own domain cited",
}
_VERDICTS = {"up": "Up", "down": "Down", "": "No clear change"}
_SHAPES = {"up": "triangle-up", "down": "triangle-down", "": "circle"}
_STEPS = (0.1, 0.25, 0.5, 1.0)


def compared(comparison: Document, words: Words) -> dict[str, Chart]:
    """What changed from one execution to the other, as ``reports.comparison`` tells it: the mention rate of each brand,
    the other measures of the subject, and its mention rate on each engine. What cannot be compared is left out."""
    primary, others = comparison["primary"], comparison["others"]
    subject = primary["brand"]
    overall = [row for row in others if row["engine"] is None]
    figures = (
        (
            "compared_brands",
            words.say("Change of the mention rate"),
            [
                (row["brand"], row["brand"] == subject, row)
                for row in (primary, *overall)
                if row["measure"] == "mention_rate"
            ],
        ),
        (
            "compared_measures",
            words.say("Change of {brand}, by measure", brand=clean(subject)),
            [
                (words.say(_MEASURES.get(row["measure"], row["measure"])), row is primary, row)
                for row in (primary, *overall)
                if row["brand"] == subject
            ],
        ),
        (
            "compared_engines",
            words.say("Change of the mention rate of {brand}, by engine", brand=clean(subject)),
            [(row["engine"], False, row) for row in others if row["engine"] is not None and row["brand"] == subject],
        ),
    )
    found = {}
    for name, title, rows in figures:
        chart = _compared(name, title, [row for row in rows if row[2]["difference"] is not None], words)
        if chart is not None:
            found[name] = chart
    return found


def _compared(name: str, title: str, rows: Sequence[tuple[str, bool, Document]], words: Words) -> Chart | None:
    if not rows:
        return None
    kinds = {verdict: words.say(text) for verdict, text in _VERDICTS.items()}
    drawn = []
    for label, own, row in rows:
        verdict = row["verdict"] if row["verdict"] in ("up", "down") else ""
        number = {
            **{"value": row["difference"], "low": row["low"], "high": row["high"]},
            "n": row["n_before"] + row["n_after"],
        }
        drawn.append(
            Row(
                label,
                number,
                f"{points_of(row['difference'], words)} ({kinds[verdict]})",
                own=own,
                kind=verdict,
                shape=_SHAPES[verdict],
                more={words.say("Usable answers"): f"{words.number(row['n_before'])} → {words.number(row['n_after'])}"},
            )
        )
    most = max(max(abs(row.number["low"]), abs(row.number["high"])) for row in drawn)
    end = next(step for step in _STEPS if most <= step or step == _STEPS[-1])
    label, _, first = rows[0]
    said = words.say(
        "{name}: {difference} from the first to the second execution, interval {low} to {high}; verdict: {verdict}.",
        name=clean(label),
        difference=points_of(first["difference"], words),
        low=points_of(first["low"], words),
        high=points_of(first["high"], words),
        verdict=kinds[drawn[0].kind],
    )
    scale = Scale(
        words.say("Percentage points, second execution − first"),
        (-end, end),
        [round(end * step / 2, 4) for step in range(-2, 3)],
        labels="(datum.value > 0 ? '+' : datum.value < 0 ? '−' : '') + format(abs(datum.value) * 100, '.3~f')",
        zero=True,
        differ=True,
    )
    spec = interval_rows(
        drawn,
        scale,
        words,
        said=said,
        titles=(words.say("Compared"), words.say("Change")),
        kinds=kinds,
        colours="verdicts",
        shapes=True,
    )
    note = words.say("Lines are 95% intervals; a triangle marks a clear change, a circle none.")
    return Chart(name, title, said, note, spec)


@dataclass(frozen=True)
class Point:
    """One number at one time. ``label``: what its execution is called; ``engine`` None: over all engines.

    ``model_change`` says what changed where another model answers from here on than before; the line breaks there.
    """

    at: datetime
    execution_id: str
    value: float | None
    low: float | None
    high: float | None
    k: int
    n: int
    label: str | None = None
    model_change: str | None = None
    engine: str | None = None


#: so many points have their n beside them; more would cover one another
_MOST_WRITTEN = 14
#: so many series have a band; of more the bands hide one another
_MOST_BANDS = 2


def history(points: Sequence[Point], words: Words) -> Chart | None:
    """A rate over time, with its interval, and a mark where the served model changed. None without a number.

    A point without a value breaks the line; nothing is drawn between it and its neighbours.
    """
    ordered = sorted(points, key=lambda point: (point.engine or "", point.at))
    known = [point for point in ordered if point.value is not None]
    if not known:
        return None
    series = list(dict.fromkeys(point.engine for point in ordered))
    names = [words.say("All engines") if engine is None else clean(engine) for engine in series]
    values = _history_values(ordered, series, names, words)
    said = _history_told(known, words)
    first, last = min(point.at for point in known), max(point.at for point in known)
    axis = _time_axis(first, last, words)
    tips = {
        "when": words.say("Date"),
        "label": words.say("Execution"),
        "series": words.say("Engine"),
        "written": words.say("Value"),
        "interval": words.say("95% interval"),
        "change": words.say("Model change"),
    }
    spec = _history_spec(values, names, axis, tooltip(tips), said, written=len(known) <= _MOST_WRITTEN)
    note = words.say("Bands and lines are 95% intervals; n: usable answers.")
    if any(point.low is None for point in known):
        note += " " + words.say("A hollow point has no interval.")
    if any(point.model_change for point in ordered):
        note += " " + words.say("A dashed line: from here on another model answers, so the two sides are not one series.")
    return Chart("history", words.say("Over time"), said, note, spec)


def _history_values(
    ordered: Sequence[Point], series: Sequence[str | None], names: Sequence[str], words: Words
) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = []
    # a piece of a line goes on while the model stays and there are numbers
    piece, before = 0, None
    for point in ordered:
        if point.engine != before or point.model_change or point.value is None:
            piece, before = piece + 1, point.engine
        number: Number = {"value": point.value, "low": point.low, "high": point.high, "k": point.k, "n": point.n}
        values.append(
            {
                "at": round(point.at.timestamp() * 1000),
                "when": words.instant(point.at),
                "series": names[series.index(point.engine)],
                "piece": piece,
                "value": point.value,
                "low": point.low,
                "high": point.high,
                "present": point.value is not None,
                "bounded": point.value is not None and point.low is not None,
                "n": words.say("n = {n}", n=words.number(point.n)),
                "label": clean(point.label or point.execution_id),
                "written": f"{rate(number, words)} ({counts(number, words)})",
                "interval": interval(number, words),
                "change": clean(point.model_change or "–"),
                "changed": point.model_change is not None,
            }
        )
    return values


def _history_told(known: Sequence[Point], words: Words) -> str:
    """The first and the last number, and how many lie between them; of the whole where there are engines besides."""
    whole = [point for point in known if point.engine is None] or list(known)
    whole.sort(key=lambda point: point.at)
    first, last = whole[0], whole[-1]
    number: Number = {"value": last.value, "low": last.low, "high": last.high}
    changes = sum(point.model_change is not None for point in known)
    if len(whole) == 1:
        told = words.say(
            "One point only: {value} on {day} ({interval}).",
            value=percent(last.value or 0.0, words),
            day=words.day(last.at),
            interval=spread(number, words),
        )
    else:
        told = words.say(
            "From {before} on {first_day} to {value} on {day} ({interval}), in {n} executions.",
            before=percent(first.value or 0.0, words),
            first_day=words.day(first.at),
            value=percent(last.value or 0.0, words),
            day=words.day(last.at),
            interval=spread(number, words),
            n=words.number(len({point.execution_id for point in known})),
        )
    if not changes:
        return told
    return f"{told} " + words.count(changes, "The model changed once.", "The model changed {n} times.")


def _time_axis(first: datetime, last: datetime, words: Words) -> Spec:
    """The axis of time from a little before the first to a little after the last, in UTC."""
    length = last - first
    margin = max(length * 0.04, timedelta(hours=6) if length < timedelta(days=1) else timedelta(hours=12))
    if length < timedelta(days=2):
        shape = "%b %-d, %H:%M" if words.language == "en" else "%-m月%-d日 %H:%M"
    elif length < timedelta(days=330):
        shape = "%b %-d" if words.language == "en" else "%-m月%-d日"
    else:
        shape = "%b %Y" if words.language == "en" else "%Y年%-m月"
    ends = [round((moment.astimezone(UTC)).timestamp() * 1000) for moment in (first - margin, last + margin)]
    return {
        "field": "at",
        "type": "temporal",
        "title": None,
        "scale": {"type": "utc", "domain": ends, "nice": False},
        "axis": {"style": "scale", "grid": False, "format": shape, "tickCount": 6, "labelOverlap": "greedy"},
    }


def _history_spec(
    values: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    axis: Spec,
    tips: list[Spec],
    said: str,
    *,
    written: bool,
) -> Spec:
    legend = {"columns": legend_columns(names), "symbolType": "stroke"} if len(names) > 1 else None
    colour = {
        "field": "series",
        "type": "nominal",
        "scale": {"domain": list(names), "range": "series"},
        "legend": legend,
    }
    most = max(value["high"] if value["bounded"] else value["value"] or 0.0 for value in values)
    top = next((top for top in (0.25, 0.5) if most <= top), 1.0)
    level = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"style": "scale", "format": ".0%", "values": [round(top * n / 4, 4) for n in range(5)], "grid": True},
    }
    bounds = {"y": {**level, "field": "low"}, "y2": {"field": "high"}}
    layers: list[Spec] = []
    if len(names) <= _MOST_BANDS:
        layers.append(
            {
                "transform": [{"filter": "datum.bounded"}],
                "mark": {"type": "area", "style": "band"},
                "encoding": {"x": axis, **bounds, "color": colour, "detail": {"field": "piece", "type": "nominal"}},
            }
        )
    layers += [
        {
            "transform": [{"filter": "datum.changed"}],
            "mark": {"type": "rule", "style": "break"},
            "encoding": {"x": axis, "tooltip": tips},
        },
        {
            "transform": [{"filter": "datum.bounded"}],
            "mark": {"type": "rule", "style": "thin-interval", "opacity": 0.55},
            "encoding": {"x": axis, **bounds, "color": colour, "tooltip": tips},
        },
        {
            "transform": [{"filter": "datum.present"}],
            "mark": {"type": "line", "style": "trend"},
            "encoding": {
                "x": axis,
                "y": level,
                "color": colour,
                "strokeDash": {"field": "series", "type": "nominal", "scale": {"domain": list(names)}, "legend": legend},
                "detail": {"field": "piece", "type": "nominal"},
            },
        },
    ]
    for style, test in (("point", "datum.bounded"), ("hollow", "datum.present && !datum.bounded")):
        layers.append(
            {
                "transform": [{"filter": test}],
                "mark": {"type": "point", "style": style, "filled": style == "point"},
                "encoding": {"x": axis, "y": level, "color": colour, "tooltip": tips},
            }
        )
    if written and len(names) == 1:
        layers.append(
            {
                "transform": [{"filter": "datum.present"}],
                "mark": {"type": "text", "style": "quiet", "baseline": "bottom", "dy": -2},
                "encoding": {"x": axis, "y": {"datum": 0}, "text": {"field": "n", "type": "nominal"}},
            }
        )
    return specification(layers, said=said, height=240, least_width=420, values=values)

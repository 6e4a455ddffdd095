"""Figures of change: two executions set against one another, and one number over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from brandq.charts.chart import LEGEND_COLUMNS, Chart, Legend, Spec, specification, tooltip
from brandq.charts.labels import clean, shortened
from brandq.charts.rows import Row, Scale, interval_rows, rate_ticks
from brandq.charts.telling import (
    ABSENT,
    Number,
    counts,
    interval,
    n_of,
    percent,
    points_of,
    rate,
    sentences,
    spread,
    term,
)
from brandq.reports.definitions import DEFINITIONS
from brandq.words import Words

Document = Mapping[str, Any]

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
                (words.template(DEFINITIONS[row["measure"]]["name"]), row is primary, row)
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
    kinds = {"up": term("up", words), "down": term("down", words), "": words.say("No clear change")}
    drawn = []
    for label, own, row in rows:
        verdict = row["verdict"] if row["verdict"] in ("up", "down") else ""
        number = {
            "value": row["difference"],
            "low": row["low"],
            "high": row["high"],
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
    verdict = first["verdict"] if first["verdict"] in _SHAPES else ""
    said = words.say(
        "{name}: {difference} from the first to the second execution, interval {low} to {high}; verdict: {verdict}.",
        name=clean(label),
        difference=points_of(first["difference"], words),
        low=points_of(first["low"], words),
        high=points_of(first["high"], words),
        verdict=kinds[verdict],
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
        titles=(words.say("What is compared"), words.say("Change")),
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
#: so many changes of a model are written out at their lines, in pixels one above the other
_MOST_CHANGES, _CHANGE_STEP = 3, 14
_SHAPES_OF_SERIES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right"]


def history(points: Sequence[Point], words: Words) -> Chart | None:
    """A rate over time, with its interval, and a mark where the served model changed. None without a number.

    A point without a value breaks the line, and one without an interval the band; nothing is drawn between it and its
    neighbours. Series come in the order in which their engines do.
    """
    series = list(dict.fromkeys(point.engine for point in points))
    ordered = sorted(points, key=lambda point: (series.index(point.engine), point.at))
    known = [point for point in ordered if point.value is not None]
    if not known:
        return None
    names = [words.say("All engines") if engine is None else clean(engine) for engine in series]
    said = _history_told(known, words)
    values = _history_values(ordered, dict(zip(series, names, strict=True)), words)
    spec = _history_spec(values, names, _time_axis(sorted({point.at for point in known}), words), words, said)
    notes = [words.say("Bands and lines are 95% intervals; n: usable answers.")]
    if any(point.low is None for point in known):
        notes.append(words.say("A hollow point has no interval."))
    if any(point.model_change for point in ordered):
        broken = words.say("A dashed line: from here on another model answers, so the two sides are not one series.")
        notes.append(broken)
    return Chart("history", words.say("How it changed over time"), said, sentences(words, *notes), spec)


def _history_values(ordered: Sequence[Point], names: Mapping[str | None, str], words: Words) -> list[dict[str, Any]]:
    """A record for each point. ``piece`` and ``stretch``: what of a line, and of a band, goes on without a break."""
    first, last = min(point.at for point in ordered), max(point.at for point in ordered)
    values: list[dict[str, Any]] = []
    piece = stretch = changes = 0
    before: Point | None = None
    for point in ordered:
        apart = before is None or point.engine != before.engine or point.model_change is not None
        piece += apart or point.value is None
        stretch += apart or point.low is None
        before = point
        number: Number = {"value": point.value, "low": point.low, "high": point.high, "k": point.k, "n": point.n}
        change = clean(point.model_change or "")
        values.append(
            {
                "at": _milliseconds(point.at),
                "when": words.instant(point.at),
                "series": names[point.engine],
                "piece": piece,
                "stretch": stretch,
                "value": point.value,
                "low": point.low,
                "high": point.high,
                "present": point.value is not None,
                "bounded": point.value is not None and point.low is not None,
                "n": n_of(point.n, words),
                "label": clean(point.label or point.execution_id),
                "written": f"{rate(number, words)} ({counts(number, words)})",
                "interval": interval(number, words),
                "change": change or ABSENT,
                "mark": shortened(f"{names[point.engine]}: {change}" if len(names) > 1 else change, 24.0),
                "changed": point.model_change is not None,
                "late": point.at - first > (last - first) / 2,
                "over": -8 - _CHANGE_STEP * changes,
            }
        )
        changes += point.model_change is not None
    return values


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


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
    return sentences(words, told, words.count(changes, "The model changed once.", "The model changed {n} times."))


def _time_axis(times: Sequence[datetime], words: Words) -> Spec:
    """The axis of time from a little before the first to a little after the last, in UTC."""
    first, last = times[0], times[-1]
    length = last - first
    margin = max(length * 0.05, timedelta(hours=1))
    english = words.language == "en"
    if length < timedelta(days=2):
        shape = "%b %-d, %H:%M" if english else "%-m月%-d日 %H:%M"
    elif length < timedelta(days=330):
        shape = "%b %-d" if english else "%-m月%-d日"
    else:
        shape = "%b %Y" if english else "%Y年%-m月"
    return {
        "field": "at",
        "type": "temporal",
        "title": None,
        "scale": {
            "type": "utc",
            # as texts, here and below: Vega's interpreter, which draws under our policy, makes no instants of numbers
            "domain": [_iso(first - margin), _iso(last + margin)],
            "nice": False,
        },
        "axis": {
            "style": "scale",
            "grid": False,
            "format": shape,
            "labelOverlap": "greedy",
            # few points have their own times under them
            **({"values": [_iso(at) for at in times]} if len(times) <= _MOST_WRITTEN else {"tickCount": 6}),
        },
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _history_spec(
    values: Sequence[Mapping[str, Any]], names: Sequence[str], time: Spec, words: Words, said: str
) -> Spec:
    several = len(names) > 1
    tips = tooltip(
        {
            "when": words.say("Date"),
            "label": words.say("Which execution"),
            "series": words.say("Engine"),
            "written": words.say("Value"),
            "interval": words.say("95% interval"),
            "change": words.say("Model change"),
        }
    )
    legend = {"columns": {"expr": LEGEND_COLUMNS}} if several else None
    series = {"field": "series", "type": "nominal"}
    colour = {**series, "scale": {"domain": list(names), "range": "series"}, "legend": legend}
    top, ticks = rate_ticks(max(value["high"] if value["bounded"] else value["value"] or 0.0 for value in values))
    level = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"style": "scale", "format": ".0%", "values": ticks, "grid": True},
    }
    bounds = {"y": {**level, "field": "low"}, "y2": {"field": "high"}}

    def layer(test: str, mark: Spec, **encoding: Any) -> Spec:
        return {"transform": [{"filter": test}], "mark": mark, "encoding": {"x": time, **encoding}}

    layers: list[Spec] = []
    if len(names) <= _MOST_BANDS:
        stretch = {"field": "stretch", "type": "nominal"}
        layers.append(
            layer(
                "datum.bounded",
                {"type": "area", "style": "band"},
                **bounds,
                fill={**colour, "legend": None},
                detail=stretch,
            )
        )
    layers += [
        layer("datum.changed", {"type": "rule", "style": "break"}, tooltip=tips),
        layer("datum.bounded", {"type": "rule", "style": "range"}, **bounds, color=colour, tooltip=tips),
        layer(
            "datum.present",
            {"type": "line", "style": "trend"},
            y=level,
            color=colour,
            detail={"field": "piece", "type": "nominal"},
        ),
    ]
    shape = {"shape": {**series, "scale": {"domain": list(names), "range": _SHAPES_OF_SERIES}, "legend": legend}}
    told = {"y": level, "color": colour, "tooltip": tips, **(shape if several else {})}
    layers += [
        layer("datum.bounded", {"type": "point", "style": "point", "filled": True}, **told),
        layer("datum.present && !datum.bounded", {"type": "point", "style": "hollow", "filled": False}, **told),
    ]
    if not several and len(values) <= _MOST_WRITTEN:
        # a number beside a line, where there is one, and over nothing else
        beside: tuple[tuple[str, Spec], ...] = (
            ("!datum.changed", {"align": "center"}),
            ("datum.changed", {"align": "left", "dx": 4}),
        )
        for test, place in beside:
            text = {"type": "text", "style": "quiet", "baseline": "bottom", "dy": -2, **place}
            written = {"field": "n", "type": "nominal"}
            layers.append(layer(f"datum.present && {test}", text, y={"datum": 0, "type": "quantitative"}, text=written))
    changes = sum(value["changed"] for value in values)
    if changes <= _MOST_CHANGES:
        over = {"type": "text", "style": "quiet", "align": {"expr": "datum.late ? 'right' : 'left'"}, "dy": _OVER}
        layers.append(layer("datum.changed", over, y={"value": 0}, text={"field": "mark", "type": "nominal"}))
    return specification(
        layers,
        said=said,
        height=240,
        least_width=420,
        above=_CHANGE_STEP * changes if changes <= _MOST_CHANGES else 0,
        values=values,
        legend=Legend.of(names, ["100%"], []) if several else None,
        resolve={"scale": {"fill": "independent"}} if several else None,
    )


_OVER = {"expr": "datum.over"}

"""One brand over time: its mention rate in each execution, and which of these numbers may be read as one series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from brandq import charts, store
from brandq.plan import Brand, Plan, name_key
from brandq.store import Execution, Told, Wanted
from brandq.web import wire
from brandq.web.openapi import Operation, Parameter, Visit, operation
from brandq.web.pages.rendering import PAGE, page, words_for
from brandq.web.schemas import TEXT
from brandq.words import Words

#: executions of one brand: the newest ones
MOST_POINTS = 50
#: brands to choose from: the ones that were measured last
MOST_BRANDS = 200


@dataclass(frozen=True)
class Point:
    """One execution and what its report says of the brand; ``rate`` None where it has no such number."""

    execution: Execution
    #: as this plan spells it
    brand: str
    rate: Mapping[str, Any] | None
    reported: bool
    #: engines that another model answered for than the time before: key, models then, models now
    breaks: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    #: the point before it in its series, to compare with
    before: str | None = None


@dataclass(frozen=True)
class Basket:
    """What makes two numbers comparable: of executions with equal ones, the rates form one series."""

    kind: str
    prompts: frozenset[str]
    engines: frozenset[str]
    repeats: int
    brands: frozenset[Brand]
    subject: str
    system: str | None
    rules: str


@dataclass(frozen=True)
class Series:
    """Executions of one basket, the newest first, and what sets the basket apart from the newest one's, in words."""

    letter: str
    basket: Basket
    points: Sequence[Point]
    differs: Sequence[str]
    other_rules: bool


def _engine(text: str) -> str | None:
    return wire.words(200)(text) if text else None


@operation(
    Operation(
        "One brand over time",
        "pages",
        "read",
        {200: PAGE},
        parameters=(
            Parameter("brand", TEXT, "its name; without it, the subject that was measured last", wire.words(200)),
            Parameter("engine", TEXT, "only this engine's answers; empty: of all together", _engine),
        ),
    )
)
def show_history(visit: Visit) -> Response:
    """Only executions with the same basket are joined; the others stand by themselves, and the page says why."""
    owner, engine = visit.caller.owner, visit.given["engine"]
    with visit.desk.database.read() as db:
        known = store.tracked_brands(db, owner, MOST_BRANDS)
        brand = _chosen(visit.given["brand"], known)
        wanted = store.Filter(brand=brand, ended=True)
        ended = [] if brand is None else store.list_executions(db, owner, wanted, MOST_POINTS)
        asked = [one for one in ended if engine is None or engine in _engines(one.plan)]
        told = store.told_of_brand(db, [_wanted(one, brand or "", engine) for one in asked])
    words = words_for(visit.request)
    series = series_of(asked, told, brand or "", engine, words)
    return page(
        visit,
        "history.html",
        brand=brand,
        engine=engine,
        brands=known,
        engines=sorted({name for one in ended for name in _engines(one.plan)}),
        series=series,
        charts=charts_of(series, engine, words),
        chart_configs={"light": charts.config("light"), "dark": charts.config("dark")},
        executions=len(asked),
        most=MOST_POINTS if len(ended) == MOST_POINTS else None,
    )


def _chosen(given: str | None, known: Sequence[store.TrackedBrand]) -> str | None:
    """The brand that is meant, as it was spelled last; one that nobody tracks stays as it was given."""
    if given is None:
        return next((one.name for one in known if one.subject), known[0].name if known else None)
    return next((one.name for one in known if one.name_key == name_key(given)), given)


def _engines(plan: Plan) -> list[str]:
    return [engine.engine for engine in plan.engines]


def _wanted(found: Execution, brand: str, engine: str | None) -> Wanted:
    places = [name_key(one.name) for one in found.plan.brands]
    return Wanted(
        found.execution_id,
        places.index(name_key(brand)),
        None if engine is None else _engines(found.plan).index(engine),
    )


def series_of(
    ended: Sequence[Execution], told: Mapping[str, Told], brand: str, engine: str | None, words: Words
) -> list[Series]:
    """The executions, newest first, as one series for each basket; the series with the newest execution first."""
    breaks = _breaks(ended, told, engine)
    baskets = [_basket(one, told.get(one.execution_id), engine) for one in ended]
    # an execution without a report stands among those that it would belong to
    read_by: dict[Basket, str] = {}
    for basket in baskets:
        if basket.rules:
            read_by.setdefault(replace(basket, rules=""), basket.rules)
    grouped: dict[Basket, list[Execution]] = {}
    for one, basket in zip(ended, baskets, strict=True):
        whole = basket if basket.rules else replace(basket, rules=read_by.get(basket, ""))
        grouped.setdefault(whole, []).append(one)
    found = []
    for number, (basket, theirs) in enumerate(grouped.items()):
        newest = next(iter(grouped))
        points = []
        measured = [one.execution_id for one in theirs if one.execution_id in told]
        for one in theirs:
            place = measured.index(one.execution_id) if one.execution_id in told else None
            points.append(
                Point(
                    one,
                    next(each.name for each in one.plan.brands if name_key(each.name) == name_key(brand)),
                    _rate(told.get(one.execution_id)),
                    one.execution_id in told,
                    breaks.get(one.execution_id, ()),
                    measured[place + 1] if place is not None and place + 1 < len(measured) else None,
                )
            )
        found.append(
            Series(
                _letter(number),
                basket,
                points,
                [] if number == 0 else _differs(basket, newest, words),
                number > 0 and _other_rules(basket, newest),
            )
        )
    return found


def charts_of(series: Sequence[Series], engine: str | None, words: Words) -> dict[str, charts.Chart]:
    """A chart for each series that has two numbers or more, by its letter."""
    drawn = {}
    for one in series:
        points = [_drawn(point, engine) for point in one.points if point.rate and point.rate["value"] is not None]
        chart = charts.history(points, words) if len(points) > 1 else None
        if chart is not None:
            drawn[one.letter] = chart
    return drawn


def _drawn(point: Point, engine: str | None) -> charts.Point:
    rate, found = point.rate or {}, point.execution
    changes = [f"{name}: {', '.join(then)} → {', '.join(now)}" for name, then, now in point.breaks]
    return charts.Point(
        at=found.ended_at or found.updated_at,
        execution_id=found.execution_id,
        value=rate["value"],
        low=rate["low"],
        high=rate["high"],
        k=rate["k"],
        n=rate["n"],
        label=found.plan.label,
        model_change="; ".join(changes) or None,
        engine=engine,
    )


def _letter(number: int) -> str:
    """A, B … Z, A1, B1 …"""
    return chr(ord("A") + number % 26) + (str(number // 26) if number >= 26 else "")


def _rate(told: Told | None) -> Mapping[str, Any] | None:
    """The number with the interval that is about these very prompts, asked again: that is what a series does."""
    if told is None:
        return None
    return told.panel or told.rate


def _kind(plan: Plan, told: Told | None, engine: str | None) -> str:
    """Whose answers they are. One engine that is simulated or imported makes the whole of it so."""
    asked = [one for one in plan.engines if engine in (None, one.engine)]
    # answers that were taken over may be another's than those that the plan asks for
    reported = [one for one in (told.engines if told else ()) if engine in (None, one["engine"])]
    for kind in ("simulated", "imported"):
        if any(getattr(one, kind) for one in asked) or any(one[kind] for one in reported):
            return kind
    return "real"


def _basket(found: Execution, told: Told | None, engine: str | None) -> Basket:
    plan = found.plan
    return Basket(
        _kind(plan, told, engine),
        frozenset(plan.prompts),
        frozenset(_engines(plan)) if engine is None else frozenset({engine}),
        plan.repeats,
        frozenset(plan.brands),
        plan.subject.name,
        plan.system,
        told.method_version.partition("+judge.")[0] if told else "",
    )


def _differs(basket: Basket, newest: Basket, words: Words) -> list[str]:
    """What sets a basket apart from the newest one, in words."""
    found = []
    if basket.kind != newest.kind:
        found.append(
            words.say("answered by a simulator")
            if basket.kind == "simulated"
            else words.say("imported answers")
            if basket.kind == "imported"
            else words.say("answers that were asked for here")
        )
    for differ, said in (
        (basket.prompts != newest.prompts, words.say("other prompts")),
        (basket.engines != newest.engines, words.say("other engines")),
        (basket.repeats != newest.repeats, words.say("another number of repeats")),
        (basket.brands != newest.brands, words.say("other brands, or brands spelled differently")),
        (basket.subject != newest.subject, words.say("another of the brands as mine")),
        (basket.system != newest.system, words.say("another text before the prompts")),
        (_other_rules(basket, newest), words.say("read by other rules")),
    ):
        if differ:
            found.append(said)
    return found


def _other_rules(basket: Basket, newest: Basket) -> bool:
    """Whether the same brands were looked for by other rules, which can be put right."""
    same = (basket.brands, basket.subject) == (newest.brands, newest.subject)
    return same and bool(basket.rules and newest.rules) and basket.rules != newest.rules


def _breaks(
    ended: Iterable[Execution], told: Mapping[str, Told], engine: str | None
) -> dict[str, tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]]:
    """By execution: the engines that another model answered for than in the execution before that asked them."""
    last: dict[tuple[str, str], tuple[str, ...]] = {}
    found: dict[str, tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = {}
    for one in sorted(ended, key=lambda each: (each.created_at, each.execution_id)):
        reported = told.get(one.execution_id)
        changed = []
        for asked in reported.engines if reported else ():
            served = tuple(sorted(each["model"] for each in asked.get("served_models", ()) if each["model"]))
            if not served or engine not in (None, asked["engine"]):
                continue
            key = (_kind(one.plan, reported, asked["engine"]), asked["engine"])
            if last.get(key, served) != served:
                changed.append((asked["engine"], last[key], served))
            last[key] = served
        if changed:
            found[one.execution_id] = tuple(changed)
    return found

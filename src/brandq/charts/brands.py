"""Figures about the tracked brands, over all engines and prompts: how often, how high, how well, and who instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from brandq.charts.chart import Chart
from brandq.charts.labels import clean
from brandq.charts.rows import Row, Scale, interval_rows, rate_scale
from brandq.charts.stacks import Stack, stacked
from brandq.charts.telling import ABSENT, Number, counts, has_interval, n_of, rate, sentences, signed, spread, term
from brandq.words import Words

Document = Mapping[str, Any]


def mention_rates(document: Document, words: Words) -> Chart | None:
    """How many of the usable answers name each brand, the most named first."""

    def told(brand: str, number: Number) -> str:
        return words.say(
            "{brand} is named in {value} of the usable answers ({counts}, {interval}).",
            brand=brand,
            value=rate(number, words),
            counts=counts(number, words),
            interval=spread(number, words),
        )

    titles = words.say("Mention rate"), words.say("Answers that name the brand")
    return _rates(document, words, "mention_rate", "mention_rates", titles, told)


def share_of_voice(document: Document, words: Words) -> Chart | None:
    """Each brand's part of all mentions of tracked brands."""

    def told(brand: str, number: Number) -> str:
        return words.say(
            "{brand} has {value} of the mentions of all tracked brands ({counts}, {interval}).",
            brand=brand,
            value=rate(number, words),
            counts=counts(number, words),
            interval=spread(number, words),
        )

    titles = words.say("Share of voice"), words.say("Part of the mentions of all tracked brands")
    return _rates(document, words, "share_of_voice", "share_of_voice", titles, told, bars=True)


def _rates(
    document: Document,
    words: Words,
    measure: str,
    name: str,
    titles: tuple[str, str],
    told: Callable[[str, Number], str],
    *,
    bars: bool = False,
) -> Chart | None:
    """``titles``: of the figure, and of its axis; ``told`` says a brand's number in a sentence."""
    brands = _most_first([(brand["name"], brand["subject"], brand["overall"][measure]) for brand in document["brands"]])
    if all(number["value"] is None for _, _, number in brands):
        return None
    rows = [Row(brand, number, _rate_told(number, words), own=own) for brand, own, number in brands]
    numbers = [row.number for row in rows]
    said = _subject_told(brands, words, told)
    scale = rate_scale(titles[1], numbers)
    spec = interval_rows(rows, scale, words, said=said, titles=(words.say("Brand"), titles[0]), bars=bars)
    return Chart(name, titles[0], said, interval_note(numbers, words, bars=bars), spec)


def _ranks(words: Words) -> dict[str, str]:
    """The counts of a rank distribution, each with how it is told, in the order of their colours."""
    return {
        "1": words.say("1st"),
        "2": words.say("2nd"),
        "3": words.say("3rd"),
        "4-5": words.say("4–5"),
        "6-10": words.say("6–10"),
        "11+": words.say("11 or lower"),
        "unranked": words.say("Named, no rank"),
        "not_named": words.say("Not named"),
    }


def ranks(document: Document, words: Words) -> Chart | None:
    """Which ranks the usable answers give each brand; the brands most often first come first."""
    brands = [
        (brand["name"], brand["subject"], brand["overall"].get("rank_distribution") or {"n": 0})
        for brand in document["brands"]
    ]
    if not any(ranked["n"] for _, _, ranked in brands):
        return None
    kinds = _ranks(words)
    brands.sort(key=lambda row: [-row[2].get(rank, 0) for rank in kinds])
    told_n = [n_of(ranked["n"], words) for _, _, ranked in brands]
    stacks = [Stack(name, ranked, told, own) for (name, own, ranked), told in zip(brands, told_n, strict=True)]
    subject, ranked = next((name, ranked) for name, own, ranked in brands if own)
    said = words.say(
        "Of {n} usable answers, {first} rank {brand} first, {next} second or third and {lower} lower; {unranked} name "
        "it without a rank, {unnamed} do not name it.",
        n=words.number(ranked["n"]),
        first=words.number(ranked["1"]),
        brand=clean(subject),
        next=words.number(ranked["2"] + ranked["3"]),
        lower=words.number(ranked["4-5"] + ranked["6-10"] + ranked["11+"]),
        unranked=words.number(ranked["unranked"]),
        unnamed=words.number(ranked["not_named"]),
    )
    spec = stacked(stacks, kinds, "ranks", words, said=said, titles=(words.say("Brand"), words.say("Rank")))
    note = words.say("Places in explicit lists of recommendations; the numbers in the bars are usable answers.")
    return Chart("ranks", words.say("Ranks"), said, note, spec)


#: how answers speak of a brand, in the order of their colours
_SENTIMENTS = ("pos", "neu", "mixed", "neg", "unknown")


def sentiments(document: Document, words: Words) -> Chart | None:
    """How the answers that name each brand speak of it."""
    rows = []
    for brand in document["brands"]:
        split = brand["overall"].get("sentiment") or {}
        parts = {label: number.get("k", 0) for label, number in split.items()}
        rows.append((brand["name"], brand["subject"], parts, sum(parts.values())))
    if not any(n for _, _, _, n in rows):
        return None
    rows.sort(key=lambda row: (not row[3], -(row[2].get("pos", 0) / row[3] if row[3] else 0)))
    stacks = [Stack(name, parts, n_of(n, words) if n else words.say("not named"), own) for name, own, parts, n in rows]
    subject, parts, n = next((clean(name), parts, n) for name, own, parts, n in rows if own)
    said = (
        words.say(
            "Of {n} answers that name {brand}, {pos} speak well of it, {neg} badly, {mixed} both ways and {neu} "
            "neither way; in {unknown} it cannot be told.",
            n=words.number(n),
            brand=subject,
            **{label: words.number(parts.get(label, 0)) for label in _SENTIMENTS},
        )
        if n
        else words.say("No usable answer names {brand}.", brand=subject)
    )
    kinds = {label: term(label, words) for label in _SENTIMENTS}
    titles = words.say("Brand"), words.say("Sentiment")
    spec = stacked(stacks, kinds, "sentiments", words, said=said, titles=titles)
    note = words.say("The numbers in the bars are usable answers that name the brand.")
    return Chart("sentiments", words.say("Sentiment"), said, note, spec)


def strength(document: Document, words: Words) -> Chart | None:
    """How firmly each brand is recommended, where it is named."""
    brands = _most_first(
        [
            (brand["name"], brand["subject"], brand["overall"].get("recommendation_strength") or _NOTHING)
            for brand in document["brands"]
        ]
    )
    if all(number["value"] is None for _, _, number in brands):
        return None
    title = words.say("Strength of recommendation")
    rows = [
        Row(
            brand,
            number,
            f"{_mean(number, words)} ({n_of(number['n'], words)})",
            own=own,
        )
        for brand, own, number in brands
    ]
    own, number = next((brand, number) for brand, subject, number in brands if subject)
    told = (
        words.say("No usable answer lets it be told how firmly {brand} is recommended.", brand=clean(own))
        if number["value"] is None
        else words.say(
            "{brand} is recommended with a strength of {value} ({interval}, n = {n}); 3 is the top pick, −1 advised "
            "against.",
            brand=clean(own),
            value=_mean(number, words),
            interval=spread(number, words, mean=True),
            n=words.number(number["n"]),
        )
    )
    scale = Scale(
        words.say("−1 advised against, 0 merely named, 1 an option, 2 recommended, 3 top pick"),
        (-1.0, 3.0),
        (-1, 0, 1, 2, 3),
        format="d",
        zero=True,
        mean=True,
    )
    spec = interval_rows(rows, scale, words, said=told, titles=(words.say("Brand"), title))
    return Chart("strength", title, told, interval_note([row.number for row in rows], words), spec)


_NOTHING: Number = {"value": None, "n": 0, "reason": ""}


def instead(document: Document, words: Words) -> Chart | None:
    """Who is recommended where the subject is not."""
    subject = next(brand for brand in document["brands"] if brand["subject"])
    rivals = [(row["brand"], row["rate"]) for row in subject["overall"].get("intercepted_by", ())]
    if not rivals or rivals[0][1]["value"] is None:
        return None
    rows = [Row(brand, number, _rate_told(number, words)) for brand, number in rivals]
    title = words.say("Recommended instead")
    brand, (first, number) = clean(subject["name"]), rivals[0]
    told = (
        words.say("No usable answer recommends another tracked brand and not {brand}.", brand=brand)
        if not number["k"]
        else words.say(
            "{rival} is recommended most where {brand} is not: in {value} of the usable answers "
            "({counts}, {interval}).",
            rival=clean(first),
            brand=brand,
            value=rate(number, words),
            counts=counts(number, words),
            interval=spread(number, words),
        )
    )
    axis = words.say("Answers that recommend it and not {brand}", brand=brand)
    scale = rate_scale(axis, [number for _, number in rivals])
    spec = interval_rows(rows, scale, words, said=told, titles=(words.say("Brand"), title), bars=True)
    note = interval_note([row.number for row in rows], words, bars=True)
    several = words.say("An answer that recommends two of them counts for both.")
    return Chart("instead", title, told, sentences(words, note, several) if len(rows) > 1 else note, spec)


def _most_first(brands: Sequence[tuple[str, bool, Number]]) -> list[tuple[str, bool, Number]]:
    """Those without a number last; of equals, the plan's order."""
    return sorted(brands, key=lambda row: (row[2]["value"] is None, -(row[2]["value"] or 0.0)))


def _rate_told(number: Number, words: Words) -> str:
    return rate(number, words) if number["value"] is None else f"{rate(number, words)} ({counts(number, words)})"


def _mean(number: Number, words: Words) -> str:
    return ABSENT if number["value"] is None else signed(number["value"], words)


def _subject_told(brands: Sequence[tuple[str, bool, Number]], words: Words, tell: Callable[[str, Number], str]) -> str:
    """The subject's number in a sentence, and its place among the others."""
    subject, number = next((clean(name), number) for name, own, number in brands if own)
    first, best = brands[0][0], brands[0][2]
    if number["value"] is None:
        why = words.told(number["reason"])
        told = words.say("There is no number for {brand}: {reason}.", brand=subject, reason=why)
    else:
        told = tell(subject, number)
    if len(brands) == 1:
        return told
    place = 1 + sum((other["value"] or 0.0) > (number["value"] or 0.0) for _, _, other in brands)
    if place == 1 and number["value"] is not None:
        return sentences(words, told, words.say("No other of {n} brands has more.", n=words.number(len(brands))))
    most = words.say(
        "{first} has the most of {n} brands, {value}.",
        n=words.number(len(brands)),
        first=clean(first),
        value=rate(best, words),
    )
    return sentences(words, told, most)


def interval_note(numbers: Sequence[Number], words: Words, *, bars: bool = False) -> str:
    """How lines and points are to be read, and why some have no interval."""
    present = [number for number in numbers if number["value"] is not None]
    without = [number for number in present if not has_interval(number)]
    told = []
    if len(without) < len(present):
        told.append(words.say("Lines are 95% intervals."))
    if without and bars:
        told.append(words.say("A bar without a line has no interval: {reason}.", reason=_why(without, words)))
    elif without:
        told.append(words.say("A hollow point has no interval: {reason}.", reason=_why(without, words)))
    notes = dict.fromkeys(number["note"] for number in present if number.get("note"))
    told += [words.say("Note: {note}.", note=words.told(note)) for note in notes]
    if len(present) < len(numbers):
        told.append(words.say("A dash: there is no number."))
    return sentences(words, *told)


def _why(numbers: Sequence[Number], words: Words) -> str:
    return words.list(dict.fromkeys(words.told(number.get("interval_reason")) for number in numbers))

"""The verdict: what a report says in three sentences, each with the number and the interval that it rests on.

How often the subject is named; how it stands against its competitors; what stands out most. A sentence claims no more
than the answers carry: a difference is called one only where it is told from chance, and where there are few answers it
says so. Nothing is measured here that the document does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from brandq.measures.comparing import FALSE_DISCOVERIES, benjamini_hochberg, paired_t
from brandq.measures.rates import FEWEST_PROMPTS, Number
from brandq.words import Words

Document = Mapping[str, Any]
Standing = Literal["ahead", "behind", "unclear", "untold"]

#: usable answers under which nothing is said beyond them
FEWEST_ANSWERS = 10
#: a rate that stands out: its interval does not reach below this ...
_FIRMLY = 0.2
#: ... or, where the answers are few, it is at least this among them
_LOOSELY = 1 / 3
#: sources of one's own in less than this part of the answers are told to be rare
_RARELY = 0.05


@dataclass(frozen=True)
class Claim:
    """One sentence, and what limits it.

    ``about``: named, against, or stands_out. ``headline`` is its figure in a few characters, a dash without one, and
    ``measure`` what it is a figure of.
    ``number`` is what it rests on, and lies between ``ends``; None where there is none. ``answers`` are the parameters
    that find the answers behind it. ``firm``: whether it says anything beyond these answers.
    """

    about: str
    headline: str
    measure: str
    text: str
    limits: tuple[str, ...] = ()
    number: Number | None = None
    ends: tuple[float, float] = (0.0, 1.0)
    answers: Mapping[str, str] = field(default_factory=dict)
    firm: bool = False


@dataclass(frozen=True)
class Rival:
    """A competitor beside the subject. ``difference`` is the subject's mention rate less the competitor's.

    It is the mean over the prompts, with its interval as in ``comparing.paired_t``; its value is None, with a
    ``reason``, where there are too few prompts. ``standing`` is the subject's: ahead, behind, unclear, or untold.
    """

    name: str
    rate: Number
    difference: Number
    standing: Standing


def verdict(document: Document, words: Words) -> list[Claim]:
    """The sentences in this language; two of them where no answer is usable."""
    subject = document["brands"][0]
    if subject["overall"]["mention_rate"]["value"] is None:
        return list(_nothing(document, words))
    return [_named(subject, words), _against(document, words), _stands_out(document, words)]


def is_few(number: Number) -> bool:
    """Whether a number rests on too few answers, or too few prompts, to be read as more than a count of them."""
    few_prompts = number.get("estimand") == "market" and number.get("prompts", 0) < FEWEST_PROMPTS
    return bool(few_prompts or number["n"] < FEWEST_ANSWERS or number.get("low") is None)


# -- no usable answer


def _nothing(document: Document, words: Words) -> Iterator[Claim]:
    subject, counted = document["brands"][0], document["coverage"]["outcomes"]
    text = words.say("There is no usable answer, so nothing can be said about {brand}.", brand=subject["name"])
    reason = words.told(subject["overall"]["mention_rate"]["reason"])
    yield Claim("named", "–", words.say("Mention rate"), text, (words.say("The reason: {reason}.", reason=reason),))
    codes: dict[str, int] = {}
    for engine in document["coverage"]["engines"]:
        for error in engine["errors"]:
            codes[error["code"]] = codes.get(error["code"], 0) + error["samples"]
    if codes:
        code = max(codes, key=lambda each: (codes[each], each))
        text = words.say(
            "{k} of {n} samples failed for one reason, {code}.",
            k=words.number(codes[code]),
            n=words.number(document["coverage"]["planned"]),
            code=words.term(code),
        )
        yield Claim(
            "stands_out",
            "–",
            words.say("Failures"),
            text,
            (words.explained(code) or words.term(code),),
            answers={"outcome": "failed"},
        )
    elif counted.get("refused"):
        text = words.say(
            "{k} of {n} samples were refused: the assistants did not want to answer.",
            k=words.number(counted["refused"]),
            n=words.number(document["coverage"]["planned"]),
        )
        yield Claim("stands_out", "–", words.say("Refusals"), text, answers={"outcome": "refused"})


# -- how often it is named


def _named(subject: Mapping[str, Any], words: Words) -> Claim:
    brand, number = subject["name"], subject["overall"]["mention_rate"]
    if number["k"] == 0:
        text = words.say("None of the {n} usable answers names {brand}.", n=words.number(number["n"]), brand=brand)
    else:
        text = words.say(
            "{brand} is named in {k} of {n} usable answers ({share}).", brand=brand, **_counted(number, words)
        )
    limits = [*_limits(number, words)]
    if subject.get("named_in_prompts") and number["k"]:
        limits.append(
            words.count(
                len(subject["named_in_prompts"]),
                "{n} of the prompts names {brand} itself, which makes such answers more likely.",
                "{n} of the prompts name {brand} themselves, which makes such answers more likely.",
                brand=brand,
            )
        )
    return Claim(
        "named",
        share(number["value"], words),
        words.say("Mention rate"),
        text,
        tuple(limits),
        number,
        answers={"brand": brand, "finding": "named" if number["k"] else "not_named"},
        firm=not is_few(number),
    )


def _limits(number: Number, words: Words) -> Iterator[str]:
    """How far a rate may be off, and whether it says anything beyond the answers that were counted."""
    if number.get("low") is None:
        yield words.say("How far this may be off cannot be told: {reason}.", reason=words.told(_no_interval(number)))
    elif number.get("estimand") == "market":
        yield words.say(
            "The true rate most likely lies between {low} and {high} (95% interval).", **_ends(number, words)
        )
    else:
        yield words.say(
            "Were the same prompt asked again, it would most likely lie between {low} and {high} (95% interval).",
            **_ends(number, words),
        )
    if number.get("estimand") == "market" and number.get("prompts", 0) < FEWEST_PROMPTS:
        yield words.count(
            number.get("prompts", 0),
            "{n} prompt is too few to speak of what people ask in general.",
            "{n} prompts are too few to speak of what people ask in general.",
        )
    elif number["n"] < FEWEST_ANSWERS:
        yield words.count(number["n"], "{n} answer is too few to say more.", "{n} answers are too few to say more.")


# -- how it stands against its competitors


def rivals(document: Document) -> list[Rival]:
    """The competitors, those named most often first, each compared with the subject over the same prompts.

    Prompts that name one of the two are left out, for they make what would be compared. All competitors are looked at
    together, so the p of each is adjusted (Benjamini and Hochberg). Where every prompt gives the same difference there
    is no spread to test, and the two count as different where their intervals do not touch.
    """
    subject, *others = document["brands"]
    compared = [_over_prompts(subject, other) for other in others]
    tested = [place for place, each in enumerate(compared) if each["difference"] is not None]
    adjusted = dict(zip(tested, benjamini_hochberg([compared[place]["p"] for place in tested]), strict=True))
    found = [
        Rival(
            other["name"],
            other["overall"]["mention_rate"],
            _as_number(each),
            _standing(subject, other, each, adjusted.get(place)),
        )
        for place, (other, each) in enumerate(zip(others, compared, strict=True))
    ]
    return sorted(found, key=lambda rival: -(rival.rate.get("k") or 0))


def _over_prompts(subject: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """The two brands' rates compared prompt by prompt; a prompt that names one of them makes mentions of it."""
    prompted = _prompting(subject, other)
    differences = []
    for mine, theirs in zip(subject["prompts"], other["prompts"], strict=True):
        one, two = mine["mention_rate"], theirs["mention_rate"]
        if mine["prompt_no"] not in prompted and one["value"] is not None and two["value"] is not None:
            differences.append(one["k"] / one["n"] - two["k"] / two["n"])
    return paired_t(differences)


def _prompting(*brands: Mapping[str, Any]) -> set[int]:
    return {prompt_no for brand in brands for prompt_no in brand.get("named_in_prompts") or ()}


def _as_number(compared: Mapping[str, Any]) -> Number:
    if compared["difference"] is None:
        return {"value": None, "n": 0, "reason": compared["reason"]}
    return {
        "value": compared["difference"],
        "n": compared["prompts"],
        "low": compared["low"],
        "high": compared["high"],
        "interval": "paired_t",
    }


def _standing(
    subject: Mapping[str, Any], other: Mapping[str, Any], compared: Mapping[str, Any], p: float | None
) -> Standing:
    if compared["difference"] is not None and p is not None:
        if p <= FALSE_DISCOVERIES and compared["low"] > 0:
            return "ahead"
        if p <= FALSE_DISCOVERIES and compared["high"] < 0:
            return "behind"
        return "unclear"
    if compared["prompts"] < FEWEST_PROMPTS:
        return "untold"
    mine, theirs = subject["overall"]["mention_rate"], other["overall"]["mention_rate"]
    if _prompting(subject, other):
        # the intervals over all prompts say nothing of those that are left
        return "unclear"
    if mine["low"] > theirs["high"]:
        return "ahead"
    return "behind" if mine["high"] < theirs["low"] else "unclear"


def _against(document: Document, words: Words) -> Claim:
    subject = document["brands"][0]
    brand, mine = subject["name"], subject["overall"]["mention_rate"]
    others = rivals(document)
    if not others:
        text = words.say(
            "No competitor is tracked, so it cannot be said how {brand} stands against others.", brand=brand
        )
        return Claim("against", "–", words.say("Place among the tracked brands"), text)
    first = others[0]
    if mine["k"] == 0 == first.rate["k"]:
        text = words.count(
            len(others) + 1,
            "{n} tracked brand is named in no usable answer.",
            "None of the {n} tracked brands is named in a usable answer, so there is no order among them.",
        )
        return Claim("against", "–", words.say("Place among the tracked brands"), text)
    place = 1 + sum(other.rate["k"] > mine["k"] for other in others)
    return Claim(
        "against",
        words.say("{place} of {n}", place=words.number(place), n=words.number(len(others) + 1)),
        words.say("Place among the tracked brands"),
        _compared(brand, mine, first, words),
        tuple(_how_firmly(document, first, others, words)),
        first.difference if first.difference["value"] is not None else None,
        (-1.0, 1.0),
        {"brand": first.name, "finding": "named"},
        firm=first.standing in ("ahead", "behind"),
    )


def _compared(brand: str, mine: Number, first: Rival, words: Words) -> str:
    """The subject beside the competitor that is named most often."""
    gaps = {
        "brand": brand,
        "rival": first.name,
        "share": share(mine["value"], words),
        "other": share(first.rate["value"], words),
    }
    if mine["k"] == first.rate["k"]:
        return words.say("{brand} and {rival} are named in equally many answers ({share}).", **gaps)
    if first.standing == "ahead":
        return words.say(
            "{brand} is named most often, and clearly more often than {rival} ({share} against {other}).", **gaps
        )
    if first.standing == "behind":
        return words.say("{rival} is named clearly more often than {brand} ({other} against {share}).", **gaps)
    if mine["k"] > first.rate["k"]:
        return words.say(
            "{brand} is named most often, but not clearly more often than {rival} ({share} against {other}).", **gaps
        )
    return words.say("{rival} is named more often than {brand}, but not clearly so ({other} against {share}).", **gaps)


def _how_firmly(document: Document, first: Rival, others: Sequence[Rival], words: Words) -> Iterator[str]:
    subject = document["brands"][0]
    other = next(brand for brand in document["brands"] if brand["name"] == first.name)
    difference, left_out = first.difference, _prompting(subject, other)
    if left_out:
        yield words.count(
            len(left_out),
            "{n} prompt names {brand} or {rival} itself, and is left out of the comparison.",
            "{n} prompts name {brand} or {rival} themselves, and are left out of the comparison.",
            brand=subject["name"],
            rival=first.name,
        )
    if difference["value"] is not None:
        gaps = {name: points(difference[name], words) for name in ("value", "low", "high")}
        if first.standing == "unclear" and subject["overall"]["mention_rate"]["k"] != first.rate["k"]:
            yield words.say(
                "The difference of {value} points may be chance: it most likely lies between {low} and {high}.", **gaps
            )
        else:
            yield words.say(
                "Over the prompts the difference is {value} points, most likely between {low} and {high}.", **gaps
            )
    elif first.standing == "untold":
        yield words.say("There are too few prompts to tell a difference from chance.")
    else:
        yield words.say("Every prompt shows the same difference, so only the two intervals are compared.")
    if len(others) > 1:
        yield from _all_others(others, words)


def _all_others(others: Sequence[Rival], words: Words) -> Iterator[str]:
    """How many are told apart from the subject, where any is."""
    n = words.number(len(others))
    ahead, behind = (sum(other.standing == standing for other in others) for standing in ("ahead", "behind"))
    if ahead == len(others):
        yield words.say("All {n} competitors are named clearly less often.", n=n)
    elif behind == len(others):
        yield words.say("All {n} competitors are named clearly more often.", n=n)
    elif ahead or behind:
        yield words.say(
            "Of {n} competitors, {fewer} are named clearly less often and {more} clearly more often; for {level} the "
            "answers do not tell.",
            n=n,
            fewer=words.number(ahead),
            more=words.number(behind),
            level=words.number(len(others) - ahead - behind),
        )


# -- what stands out most


def _stands_out(document: Document, words: Words) -> Claim:
    """The first of these that shows: others instead of it, reservations, no source of its own, praise, strangers."""
    for tell in (_instead, _reservations, _unsourced, _recommended, _strangers):
        claim = tell(document, words)
        if claim is not None:
            return claim
    brand = document["brands"][0]["name"]
    text = words.say(
        "Nothing else stands out: of what is measured about {brand}, nothing occurs often enough to be pointed at.",
        brand=brand,
    )
    return Claim("stands_out", "–", words.say("What stands out"), text)


def _notable(number: Number | None) -> bool:
    if number is None or number["value"] is None:
        return False
    return bool(number["value"] >= _LOOSELY if is_few(number) else number["low"] >= _FIRMLY)


def _claimed(
    measure: str,
    text: str,
    number: Number,
    answers: Mapping[str, str],
    words: Words,
    *more: str,
    before: Sequence[str] = (),
) -> Claim:
    limits = (*before, *_limits(number, words), *more)
    headline = share(number["value"], words)
    return Claim("stands_out", headline, measure, text, limits, number, answers=answers, firm=not is_few(number))


def _instead(document: Document, words: Words) -> Claim | None:
    subject = document["brands"][0]
    number = subject["overall"].get("interception_rate")
    if len(document["brands"]) == 1 or not _notable(number):
        return None
    brand = subject["name"]
    text = words.say(
        "In {k} of {n} usable answers ({share}) a competitor is recommended and {brand} is not.",
        brand=brand,
        **_counted(number, words),
    )
    mostly = []
    by = subject["overall"].get("intercepted_by") or []
    if by and by[0]["rate"].get("k"):
        k = words.number(by[0]["rate"]["k"])
        mostly.append(words.say("Most often it is {rival}, in {k}.", rival=by[0]["brand"], k=k))
    return _claimed(
        words.say("A competitor recommended instead"),
        text,
        number,
        {"brand": brand, "finding": "instead"},
        words,
        before=mostly,
    )


def _reservations(document: Document, words: Words) -> Claim | None:
    subject = document["brands"][0]
    number = subject["overall"].get("caveat_rate")
    if not _notable(number):
        return None
    brand = subject["name"]
    text = words.say(
        "Of {n} answers that judge {brand}, {k} hold something against it ({share}).",
        brand=brand,
        **_counted(number, words),
    )
    return _claimed(words.say("With a reservation"), text, number, {"brand": brand, "finding": "caveat"}, words)


def _unsourced(document: Document, words: Words) -> Claim | None:
    subject, sources = document["brands"][0], document["citations"]
    number = subject["overall"].get("owned_citation_rate")
    given = sources["with_sources"]
    if number is None or number["value"] is None or not _notable(given) or not sources["domains"]:
        return None
    if is_few(number) or number["value"] > _RARELY:
        return None
    brand, top = subject["name"], sources["domains"][0]
    if number["k"] == 0:
        text = words.say(
            "The answers cite sources, but in none of {n} usable ones a page of {brand} itself.",
            n=words.number(number["n"]),
            brand=brand,
        )
    else:
        text = words.say(
            "The answers cite sources, but pages of {brand} itself in only {k} of {n} ({share}).",
            brand=brand,
            **_counted(number, words),
        )
    most = words.say(
        "The site cited most is {domain}, in {k} answers.",
        domain=top["domain"],
        k=words.number(top["answers"].get("k") or 0),
    )
    return _claimed(
        words.say("Own pages cited"), text, number, {"brand": brand, "finding": "cited"}, words, before=[most]
    )


def _recommended(document: Document, words: Words) -> Claim | None:
    subject = document["brands"][0]
    number = subject["overall"].get("recommended_rate")
    if not _notable(number):
        return None
    brand = subject["name"]
    text = words.say(
        "{brand} is recommended in {k} of {n} usable answers ({share}).", brand=brand, **_counted(number, words)
    )
    rank = subject["overall"]["average_rank"]
    more = []
    if rank["value"] is not None:
        more.append(
            words.count(
                rank["n"],
                "In {n} ranked list it stands at place {place}.",
                "In {n} ranked lists it stands at place {place} on average.",
                place=words.number(rank["value"], 1),
            )
        )
    return _claimed(words.say("Recommended"), text, number, {"brand": brand, "finding": "recommended"}, words, *more)


def _strangers(document: Document, words: Words) -> Claim | None:
    found = (document.get("competitors") or {}).get("candidates") or []
    if not found or not _notable(found[0]["answers"]):
        return None
    name, number = found[0]["name"], found[0]["answers"]
    text = words.say(
        "{name}, which is not tracked here, is named in {k} of {n} usable answers ({share}).",
        name=name,
        **_counted(number, words),
    )
    return _claimed(words.say("A name that is not tracked"), text, number, {"name": name}, words)


# -- numbers in words


def _counted(number: Number, words: Words) -> dict[str, str]:
    return {
        "k": words.number(number["k"]),
        "n": words.number(number["n"]),
        "share": share(number["value"], words),
    }


def _ends(number: Number, words: Words) -> dict[str, str]:
    return {"low": share(number["low"], words), "high": share(number["high"], words)}


def share(value: float, words: Words) -> str:
    """In whole per cent; with one decimal where whole ones would say none or all, and it is neither."""
    return words.percent(value, 1 if 0 < value < 0.005 or 0.995 <= value < 1 else 0)


def points(difference: float, words: Words) -> str:
    """A difference of rates in percentage points, with its sign."""
    return f"{'+' if difference > 0 else ''}{words.number(100 * difference)}".replace("-", "−")


def _no_interval(number: Number) -> str:
    return str(number.get("interval_reason") or "there is no interval")

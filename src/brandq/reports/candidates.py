"""Candidates over an execution: names nobody tracks, their spellings put together, and how often each was seen.

A model asked for a local shop invents one, and another one the next time: two answers to the same prompt hardly share
a name. So a candidate is taken for real only when it recurs, in two repeats and under two prompts; what does not is
counted and left out. A plan with a single prompt or a single repeat cannot show that, and the threshold says so.

Spellings of one name are put together, and nothing is looked up anywhere:

- the same key: case, width, spaces, punctuation and legal suffixes do not count;
- a gloss: 麦肯锡（McKinsey） joins what is elsewhere called McKinsey, if no answer names the two apart;
- an ordinary tail or a place before it: 志邦家居 joins 志邦, 深圳车蚂蚁改装 joins 车蚂蚁连锁;
- products of one maker: "Sony WH-1000XM5" joins "Sony", if the maker is named by itself or three of its products are.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from brandq.analysis.brands import folded, is_han
from brandq.analysis.candidates import key_of
from brandq.analysis.findings import Candidate
from brandq.analysis.ordinary import begins_with_place, is_ordinary, strangeness
from brandq.reports.pooling import Counts, Pool, estimand_of

#: prompt_no, engine and repeat_no of a usable sample, and the candidates of its answer; none of them is also an answer
Seen = tuple[int, str, int, Sequence[Candidate]]

#: seen in at least so many repeats and under so many prompts, a candidate recurs
RECURS_IN_REPEATS, RECURS_IN_PROMPTS = 2, 2
MOST_SHOWN = 100
_MOST_SPELLINGS = 20
#: so many names that begin with the same Latin word are products of one maker
_PRODUCTS = 3
#: a Han name that stands before ordinary words in two names is the same one, if it is not shorter than this
_SHORTEST_CORE = 3
#: words that many names begin with, which make nobody a maker
_NO_MAKERS = """
    el le la los las de san santa saint st mr mrs dr red blue green black white gold silver pink orange yellow royal
    united world north south east west big little super star sun moon sea sky fire iron bank cafe casa club hotel
"""
_NO_MAKER = frozenset(_NO_MAKERS.split())


@dataclass
class _Cluster:
    """One name in all its spellings, and the numbers of the answers that have it. ``makers``: the first words by which
    products were put together."""

    names: Counter[str] = field(default_factory=Counter)
    makers: set[str] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    against: set[int] = field(default_factory=set)


class Names:
    """The candidates of usable answers, counted while these go by: each answer gets a number, and no answer is kept."""

    def __init__(self, seen: Iterable[Seen] = ()) -> None:
        self.names: dict[str, Counter[str]] = defaultdict(Counter)
        self.glosses: dict[str, set[str]] = defaultdict(set)
        #: the numbers of the answers that have a key, and of those that advise against it, in ascending order
        self.answers: dict[str, array[int]] = defaultdict(_numbers)
        self.against: dict[str, array[int]] = defaultdict(_numbers)
        #: of each answer, the number of its prompt and engine in ``places``, and its repeat
        self.places: dict[tuple[int, str], int] = {}
        self.place_of = _numbers()
        self.repeat_of = _numbers()
        for each in seen:
            self.add(*each)

    def add(self, prompt_no: int, engine: str, repeat_no: int, candidates: Sequence[Candidate]) -> None:
        """Count one usable answer more; none comes twice."""
        number = len(self.place_of)
        self.place_of.append(self.places.setdefault((prompt_no, engine), len(self.places)))
        self.repeat_of.append(repeat_no)
        for candidate in candidates:
            own, *others = candidate.key.split("/")
            self.names[own][candidate.name] += 1
            self.glosses[own].update(other for other in others if other)
            _append(self.answers[own], number)
            if candidate.advised_against:
                _append(self.against[own], number)


def _numbers() -> array[int]:
    return array("I")


def _append(numbers: array[int], number: int) -> None:
    """An answer counts once for a name."""
    if not numbers or numbers[-1] != number:
        numbers.append(number)


def count_candidates(found: Names, *, prompts: int, repeats: int, reason: str = "") -> dict[str, Any]:
    """The candidates of the usable answers of a plan of so many ``prompts`` and ``repeats``, for its report.

    ``candidates`` are those that pass the ``threshold``, 100 at most: they recur, in two repeats and under two prompts.
    The one in most answers comes first, then by name. Each has its ``name`` (the commonest spelling; of products, their
    maker), the other ``spellings``, ``answers`` as a rate over all usable answers, ``samples`` as a count, the
    ``prompts``, ``engines`` and ``repeats`` it was seen in, ``advised_against`` as a count, and whether it is
    ``recurring``.

    ``shown`` and ``left_out`` count names. Where the plan has one prompt or one repeat the threshold asks for less, and
    says ``why``; then it cannot be told what recurs. Also where no answer is usable, for the ``reason``.
    """
    least_repeats, least_prompts = min(RECURS_IN_REPEATS, repeats), min(RECURS_IN_PROMPTS, prompts)
    lacking = [what for what, several in (("one prompt", prompts), ("one repeat", repeats)) if several < 2]
    why = (
        f"{' and '.join(lacking)} only: it cannot be told whether a name recurs or was made up once"
        if lacking
        else None
    )
    clusters = _clusters(found)
    named = sorted(((-len(cluster.seen), _name(cluster)), number) for number, cluster in enumerate(clusters))
    places = list(found.places)
    pool = _pool(found, places, prompts)
    shown: list[dict[str, Any]] = []
    for (_, name), number in named:
        if len(clusters[number].seen) < max(least_repeats, least_prompts):
            break
        row = _row(name, clusters[number], found, places, pool, telling=not lacking)
        if len(row["repeats"]) >= least_repeats and len(row["prompts"]) >= least_prompts:
            shown.append(row)
        if len(shown) == MOST_SHOWN:
            break
    return {
        "threshold": {
            "repeats": least_repeats,
            "prompts": least_prompts,
            "why": why if found.place_of else reason or "no answer is usable",
        },
        "shown": len(shown),
        "left_out": len(clusters) - len(shown),
        "candidates": shown,
    }


def _pool(found: Names, places: Sequence[tuple[int, str]], prompts: int) -> Pool:
    answers = Counter(found.place_of)
    strata = [Counts(*place, {"usable": answers[number]}) for number, place in enumerate(places)]
    strata.sort(key=lambda one: (one.prompt_no, one.engine))
    return Pool(strata, estimand_of(prompts, len({engine for _, engine in places})))


def answers_with(found: Names, name: str) -> frozenset[int]:
    """The numbers of the answers that have a candidate, by its name in the report or by any of its spellings."""
    clusters = _clusters(found)
    called = [cluster for cluster in clusters if _name(cluster) == name]
    spelled = [cluster for cluster in clusters if name in cluster.names]
    return frozenset().union(*(cluster.seen for cluster in (called or spelled)[:1]))


def _row(
    name: str, cluster: _Cluster, found: Names, places: Sequence[tuple[int, str]], pool: Pool, *, telling: bool
) -> dict[str, Any]:
    others = sorted(
        (spelling for spelling in cluster.names if spelling != name), key=lambda one: (-cluster.names[one], one)
    )
    seen = Counter(places[found.place_of[number]] for number in cluster.seen)
    prompts, engines = (sorted(set(each)) for each in zip(*seen, strict=True))
    repeats = sorted({found.repeat_of[number] for number in cluster.seen})
    return {
        "name": name,
        "spellings": others[:_MOST_SPELLINGS],
        "answers": pool.rate_of(seen, "usable", "candidate_rate", ""),
        "samples": len(cluster.seen),
        "prompts": prompts,
        "engines": engines,
        "repeats": repeats,
        "advised_against": len(cluster.against),
        "recurring": len(repeats) >= RECURS_IN_REPEATS and len(prompts) >= RECURS_IN_PROMPTS if telling else None,
    }


def _name(cluster: _Cluster) -> str:
    """The commonest spelling, ties by text; of products, their maker: as it stands alone, or what they begin with."""
    by_rank = sorted(cluster.names, key=lambda name: (-cluster.names[name], name))
    for maker in sorted(cluster.makers):
        alone = next((name for name in by_rank if key_of(name) == maker), None)
        if alone:
            return alone
    products = [name.split() for name in by_rank if _first_word(name) in cluster.makers]
    if len(products) < 2:
        return by_rank[0]
    shared = 0
    for words in zip(*products, strict=False):
        if len({folded(word).text for word in words}) > 1:
            break
        shared += 1
    return " ".join(products[0][:shared]) or by_rank[0]


def _clusters(found: Names) -> list[_Cluster]:
    names = found.names
    groups = _Groups()
    for own in sorted(names):
        for gloss in sorted(found.glosses[own]):
            # an answer that names both as two things does not take them for one: OPPO（一加） beside 一加
            if gloss not in names or set(found.answers[own]).isdisjoint(found.answers[gloss]):
                groups.join(own, gloss)
    _join_han_tails(names, groups)
    _join_latin_tails(names, groups)
    makers = _join_products(names, groups)
    clusters: dict[str, _Cluster] = defaultdict(_Cluster)
    for own in sorted(names):
        cluster = clusters[groups.of(own)]
        cluster.names.update(names[own])
        cluster.seen.update(found.answers[own])
        cluster.against.update(found.against.get(own, ()))
        cluster.makers |= makers.get(own, set())
    return list(clusters.values())


class _Groups:
    """Keys that belong together."""

    def __init__(self) -> None:
        self._over: dict[str, str] = {}

    def of(self, key: str) -> str:
        while (over := self._over.get(key, key)) != key:
            self._over[key] = self._over.get(over, over)
            key = over
        return key

    def join(self, one: str, other: str) -> None:
        one, other = sorted((self.of(one), self.of(other)))
        self._over[other] = one


def _join_latin_tails(names: Mapping[str, Counter[str]], groups: _Groups) -> None:
    """Joins a name to the one that it is with ordinary words behind: Mat, and Mat Moisturizer."""
    for key in sorted(names):
        for spelling in sorted(names[key]):
            words = spelling.split()
            while len(words) > 1 and is_ordinary(folded(words[-1]).text.strip(".,'\"&()")):
                words.pop()
                bare = key_of(" ".join(words))
                if bare in names and bare != key:
                    groups.join(key, bare)


def _join_han_tails(names: Mapping[str, object], groups: _Groups) -> None:
    """Joins a name to the one that it is with an ordinary tail or with a place before it."""
    cores: dict[str, str] = {}
    for key in sorted(names):
        if not any(map(is_han, key)):
            continue
        placed = begins_with_place(key)
        # without the place, what is left must be long enough to be somebody: 北京同仁堂, not 上海大众
        starts = [0] if len(key) - placed < _SHORTEST_CORE else sorted({0, placed})
        for start in starts:
            bare = key[start:]
            if start and bare in names:
                groups.join(key, bare)
            ends = [end for end in range(2, len(bare) + 1) if strangeness(bare[end:]) == 0]
            for end in ends:
                if bare[:end] != key and bare[:end] in names and strangeness(bare[:end]) > 0:
                    groups.join(key, bare[:end])
        core = key[starts[-1] :]
        end = next((end for end in range(_SHORTEST_CORE, len(core) + 1) if strangeness(core[end:]) == 0), len(core))
        if len(core[:end]) >= _SHORTEST_CORE and strangeness(core[:end]) >= _SHORTEST_CORE:
            groups.join(key, cores.setdefault(core[:end], key))


def _first_word(name: str) -> str:
    """Who may be the maker, folded: a name's first Latin word, or the Han before a model. Empty for none."""
    text = folded(name).text.strip()
    word = text.split(" ")[0].strip(".,'\"&")
    if any(map(is_han, word)):
        han = next((n for n, char in enumerate(text) if not is_han(char)), len(text))
        return text[:han] if 2 <= han < len(text) else ""
    if len(word) < 2 or not word[0].isalpha() or is_ordinary(word) or word in _NO_MAKER:
        return ""
    return word


def _join_products(names: Mapping[str, Counter[str]], groups: _Groups) -> dict[str, set[str]]:
    """Joins the products of one maker; which makers they were joined by, for each key."""
    products: dict[str, set[str]] = defaultdict(set)
    for key, spellings in names.items():
        for spelling in spellings:
            if maker := _first_word(spelling):
                products[maker].add(key)
    makers: dict[str, set[str]] = defaultdict(set)
    for maker in sorted(products):
        alone = key_of(maker)
        keys = sorted(products[maker] | ({alone} & names.keys()))
        # three names that begin with the same Han may be three shops of one street
        enough = len(keys) >= _PRODUCTS and not is_han(maker[0])
        if len(keys) < 2 or not (alone in names or enough):
            continue
        for key in keys:
            groups.join(keys[0], key)
            makers[key].add(alone)
    return makers

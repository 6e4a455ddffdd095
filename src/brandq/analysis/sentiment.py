"""Sentiment: how an answer speaks of each brand, in the brand's own item, row or clause, with the words that say so.

Opinions stand in the list item more often than in the clause that names the brand, so the scope comes first:

1. the item, heading or row whose head names the brand, with all that stands under it, less what is said of others;
2. the column of a table whose header names it;
3. elsewhere its own clauses, and those after them in the sentence up to the next brand.

What the clauses of the scope praise and blame (``brandq.analysis.clauses``) is added up. A comparison speaks of both
its sides; a section ("not recommended", "the best phones", "Cons") speaks of the brands that it lists. Praise and blame
within a factor of about two are mixed. A scope without opinion is neutral, and one with faint opinion only cannot be
told.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import ahocorasick

from brandq.analysis.blocks import NOWHERE, Blocks, Place, box_at, head_of
from brandq.analysis.brands import folded, is_han
from brandq.analysis.clauses import (
    EXCEPTED,
    STANDARD,
    SUBJECT,
    Clause,
    Cutter,
    Named,
    Sentence,
    are_equals,
    opine,
    role_of,
)
from brandq.analysis.cues import Says
from brandq.analysis.findings import ADVISED_AGAINST as LEAST
from brandq.analysis.findings import MIXED, NEGATIVE, NEUTRAL, POSITIVE, RECOMMENDED, TOP_PICK, Opinion, Span
from brandq.analysis.lexicon import words_in
from brandq.analysis.mentions import Mention
from brandq.analysis.outline import ADVICE, ADVISED_AGAINST, AVOID, SOURCES, Item, Kind, Table
from brandq.analysis.sections import (
    CONS,
    LONGEST_LABEL,
    PROS,
    READERS,
    all_good,
    calls_good,
    label_of,
    last_sentence,
    lists_features,
    only_cautions,
    says_good,
)
from brandq.analysis.sentences import Sentences, shared
from brandq.analysis.strength import Verdict

#: opinion below this, praise or blame, is faint
_FAINT = 0.6
#: the weaker side at this share of the stronger makes an opinion mixed
_MIXED_SHARE = 0.45
#: blame from here on is a caveat
_CAVEAT = 0.4
#: faint opinion in a scope longer than this many characters cannot be told: it evaluates, in words nobody listed
_EVALUATES_FROM = 80
#: most stretches of evidence for each side
_MOST_EVIDENCE = 3
#: most clauses before an enumeration that all its names share
_MOST_SHARED = 8
#: a line is heard up to here, in characters
_LONGEST_LINE = 20_000
#: stands for whoever is named beside tracked brands and is none of them
_NOBODY = ""
#: lines that head what stands under them
_HEADS = (Kind.HEADING, Kind.ITEM)
#: a head longer than this is no name
_LONGEST_NAME = 30
#: what a verdict says of a brand that nothing else is said of
_SIDES = {
    (Says.BEST, TOP_PICK): "praise",
    (Says.RECOMMENDS, RECOMMENDED): "praise",
    (Says.ADVISES_AGAINST, LEAST): "blame",
}
#: what a comparison takes from the other side
_OTHER_SIDE = 0.8
#: what a section says of a brand that it lists
_ADVISED_AGAINST, _LISTED_AS_GOOD = 2.5, 0.8
#: what a clause under "Pros" or "Cons" says that has no word of opinion
_AS_PRO, _AS_CON = 0.4, 0.6
#: what a clause says that is set against praise or blame and has no word of opinion
_AGAINST, _FOR = 0.6, 0.4

_CLAUSE_END = re.compile(r"[,。!?;]|\.\s")
_NOTHING = re.compile(r"\s*(?:无|暂无|没有|none|n/a|-|not much|nothing)\b")
#: a sentence that goes on with the brand of the one before it
_GOES_ON = re.compile(
    r"[\W_]*(?:(?:however|but|overall|also|additionally|plus|still|that said|in addition|moreover)[, ]+)?"
    r"(?:it|it's|its|they|they're|their|this|that|these|those|"
    r"the (?:brand|company|device|app|product|model|service|firm)|"
    r"pros|cons|strengths|weaknesses|drawbacks|features|considerations|downsides?|however|but|downside)\b|"
    r"[\W_]*(?:特点|特色|定位|优势|适合|主打|这|该|其|它|他们|此外|另外|同时|不过|但|然而|而且|缺点|优点|不足|优势|整体|总体)"
)
_ALL = re.compile(r"都|全|均|皆|其他|其它|其余|\b(?:all|every|everything|everyone|none|nothing|rest|others|any)\b")


#: what a section says of the brands that it lists, as its side, weight and place
_SAYS_NOTHING, _GOES_UP = ("praise", 0.0, 0, 0), ("", 0.0, 0, 0)


@dataclass(slots=True)
class _Scope:
    """What an open heading or item says of the lines under it.

    ``own``: its head names brands. ``lists``: what it says of the brands in it, ``label_of_head`` its own label, each
    once it was looked for.
    """

    item: Item
    owners: tuple[str, ...]
    own: bool
    above: _Scope | None
    has_items: bool = False
    lists: tuple[str, float, int, int] | None = None
    label_of_head: str | None = ""

    @property
    def label(self) -> str | None:
        """Its label, or that of the scope above it."""
        scope: _Scope | None = self
        while scope is not None:
            if scope.label_of_head == "":
                scope.label_of_head = label_of(head_of(scope.item))
            if scope.label_of_head or scope.own:
                return scope.label_of_head
            scope = scope.above
        return None


@dataclass(slots=True)
class _Said:
    """What was found about one brand: praise and blame with where each stands, and how much was read."""

    praise: list[tuple[float, int, int]] = field(default_factory=list)
    blame: list[tuple[float, int, int]] = field(default_factory=list)
    length: int = 0


def find_opinions(said: Sentences, unknown: Collection[str] = (), found: Sequence[Verdict] = ()) -> dict[str, Opinion]:
    """The opinion on each brand that is mentioned, by its name. Any text is survived, in time in proportion to it.

    Of ``unknown`` brands the answer knows nothing, and so thinks nothing. ``found``: how far
    each mention recommends its brand; it tells of a brand of which no word of opinion is said.
    """
    if not said.mentions:
        return {}
    return {**_Listener(said).opinions(found), **dict.fromkeys(unknown, Opinion(NEUTRAL))}


class _Listener:
    """Goes through the lines once, with the outline beside them; only those that are about somebody are cut."""

    def __init__(self, said: Sentences) -> None:
        self.reading = said.reading
        self.view = said.reading.view
        self.text = said.reading.folded
        self.ignored = said.ignored
        self.said = {mention.brand: _Said() for mention in said.mentions}
        self.tracked = said.starts
        self.parts = said.outline.parts
        self.scopes: list[_Scope] = []
        #: how many of them are about somebody
        self.owning = 0
        self._take(said.mentions)
        others = self._others(said.outline.items)
        if others:
            self._take(sorted((*said.mentions, *others), key=lambda mention: mention.start))
        self.subject = self._subject(said.asked)
        self.cutter = Cutter(self.text, self.view, self.mentions)

    def _subject(self, asked: Collection[str]) -> tuple[str, ...]:
        """The brand that the whole answer is about: the one asked about, or the only one that it begins with."""
        if len(asked) == 1:
            return tuple(brand for brand in asked if brand in self.said)
        first = self.mentions[0]
        if not first.brand or not self.parts or first.start >= self.parts[0].end:
            return ()
        count = sum(mention.brand == first.brand for mention in self.mentions)
        alone = all(mention.brand == first.brand for mention in self.blocks.named(first.start, self.parts[0].end))
        begins = not any(char.isalnum() for char in self.blocks.seen(self.parts[0].start, first.start))
        return (first.brand,) if 2 * count > len(self.mentions) or (alone and begins) else ()

    def _take(self, mentions: Sequence[Mention]) -> None:
        self.mentions = mentions
        self.blocks = Blocks(self.reading, mentions)

    def _others(self, items: Sequence[Item]) -> list[Mention]:
        """Where names stand that nobody tracks and that head items beside those of tracked brands: they own theirs."""
        lists: dict[tuple[object, ...], list[Item]] = {}
        held: set[tuple[object, ...]] = set()
        owned_until = 0
        last = self.mentions[-1].start
        for item in items:
            if item.start > last + _LONGEST_LINE:
                break
            # what stands under a tracked brand is a part or a property of it
            if item.start < owned_until or not (item.kind in _HEADS or item.line.bold or item.marker):
                continue
            beside = (item.kind, item.level, bool(item.marker), item.section if item.kind == Kind.ITEM else 0)
            if self.blocks.heads(item):
                held.add(beside)
                owned_until = item.until
            elif not self.blocks.named(item.start, item.end):
                lists.setdefault(beside, []).append(item)
        heads = Counter(self._name(item) for beside in held for item in lists.get(beside, ()))
        # a head that comes again is a property that each item has: "Price"
        names = {name for name, count in heads.items() if name and count == 1}
        if not names:
            return []
        return [
            Mention(_NOBODY, *self.text.span(start, end))
            for start, end in _standing(self.text.text, names)
            if not self.blocks.named(*self.text.span(start, end))
        ]

    def _name(self, item: Item) -> str:
        """The name that the head of an item may be; empty where it is a label or too long for one."""
        head = re.split(r"[(（/／、,，\[]", head_of(item), maxsplit=1)[0].strip(" *_“”\"'")
        name = folded(head).text.strip()
        return name if 2 <= len(name) <= _LONGEST_NAME and not label_of(name) and not name.isdecimal() else ""

    def opinions(self, found: Sequence[Verdict]) -> dict[str, Opinion]:
        n = 0
        part: Item | Table | None = None
        place = Place()
        columns: list[Place] = []
        starts, ends, parts, tracked = self.text.starts, self.text.ends, self.parts, self.tracked
        for start, end in self._lines():
            at = starts[start]
            while n < len(parts) and parts[n].start <= at:
                part = parts[n]
                n += 1
                if isinstance(part, Item):
                    place = self._enter(part)
                else:
                    columns = self.blocks.columns(part)
            if part is None or at >= max(part.end, part.start + 1):
                part, place = None, NOWHERE
            n_tracked = bisect_left(tracked, at)
            names = n_tracked < len(tracked) and tracked[n_tracked] < ends[end - 1]
            if isinstance(part, Table):
                # a row may be broken where something is hidden
                boxes = self.blocks.boxes(part, columns, at)
                if any(place.owners for _, _, place in boxes):
                    self._hear(start, end, NOWHERE, boxes)
            elif names or (place.owners and place.owners != (_NOBODY,)):
                self._hear(start, end, place, names=names)
        self._take_verdicts(found)
        return {brand: self._verdict(said) for brand, said in self.said.items()}

    def _take_verdicts(self, found: Sequence[Verdict]) -> None:
        """What recommends a brand, or advises against it, in words that are in no list: "I'd take the X"."""
        untold = {brand for brand, said in self.said.items() if not (said.praise or said.blame)}
        for verdict in found:
            side = _SIDES.get((verdict.says, verdict.strength))
            if side and verdict.where and verdict.brand in untold:
                start, end = (bisect_left(self.text.starts, at) for at in verdict.where)
                self._add((verdict.brand,), side, _FAINT, start, end)

    def _lines(self) -> Iterator[tuple[int, int]]:
        """The lines of the folded text that have something in them."""
        start, whole = 0, self.text.text
        while start < len(whole):
            end = whole.find("\n", start)
            end = len(whole) if end < 0 else end
            if end > start:
                yield start, end
            start = end + 1

    def _hear(
        self,
        start: int,
        end: int,
        place: Place,
        boxes: Sequence[tuple[int, int, Place]] | None = None,
        *,
        names: bool = True,
    ) -> None:
        """Credits the sentences of a line; ``boxes``: it is the row of a table; ``names``: it names a brand."""
        carried: tuple[str, ...] = ()
        label: str | None = None
        end = min(end, start + _LONGEST_LINE)
        words = words_in(self.text.text, start, end)
        if boxes is None and not (opine(words) or place.label or names or ":" in self.text.text[start:end]):
            for brand in place.owners:
                if brand != _NOBODY:
                    self.said[brand].length += end - start
            return
        for sentence in self.cutter.sentences(start, end, words):
            first, last = self.text.span(sentence.clauses[0].start, sentence.clauses[-1].end)
            if self.ignored and shared(self.ignored, first, last):
                continue
            if boxes is not None:
                place, label = box_at(boxes, first), None
            carried, label = self._listen(sentence, place, label or place.label, carried)

    # --- whom a line is about ---

    def _enter(self, item: Item) -> Place:
        """Opens what the item heads, and tells what stands on its own line."""
        while self.scopes and self.scopes[-1].item.until <= item.start:
            self._close()
        if item.kind == Kind.LINE and not (item.marker or item.line.bold):
            # a label speaks of the list under it, and of no paragraph after that
            while self.scopes and self.scopes[-1].has_items and label_of(head_of(self.scopes[-1].item)):
                self._close()
        elif item.kind == Kind.ITEM and self.scopes:
            self.scopes[-1].has_items = self.scopes[-1].item.kind != Kind.ITEM
        own = self.blocks.heads(item)
        opens = item.until > item.end or item.kind == Kind.HEADING
        about_somebody = own or self.owning or self.subject
        if not (opens or about_somebody):
            return NOWHERE
        scope = _Scope(item, own, bool(own), self.scopes[-1] if self.scopes else None)
        place = self._place(scope) if about_somebody else NOWHERE
        if opens:
            self.scopes.append(scope)
            self.owning += bool(scope.owners)
        return place

    def _close(self) -> None:
        self.owning -= bool(self.scopes.pop().owners)

    def _place(self, scope: _Scope) -> Place:
        """What stands on the line of a scope that is about somebody, and whom it is about."""
        own = scope.owners
        inherited: tuple[str, ...] = ()
        over = scope.above.label if scope.above else None
        for above in reversed(self.scopes):
            # advice under a brand is for the reader; a brand under advice is still what its own item is about
            advises = above.item.own_role in (ADVICE, SOURCES) and not lists_features(above.item.body.lower())
            if above.owners or (advises and not above.label):
                inherited = above.owners
                break
        if own:
            self._listed(own, scope.item)
            if calls_good(head_of(scope.item)) == 0:
                self._add(own, "praise", _LISTED_AS_GOOD, *self._of(scope.item))
            over = None
        if scope.label and not any(above.owners or above.item.kind == Kind.ITEM for above in self.scopes):
            # "Drawbacks" over a list without a name: of the brand that the answer is about
            inherited = self.subject
        scope.owners = own or (inherited if scope.label and not over else ())
        return Place(own or inherited, over)

    def _listed(self, brands: Sequence[str], item: Item) -> None:
        """What the sections over an item say of the brands that it lists."""
        if item.kind == Kind.LINE and not (item.marker or item.line.bold):
            return
        for scope in reversed(self.scopes):
            if scope.owners:
                return
            if scope.lists is None:
                scope.lists = self._lists(scope)
            if scope.lists != _GOES_UP:
                side, weight, start, end = scope.lists
                self._add(brands, side, weight, start, end)
                return

    def _lists(self, scope: _Scope) -> tuple[str, float, int, int]:
        """What a section says of the brands that it lists, how strongly and where; or that those above decide."""
        head = scope.item.body.lower()
        if "?" in head or "？" in head:
            return _SAYS_NOTHING
        start, end = self._of(scope.item)
        if scope.item.own_role == AVOID and ADVISED_AGAINST.search(last_sentence(head)):
            return _SAYS_NOTHING if only_cautions(head) else ("blame", _ADVISED_AGAINST, start, end)
        if scope.item.own_role in (ADVICE, SOURCES):
            return _SAYS_NOTHING
        if not scope.label and says_good(head):
            return "praise", _LISTED_AS_GOOD, max(start, self._last_clause(start, end)), end
        return _GOES_UP

    def _last_clause(self, start: int, end: int) -> int:
        """Where the last clause of a lead-in begins that calls what follows good."""
        begins, good = start, -1
        for found in all_good(self.text.text, start, end):
            good = found
        for cut in _CLAUSE_END.finditer(self.text.text, start, end):
            if cut.end() <= good:
                begins = cut.end()
        return begins

    def _of(self, item: Item) -> tuple[int, int]:
        start = item.line.at[item.at + (item.marker.length if item.marker else 0)]
        return bisect_left(self.text.starts, start), bisect_left(self.text.starts, item.end)

    # --- what a sentence says ---

    def _listen(
        self, sentence: Sentence, place: Place, label: str | None, carried: tuple[str, ...]
    ) -> tuple[tuple[str, ...], str | None]:
        """Credits the clauses of a sentence; returns whom the next may go on about, and its label."""
        whole = self.text.text
        first = sentence.clauses[0]
        about = place.owners
        if not about and carried and _GOES_ON.match(whole, first.start, sentence.clauses[-1].end):
            about = carried
        #: clauses before the first name, and those of them that an enumeration which goes on shares
        waiting: list[Clause] = []
        shared: list[Clause] = []
        excepted: list[str] = []
        before: Clause | None = None
        kept, lasts = label, False
        praised = blamed = False
        last_about: tuple[str, ...] = about
        for clause in sentence.clauses:
            if clause.label and not clause.named:
                said = label_of(whole[clause.start : clause.end].strip(" *_-\"'"))
                if said:
                    label, clause.silent, clause.praise, clause.blame = said, True, 0.0, 0.0
                    lasts = sentence.begins_line and clause is first
                elif clause.end - clause.start <= LONGEST_LABEL:
                    label = None
            roles = [(role_of(whole, name), name) for name in clause.named]
            subjects = self._subjects(roles)
            if subjects:
                if before is not None and _is_bare(whole, before):
                    for earlier in shared:
                        self._credit([brand for brand in subjects if brand not in about], earlier, label)
                    subjects = tuple(dict.fromkeys((*about, *subjects)))
                else:
                    shared = []
                if before is not None and _ends_in_name(whole, before) and _is_bare(whole, clause):
                    # "consider Zoho, Freshsales": an enumeration goes on
                    self._credit(subjects, before, label)
                if not about and not clause.contrast:
                    for earlier in waiting:
                        self._credit(subjects, earlier, label)
                    shared = waiting[-_MOST_SHARED:]
                about, waiting = subjects, []
            excepted += [name.brand for role, name in roles if role == EXCEPTED]
            for other in dict.fromkeys(name.brand for role, name in roles if role == STANDARD):
                self._add((other,), "praise", clause.blame * _OTHER_SIDE, clause.start, clause.end)
                self._add((other,), "blame", clause.praise * _OTHER_SIDE, clause.start, clause.end)
            if about:
                if about != last_about:
                    praised = blamed = False
                last_about = about
                if (
                    clause.turns
                    and praised != blamed
                    and not (clause.silent or clause.label or clause.praise or clause.blame)
                ):
                    clause.praise, clause.blame = (0.0, _AGAINST) if praised else (_FOR, 0.0)
                praised, blamed = praised or clause.praise > 0, blamed or clause.blame > 0
                self._credit(about, clause, label)
            elif not any(role == STANDARD for role, _ in roles):
                if clause.contrast and not excepted:
                    waiting = []
                waiting.append(clause)
            before = clause
        if excepted and _ALL.search(whole, first.start, sentence.clauses[-1].end):
            for clause in waiting:
                self._add(excepted, "praise", clause.blame * _OTHER_SIDE, clause.start, clause.end)
                self._add(excepted, "blame", clause.praise * _OTHER_SIDE, clause.start, clause.end)
        return about, label if lasts else kept

    def _subjects(self, roles: Sequence[tuple[str, Named]]) -> tuple[str, ...]:
        """The brands that a clause is about. One named as the equal of another has that one's part."""
        subjects: list[str] = []
        last: tuple[str, Named] | None = None
        for role, name in roles:
            if last and last[0] != SUBJECT and role == SUBJECT and are_equals(self.text.text, last[1], name):
                role = last[0]
            if role == SUBJECT:
                subjects.append(name.brand)
            last = role, name
        return tuple(dict.fromkeys(subjects))

    def _credit(self, brands: Sequence[str], clause: Clause, label: str | None) -> None:
        praise, blame = clause.praise * clause.weight, clause.blame * clause.weight
        says = not clause.silent and not clause.label
        if label == CONS:
            praise = 0.0
            if not blame and says and not _NOTHING.match(self.text.text, clause.start, clause.end):
                blame = _AS_CON
        elif label == PROS:
            blame = 0.0
            if not praise and says and not clause.named:
                praise = _AS_PRO
        elif label == READERS:
            praise = blame = 0.0
        self._add(brands, "praise", praise, clause.start, clause.end)
        self._add(brands, "blame", blame, clause.start, clause.end)
        for brand in brands:
            if brand != _NOBODY:
                self.said[brand].length += clause.end - clause.start

    def _add(self, brands: Sequence[str], side: str, weight: float, start: int, end: int) -> None:
        if weight > 0:
            for brand in brands:
                if brand == _NOBODY:
                    continue
                (self.said[brand].praise if side == "praise" else self.said[brand].blame).append((weight, start, end))

    # --- what it comes to ---

    def _verdict(self, said: _Said) -> Opinion:
        praise, blame = (sum(weight for weight, _, _ in side) for side in (said.praise, said.blame))
        caveat = True if blame >= _CAVEAT else False if praise else None
        more, less = max(praise, blame), min(praise, blame)
        if more < _FAINT:
            if more and said.length > _EVALUATES_FROM:
                return Opinion()
            return Opinion(NEUTRAL, caveat, self._evidence(said.blame) if caveat else ())
        if less >= _MIXED_SHARE * more and less >= _CAVEAT:
            return Opinion(MIXED, True, self._evidence(said.praise, said.blame))
        if praise > blame:
            return Opinion(POSITIVE, caveat, self._evidence(said.praise, said.blame[:] if caveat else ()))
        return Opinion(NEGATIVE, True, self._evidence(said.blame))

    def _evidence(self, *sides: Sequence[tuple[float, int, int]]) -> tuple[Span, ...]:
        """The clauses that weigh most on each side, as they stand in the text, in order."""
        chosen = {
            (start, end)
            for side in sides
            for _, start, end in sorted(side, key=lambda one: (-one[0], one[1]))[:_MOST_EVIDENCE]
        }
        return tuple(span for start, end in sorted(chosen) if (span := self._trimmed(start, end)))

    def _trimmed(self, start: int, end: int) -> Span | None:
        """A stretch of the folded text without the marks around its words, as offsets in the text."""
        whole = self.text.text
        while start < end and not whole[start].isalnum():
            start += 1
        while end > start and not (whole[end - 1].isalnum() or whole[end - 1] in "%+)"):
            end -= 1
        return self.text.span(start, end) if start < end else None


def _standing(text: str, names: Collection[str]) -> Iterator[tuple[int, int]]:
    """Where names stand in the folded text, leftmost first, then longest, without overlap."""
    automaton = ahocorasick.Automaton()
    for name in names:
        automaton.add_word(name, len(name))
    automaton.make_automaton()
    free_from = 0
    for last, length in automaton.iter_long(text):
        start, end = last + 1 - length, last + 1
        if start < free_from or _joined(text, start - 1, start) or _joined(text, end - 1, end):
            continue
        free_from = end
        yield start, end


def _joined(text: str, before: int, after: int) -> bool:
    """Whether one Latin word stands at both of these neighbours."""
    if before < 0 or after >= len(text):
        return False
    return all(text[at].isalnum() and not is_han(text[at]) for at in (before, after))


def _is_bare(text: str, clause: Clause) -> bool:
    """Whether a clause only names brands, as one of an enumeration does."""
    if not clause.named or clause.praise or clause.blame:
        return False
    rest = text[clause.start : clause.named[0].start] + text[clause.named[-1].end : clause.end]
    return not re.sub(r"\b(?:and|or|the)\b|[和与及等]|\W", "", rest)


def _ends_in_name(text: str, clause: Clause) -> bool:
    """Whether nothing follows the last name in a clause."""
    return bool(clause.named) and not any(char.isalnum() for char in text[clause.named[-1].end : clause.end])


__all__ = ["find_opinions"]

"""Verifying: whether the stored answers of an execution, and its reports, are still what they were once stored as.

Nothing is asked and nothing is written. Memory does not grow with the number of answers, only with that of the faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from brandq import reports, store
from brandq.errors import NotFound
from brandq.states import EXECUTION_FINAL, ExecutionState, SampleState

#: states in which a sample has an answer
_ANSWERED = frozenset((SampleState.ANSWERED, SampleState.ANALYZED))


@dataclass(frozen=True)
class Verified:
    """What came of the check: ``faults`` in words, each with what it means.

    ``answers`` are in the chain, which ends in ``head``. ``uncovered`` names those that were stored before there were
    chains, or copied from such: nothing can be shown of them. ``reports``: version and digest of each.
    """

    execution_id: str
    answers: int
    head: str | None
    uncovered: tuple[str, ...]
    reports: tuple[tuple[int, str], ...]
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether everything is shown to be as it was stored."""
        return not self.faults and not self.uncovered

    @property
    def words(self) -> str:
        """The outcome in one line."""
        counted = f"{self.answers} answer{'' if self.answers == 1 else 's'}"
        if self.faults:
            faults = f"{len(self.faults)} fault{'' if len(self.faults) == 1 else 's'}"
            return f"{counted}, {faults}: what is stored is not what was stored"
        told = [f"{counted}, chain intact, head {self.head}" if self.head else f"{counted} in a chain"]
        if self.uncovered:
            told.append(f"{len(self.uncovered)} not covered")
        told += [f"report v{version} digest {digest}" for version, digest in self.reports] or ["no report yet"]
        return "; ".join(told)


def verify(database: store.Database, execution_id: str) -> Verified:
    """Check an execution's chain, each answer's content, its samples and its reports. NotFound where there is none."""
    with database.read() as db:
        store.hold_still(db)
        chain = store.chain_of(db, execution_id)
        if chain is None:
            raise NotFound(f"there is no execution {execution_id}")
        walk = _Walk(chain)
        faults = [*_plan_faults(chain), *walk.faults(store.links_of(db, execution_id))]
        uncovered: list[str] = []
        for content in store.contents_of(db, execution_id):
            faults += _content_faults(content)
            if content.answered and not content.sealed:
                uncovered.append(_named(content))
        versions = store.report_versions(db, execution_id)
        given_up = chain.status == ExecutionState.FAILED and chain.error_code == "report"
        if not versions and not given_up and chain.status in EXECUTION_FINAL - {ExecutionState.CANCELLED}:
            faults.append(f"the execution is {chain.status} and has no report: it was removed")
        found = []
        for number in (each.version for each in versions):
            kept = store.kept_report(db, execution_id, number)
            faults += _report_faults(execution_id, kept)
            found.append((number, kept.digest))
    return Verified(execution_id, walk.links, chain.head, tuple(uncovered), tuple(found), tuple(faults))


def _named(sample: store.Link | store.Content) -> str:
    return f"sample {sample.sample_id} (prompt {sample.prompt_no}, {sample.engine}, repeat {sample.repeat_no})"


def _plan_faults(chain: store.Chain) -> Iterator[str]:
    if chain.plan_as_stored != chain.plan_digest:
        yield (
            f"the plan has the digest {chain.plan_as_stored}, the one that was accepted {chain.plan_digest}: "
            "brands, prompts, engines or repeats were changed since"
        )
    if chain.samples != chain.planned:
        yield (
            f"{chain.planned} samples were planned and {chain.samples} are there: some were "
            f"{'removed' if chain.samples < chain.planned else 'added'}"
        )


class _Walk:
    """One walk along a chain, link by link."""

    def __init__(self, chain: store.Chain) -> None:
        self.links = 0
        self._chain = chain
        #: the number and the digest that were met last
        self._number, self._digest = 0, chain.genesis
        #: what the last digest should have been; both are tried, so that one altered digest is one fault
        self._expected: str | None = chain.genesis

    def faults(self, links: Iterator[store.Link]) -> Iterator[str]:
        for link in links:
            self.links += 1
            yield from self._step(link)
        yield from self._end()

    def _step(self, link: store.Link) -> Iterator[str]:
        if link.chain_no <= self._number:
            place = f"{_named(link)} has number {link.chain_no} in the chain"
            if link.chain_no < 1:
                yield f"{place}, which begins with 1: it was not stored by brandq"
            else:
                yield f"{place}, as another answer has: one of the two was put there later"
            return
        missing = range(self._number + 1, link.chain_no)
        if missing:
            yield _missing(missing)
        elif not link.follows(self._digest) and not (self._expected and link.follows(self._expected)):
            yield (
                f"{_named(link)}: its digest does not follow from its content digest, its place, its cost, and the "
                f"digest before it (number {link.chain_no}): one of these was changed, or it was put there later"
            )
        self._number, self._expected = link.chain_no, link.digest_after(self._digest)
        self._digest = link.digest

    def _end(self) -> Iterator[str]:
        length, head = self._chain.length, self._chain.head
        if length is None:
            if self.links:
                yield f"{self.links} answers have links, and the row with length and head of their chain was removed"
            return
        if length > self._number:
            yield f"{_missing(range(self._number + 1, length + 1))}; the chain is {length} long"
        elif length < self._number:
            yield f"the chain is {length} long, and answers have numbers up to {self._number}: some came there later"
        elif head != self._digest:
            yield f"the chain's head is {head}, its last answer has the digest {self._digest}: one of them was changed"


def _missing(numbers: range) -> str:
    first, last = numbers[0], numbers[-1]
    if first == last:
        return f"number {first} is missing from the chain: its answer was removed"
    return f"numbers {first} to {last} are missing from the chain: their answers were removed"


def _content_faults(content: store.Content) -> Iterator[str]:
    name = _named(content)
    if content.why is not None:
        yield f"{name}: its answer cannot be read ({content.why}): it was changed by something other than brandq"
    elif content.sealed and not content.as_sealed:
        yield (
            f"{name}: its answer has another content digest than was stored with it: its text, sources, request, "
            "reply's body, or what was read out of them, was changed"
        )
    if content.state in _ANSWERED and not content.answered:
        yield f"{name} is {content.state} and has no answer: it was removed"
    # whose reading ended its workers is failed, and keeps its answer
    given_up = content.state == SampleState.FAILED and content.error_code == "unread"
    if content.answered and content.state not in _ANSWERED and not given_up:
        yield f"{name} is {content.state} and has an answer, which brandq never stores so: one of the two was changed"


def _report_faults(execution_id: str, kept: store.KeptReport) -> Iterator[str]:
    name = f"report v{kept.version}"
    digest = reports.digest(kept.document)
    if digest != kept.digest:
        yield f"{name}: its document has the digest {digest}, the one stored with it is {kept.digest}: one was changed"
    stated = {"execution_id": execution_id, "version": kept.version, "method_version": kept.method_version}
    for field, value in stated.items():
        if kept.document.get(field) != value:
            yield f"{name}: its document has {field} {kept.document.get(field)!r}, its row {value!r}: one was changed"

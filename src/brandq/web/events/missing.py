"""What a listener has missed: the events between its cursor and where its watch stands, in pages from the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from brandq import store
from brandq.actors.desk import Desk
from brandq.store import following
from brandq.web.events.telling import Cursor, Event, Told, answer_event, failed_events, read_event
from brandq.web.events.watching import Standing

#: events of one read
PAGE = 500

#: stands among the samples for those that were not looked at yet; no sample has this id
_BOOKMARK = 0
#: reads the next events at one place, and says whether there are more
_Page = Callable[[store.Transaction], tuple[list[Event], bool]]


class Missed:
    """The pages of events between a listener's cursor and where its watch stands."""

    def __init__(
        self, desk: Desk, execution_id: str, standing: Standing, *, cursor: Cursor | None, last: int | None
    ) -> None:
        self.desk = desk
        self.execution_id = execution_id
        self.standing = standing
        self.told = Told()
        self._pages = self._read(cursor, last)
        self._page: _Page | None = next(self._pages, None)

    def next(self) -> list[Event] | None:
        """The next page; None when there is none. DatabaseNotReady leaves it as it was: the same page comes again."""
        if self._page is None:
            return None
        with self.desk.database.look() as db:
            events, more = self._page(db)
        if not more:
            self._page = next(self._pages, None)
        return events

    def _read(self, cursor: Cursor | None, last: int | None) -> Iterator[_Page]:
        told, standing = self.told, self.standing
        missing = self._begin(cursor, last)
        if told.answers == 0 and standing.unchained:
            yield self._unchained(as_answers=True)
        if cursor is not None and cursor.read < cursor.answers:
            yield self._reads(cursor)
        if cursor is not None and cursor.read == 0 < cursor.answers and standing.unchained:
            yield self._unchained(as_answers=False)
        if told.answers < standing.answers:
            yield self._answers
        if missing:
            yield self._failures(missing)

    def _begin(self, cursor: Cursor | None, last: int | None) -> list[tuple[datetime, int]]:
        """Take over what the cursor says; the failed samples that it does not cover."""
        told, known = self.told, self.standing.failures
        if cursor is None:
            skipped = 0 if last is None else max(0, len(known) - last)
            told.answers = 0 if last is None else max(0, self.standing.answers - last)
            told.failures, told.last_failure = skipped, known[skipped - 1] if skipped else None
            return list(known[skipped:])
        told.answers = cursor.answers
        latest = next((failure for failure in known if failure[1] == cursor.last_failure), None)
        covered = 0 if latest is None else known.index(latest) + 1
        if covered != cursor.failures:
            # one was committed after others that were settled later: told twice is better than not told
            return list(known)
        told.failures, told.last_failure = covered, latest
        return list(known[covered:])

    def _answers(self, db: store.Transaction) -> tuple[list[Event], bool]:
        told, upto = self.told, self.standing.answers
        page = following.landed(db, self.execution_id, after=told.answers, upto=upto, limit=PAGE)
        return [self._answer(one) for one in page], len(page) == PAGE

    def _answer(self, answer: following.Landed) -> Event:
        self.told.tell_answer(answer)
        # without a number it resumes nothing: it is told again, and first, to whoever has none
        return answer_event(self.execution_id, answer, self.told.cursor if answer.chain_no else None)

    def _unchained(self, *, as_answers: bool) -> _Page:
        after = 0

        def page(db: store.Transaction) -> tuple[list[Event], bool]:
            nonlocal after
            found = following.landed_unchained(db, self.execution_id, after=after, limit=PAGE)
            after = found[-1].sample_id if found else after
            events = [self._answer(one) for one in found] if as_answers else self._read_in(found)
            return events, len(found) == PAGE

        return page

    def _reads(self, cursor: Cursor) -> _Page:
        """Answers that were told before they were read, as far as the cursor knows."""
        after = cursor.read
        # until all were looked through, no cursor may say that what was read in them was told
        self.told.unread[_BOOKMARK] = after + 1

        def page(db: store.Transaction) -> tuple[list[Event], bool]:
            nonlocal after
            found = following.landed(db, self.execution_id, after=after, upto=cursor.answers, limit=PAGE)
            events, more = self._read_in(found), len(found) == PAGE
            after = found[-1].chain_no if found else after
            self.told.tell_reading(_BOOKMARK)
            if more:
                self.told.unread[_BOOKMARK] = after + 1
            return events, more

        return page

    def _read_in(self, found: Sequence[following.Landed]) -> list[Event]:
        """All of them with the cursor from before: one that breaks off in their middle is told all of them again."""
        cursor = self.told.cursor
        for one in found:
            self.told.tell_answer(one)
        return [read_event(one.sample_id, one.brands, cursor) for one in found if one.brands is not None]

    def _failures(self, missing: list[tuple[datetime, int]]) -> _Page:
        begun = 0

        def page(db: store.Transaction) -> tuple[list[Event], bool]:
            nonlocal begun
            part = missing[begun : begun + PAGE]
            events = failed_events(db, part, self.told)
            begun += len(part)
            return events, begun < len(missing)

        return page

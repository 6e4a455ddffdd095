"""An execution as it happens: Server-Sent Events, told from the tables, so by any process of whatever any other did."""

from __future__ import annotations

from typing import cast

from starlette.responses import Response

from brandq import store
from brandq.web import wire
from brandq.web.api import EXECUTION_ID, execution_id_of
from brandq.web.events.streams import EventStream, Streams
from brandq.web.events.telling import Cursor, read_cursor
from brandq.web.openapi import Operation, Parameter, Returns, Visit, operation
from brandq.web.schemas import COUNT, EVENTS, TEXT, ref, words
from brandq.words import LANGUAGES, Language, words_in

#: answers that may be asked for at the beginning
MOST_LAST = 1000

_EVENTS = {
    "type": "string",
    "description": "events by their names; the data of each is one JSON object",
    "x-events": {name: ref(f"Event{name.capitalize()}") for name in EVENTS},
}


@operation(
    Operation(
        "Follow an execution",
        "executions",
        "read",
        {
            200: Returns(
                "Events until it has ended, or until the client is to come back", {EventStream.media_type: _EVENTS}
            ),
            204: Returns("Everything was told, its end as well: an EventSource stays away"),
        },
        parameters=(
            EXECUTION_ID,
            Parameter("after", TEXT, "the id of the last event that was seen", read_cursor),
            Parameter(
                "Last-Event-ID", TEXT, "the same, as browsers send it; it counts more", read_cursor, place="header"
            ),
            Parameter(
                "last",
                COUNT,
                "without such an id: of what was told before, only so many answers and failed samples",
                wire.whole(0, MOST_LAST),
            ),
            Parameter("language", words(*LANGUAGES), "of its sentences", wire.one_of(LANGUAGES), "en"),
        ),
        errors={429: "Too many streams are open; Retry-After says when to come back, and its status can be asked"},
    )
)
def follow_execution(visit: Visit) -> Response:
    """`progress` when something changed, `answer` for each that landed, `read` once it is read, `failed`, and `end`.

    A stream that broke off is resumed by the `id` of the last event, at any process: no answer is lost and none comes
    twice; `read` and `failed` may come twice, and say the same. It ends by itself after 15 minutes, and while nothing
    happens it sends comments.
    """
    given = visit.given
    execution_id = execution_id_of(visit)
    with visit.desk.database.look() as db:
        store.execution(db, execution_id, owner=visit.caller.owner)
    cursor: Cursor | None = given["Last-Event-ID"] or given["after"]
    if cursor is not None and cursor.ended:
        return Response(status_code=204)
    if visit.request.method == "HEAD":
        return Response(media_type=EventStream.media_type)
    said = words_in(cast(Language, given["language"]))
    streams: Streams = visit.request.app.state.streams
    owner = visit.caller.owner
    streams.admit(owner)
    return EventStream(
        streams, owner, streams.listen(execution_id, owner, cursor=cursor, last=given["last"], words=said)
    )

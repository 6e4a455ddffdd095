"""An execution as it happens: what a stream tells, how it is resumed, what it costs, and whom it is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.actors.analyze import analyze
from brandq.actors.desk import Desk
from brandq.actors.report import report
from brandq.providers.dialect import AnswerKind
from brandq.tables import answers
from brandq.web.events.telling import Cursor, read_cursor
from brandq.web.events.watching import MOST_WAITING, Listener
from brandq.words import words_in
from tests.servers.postgres import PostgresServer
from tests.store.samples_at_hand import claim
from tests.store.samples_at_hand import settle as settle_claims
from tests.waiting import wait_until
from tests.walk.site import call
from tests.web.site import (
    PLAN,
    ContractClient,
    add_key,
    answered,
    failed,
    finish,
    open_desk,
    sample_ids,
    settle,
    submit,
)
from tests.web.streaming import SOON_S, Served, served
from tests.web.test_statements import statements

#: 12 samples
TWELVE = {**PLAN, "repeats": 6}


@pytest.fixture
def site(desk: Desk) -> Iterator[Served]:
    with served(desk) as running:
        yield running


@pytest.fixture
def small_site(small_desk: Desk) -> Iterator[Served]:
    with served(small_desk) as running:
        yield running


def _end(desk: Desk, execution_id: str) -> None:
    analyze(desk, execution_id, sample_ids(desk, execution_id))
    report(desk, execution_id)


def test_a_stream_tells_what_happens_and_ends(desk: Desk, client: ContractClient, site: Served) -> None:
    """Given a stream of an execution that was just accepted, when samples are answered, read and given up and its report stands, then each of these is told as it happens, and the end is the last."""
    execution_id = submit(client)
    with site.stream(execution_id) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        begun = stream.wait_for("progress")
        assert (begun["status"], begun["progress"]) == ("queued", {"settled": 0, "planned": 4, "percent": 0})
        assert begun["left"]["seconds"] is None
        assert begun["left"]["reason"] == "it waits for a worker; nothing was asked yet"

        [first] = settle(desk, execution_id, [answered("趣车良品 is best. " * 40)])
        told = stream.wait_for("answer")
        assert (told["sample_id"], told["kind"], told["brands"]) == (first, "ok", None)
        assert (told["served_model"], told["simulated"], told["latency_ms"]) == ("m-2026", True, 1200)
        assert len(told["excerpt"]) == 200
        assert client.get(told["links"]["answer"]).json()["sample_id"] == first

        analyze(desk, execution_id, [first])
        assert stream.wait_for("read") == {"sample_id": first, "brands": ["趣车良品"]}

        [second] = settle(desk, execution_id, [failed(message="no such key")])
        told = stream.wait_for("failed")
        assert (told["sample_id"], told["error"]) == (second, {"code": "auth", "message": "no such key"})

        third, fourth = settle(desk, execution_id, [answered(), answered(kind=AnswerKind.REFUSED)])
        _end(desk, execution_id)
        assert stream.wait_for("end")["status"] == "partial"
        stream.wait_until_closed()
        assert stream.samples("answer") == [first, third, fourth]
        assert stream.samples("failed") == [second]
        last = stream.told("progress")[-1]
        assert (last["stage"], last["terminal"], last["left"]) == ("ended", True, None)
        assert stream.events[-1].name == "end"
        seen = {sample_id for name in ("answer", "read") for sample_id in _named(stream.told(name))}
        assert seen == {first, third, fourth}, "each was told with its brands, sooner or later"


def _named(told: list[dict[str, object]]) -> list[object]:
    return [data["sample_id"] for data in told if data["brands"] is not None]


def test_its_progress_is_what_its_status_says(desk: Desk, client: ContractClient, site: Served) -> None:
    """Given an execution in its middle with a paused engine and a limit, when its stream begins, then every member of its progress is as in GET /api/executions/{id}."""
    execution_id = submit(client, cost_limit={"amount": "5", "currency": "USD"})
    settle(desk, execution_id, [answered(), failed()])
    with desk.database.begin() as db:
        store.open_engine(db, "qwen?simulated", reason="auth", message="no", wait=None, settings="s", now=desk.now())
    shown = client.get(f"/api/executions/{execution_id}").json()
    with site.stream(execution_id) as stream:
        told = stream.wait_for("progress")
    same = {name: value for name, value in told.items() if name not in ("left", "words")}
    assert same == {name: shown[name] for name in same}
    assert "qwen" in [engine["engine"] for engine in shown["engines"] if engine["paused"]]
    assert set(shown) - set(same) >= {"plan", "links", "poll_after_ms"}


def test_everything_is_resumed_at_every_event(desk: Desk, client: ContractClient) -> None:
    """Given an ended execution, when its stream is resumed at each of its events, by header or by parameter, then exactly what came after that event comes, and after its end nothing at all."""
    execution_id = submit(client, **TWELVE)
    finish(desk, execution_id, [failed() if n % 3 == 0 else answered() for n in range(12)])
    url = f"/api/executions/{execution_id}/events"
    whole = _events(client.get(url).text)
    assert [name for name, _ in whole].count("answer") == 8
    assert [name for name, _ in whole].count("failed") == 4
    following = [one for one in whole if one[0] != "progress"]
    for place, (_, cursor) in enumerate(following[:-1]):
        for resumed in (
            client.get(url, headers={"Last-Event-ID": cursor}),
            client.get(f"{url}?after={cursor}"),
            client.get(f"{url}?after=a0.r0.f0.k0", headers={"Last-Event-ID": cursor}),
        ):
            assert [one for one in _events(resumed.text) if one[0] != "progress"] == following[place + 1 :]
    ended = client.get(url, headers={"Last-Event-ID": following[-1][1]})
    assert (ended.status_code, ended.text) == (204, "")


def _events(text: str) -> list[tuple[str, str]]:
    """Names and ids of the events."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], fields.get("id", "")))
    return found


def test_a_stream_that_breaks_off_while_it_goes_on_is_resumed(desk: Desk, client: ContractClient, site: Served) -> None:
    """Given a client that leaves in the middle, when more happens and it comes back, twice, then all it was told together is each answer once, each failed sample, and what was read in each answer."""
    execution_id = submit(client, **TWELVE)
    told: dict[str, list[int]] = {"answer": [], "failed": [], "read": []}
    last_id = None
    for part in range(3):
        if part == 1:
            # what was told and not read is read while nobody listens
            analyze(desk, execution_id, sample_ids(desk, execution_id, "answered"))
        settle(desk, execution_id, [answered(), answered(), failed()])
        with site.stream(execution_id, last_event_id=last_id) as stream:
            stream.wait_for("answer", 2)
            stream.wait_for("failed")
            settle(desk, execution_id, [answered()])
            stream.wait_for("answer", 3)
            if part == 2:
                _end(desk, execution_id)
                stream.wait_for("end")
        last_id = stream.last_id
        for name in told:
            told[name] += stream.samples(name)
        told["read"] += _named(stream.told("answer"))  # type: ignore[arg-type]
    assert sorted(told["answer"]) == sorted(set(told["answer"]))
    assert sorted(told["failed"]) == sorted(set(told["failed"]))
    assert set(told["answer"]) | set(told["failed"]) == set(sample_ids(desk, execution_id))
    assert set(told["read"]) == set(told["answer"])


def test_a_failure_that_is_committed_late_is_not_lost(desk: Desk, client: ContractClient, site: Served) -> None:
    """Given a stream that was told of a failed sample, when another one that was settled before it is committed after it, then whoever listens is told of it once, and whoever resumes is told of it as well."""
    execution_id = submit(client)
    ids = sample_ids(desk, execution_id)
    now = desk.now()
    claims = claim(desk.database, ids, now=now)
    settle_claims(desk.database, claims[:1], failed(), now)
    with site.stream(execution_id) as stream:
        stream.wait_for("failed")
        cursor = stream.last_id
        settle_claims(desk.database, claims[1:2], failed(), now - timedelta(seconds=5))
        stream.wait_for("failed", 2)
        assert stream.samples("failed") == ids[:2]
    settle_claims(desk.database, claims[2:3], failed(), now + timedelta(seconds=5))
    with site.stream(execution_id, last_event_id=cursor) as resumed:
        resumed.wait_for("failed", 3)
        assert set(resumed.samples("failed")) == set(ids[:3]), "told twice rather than not at all"
    with site.stream(execution_id, last_event_id=stream.last_id) as resumed:
        resumed.wait_for("failed")
        assert resumed.samples("failed") == ids[2:3], "from then on their order is known"


def test_answers_of_old_come_first(desk: Desk, client: ContractClient) -> None:
    """Given answers that were stored before there were chains, when the stream is asked for, then they come before the others; resumed behind them, they do not come again, but for what was not read in them."""
    execution_id = submit(client)
    first, second = settle(desk, execution_id, [answered(), answered()])
    with desk.database.begin() as db:
        db.execute(sa.update(answers).values(chain_no=None))
        db.execute(sa.text("UPDATE chains SET length = 0"))
    third, fourth = settle(desk, execution_id, [answered(), answered()])
    _end(desk, execution_id)
    url = f"/api/executions/{execution_id}/events"
    text = client.get(url).text
    order = [name for name, _ in _events(text) if name != "progress"]
    assert order == ["answer"] * 4 + ["end"]
    assert [text.index(f'"sample_id":{one},') for one in (first, second, third, fourth)] == sorted(
        text.index(f'"sample_id":{one},') for one in (first, second, third, fourth)
    )
    assert [name for name, _ in _events(client.get(f"{url}?after=a1.r1.f0.k0").text)] == ["progress", "answer", "end"]
    unread = client.get(f"{url}?after=a1.r0.f0.k0").text
    assert [name for name, _ in _events(unread)] == ["progress", "read", "read", "read", "answer", "end"]


def test_only_the_last_of_it_is_told_to_who_asks_so(desk: Desk, client: ContractClient) -> None:
    """Given an execution with many answers, when a page asks for the last two, then these come, and then all that follows; none come to who asks for none."""
    execution_id = submit(client, **TWELVE)
    settle(desk, execution_id, [failed(), *[answered()] * 6, failed()])
    finish(desk, execution_id, [answered()] * 4)
    url = f"/api/executions/{execution_id}/events"
    everything = _events(client.get(url).text)
    last = _events(client.get(f"{url}?last=2").text)
    assert [name for name, _ in last] == ["progress", "answer", "answer", "failed", "failed", "end"]
    assert set(last) <= set(everything) | {("failed", cursor) for _, cursor in last}
    assert [name for name, _ in _events(client.get(f"{url}?last=0").text)] == ["progress", "end"]
    assert [name for name, _ in _events(client.get(f"{url}?last=1000").text)] == [name for name, _ in everything]


def test_it_speaks_the_language_that_was_asked_for(small_desk: Desk, small: ContractClient, small_site: Served) -> None:
    """Given two who listen in two languages, when something happens, then each is told in its own."""
    execution_id = submit(small)
    with (
        small_site.stream(execution_id, query="?language=zh") as chinese,
        small_site.stream(execution_id) as english,
    ):
        assert chinese.wait_for("progress")["left"]["reason"] == "正在排队，尚未开始提问"
        english.wait_for("progress")
        settle(small_desk, execution_id, [answered()])
        for stream in (chinese, english):
            stream.wait_for("answer")
            stream.wait_for("progress", 2)
        assert "samples settled" in english.told("progress")[-1]["words"]
        assert chinese.told("progress")[-1]["words"].startswith("4 个样本中已有")


def test_fifty_who_listen_are_one_look_a_second(database_url: str, tmp_path: Path) -> None:
    """Given fifty streams of one execution, when answers land one after the other, then all fifty are told each, while the tables are looked at once a second and no connection is held in between."""
    desk = open_desk(database_url, tmp_path, BRANDQ_MAX_STREAMS_PER_OWNER="50")
    execution_id = submit(ContractClient(desk), **TWELVE)
    with served(desk) as running, ExitStack() as stack:
        streams = [stack.enter_context(running.stream(execution_id)) for _ in range(50)]
        for stream in streams:
            stream.wait_for("progress")
        with statements() as seen:
            began = time.monotonic()
            for n in range(1, 5):
                settle(desk, execution_id, [answered()])
                for stream in streams:
                    stream.wait_for("answer", n)
            took_s = time.monotonic() - began
        looks = [one for one in seen if "AS chain_length" in one]
        assert 4 <= len(looks) <= took_s + 1
        wait_until(lambda: desk.database.in_use == 0, SOON_S, "every connection to be given back")
        assert running.streams.open == 50
        stack.close()
        wait_until(lambda: running.streams.open == 0, SOON_S, "every place to be given back")
    desk.close()


def test_there_is_a_bound_for_each_owner_and_for_all(sqlite_url: str, tmp_path: Path) -> None:
    """Given two streams of an owner who may have two, when a third is asked for, then it is a 429 that says what to do, others still get theirs up to the bound of all, the status can be asked, and a place that is given back is free."""
    desk = open_desk(sqlite_url, tmp_path, BRANDQ_MAX_STREAMS_PER_OWNER="2", BRANDQ_MAX_STREAMS="3")
    ann, bob = add_key(desk, "ann"), add_key(desk, "bob")
    of_ann, of_bob = submit(ContractClient(desk, key=ann)), submit(ContractClient(desk, key=bob))
    with served(desk) as running, ExitStack() as stack:
        first = stack.enter_context(running.stream(of_ann, key=ann))
        stack.enter_context(running.stream(of_ann, key=ann))
        with running.stream(of_ann, key=ann) as refused:
            assert refused.status == 429
            assert int(refused.headers["retry-after"]) > 0
            assert "2 streams of ann are open here" in refused.body()["detail"]
        assert ContractClient(desk, key=ann).get(f"/api/executions/{of_ann}").status_code == 200
        stack.enter_context(running.stream(of_bob, key=bob))
        with running.stream(of_bob, key=bob) as refused:
            assert refused.status == 429
            assert "3 streams are open here" in refused.body()["detail"]
        first.leave()
        wait_until(lambda: running.streams.open == 2, SOON_S, "the place to be given back")
        with running.stream(of_bob, key=bob) as again:
            again.wait_for("progress")
    desk.close()


def test_another_owners_execution_is_not_found(small_desk: Desk, small: ContractClient) -> None:
    """Given an execution of ann, when bob asks for its events, or somebody without a key, then they learn nothing; with the scope to read, ann does."""
    ann, bob = add_key(small_desk, "ann", "run"), add_key(small_desk, "bob")
    execution_id = submit(ContractClient(small_desk, key=ann))
    finish(small_desk, execution_id)
    url = f"/api/executions/{execution_id}/events"
    assert ContractClient(small_desk, key=bob).get(url).status_code == 404
    assert small.get(url).status_code == 401
    reader = add_key(small_desk, "ann", "read", key_id="reader")
    assert ContractClient(small_desk, key=reader).get(url).status_code == 200


def test_what_is_no_cursor_is_refused(small: ContractClient) -> None:
    """Given an id that no event had, when a stream is asked for with it, then it is a 422 that says so; what a cursor is written as is read as the same."""
    execution_id = submit(small)
    for wrong in ("", "12", "a1.r1.f1", "a1.r1.f1.k1.end.x", "a-1.r0.f0.k0", "a99999999999.r0.f0.k0"):
        refused = small.get(f"/api/executions/{execution_id}/events", params={"after": wrong})
        assert refused.status_code == 422, wrong
    for cursor in (Cursor(), Cursor(12, 10, 3, 981), Cursor(12, 12, 0, 0, ended=True)):
        assert read_cursor(str(cursor)) == cursor


def test_who_looks_at_its_head_gets_no_stream(small: ContractClient) -> None:
    """Given HEAD instead of GET, when it is sent for an execution that goes on, then it is answered at once."""
    response = small.head(f"/api/executions/{submit(small)}/events")
    assert (response.status_code, response.content) == (200, b"")


def test_a_cancelled_execution_ends_its_streams(desk: Desk, client: ContractClient, site: Served) -> None:
    """Given a stream, when the execution is cancelled, then that is its end; what was not asked is counted and not listed."""
    execution_id = submit(client)
    with site.stream(execution_id) as stream:
        stream.wait_for("progress")
        settle(desk, execution_id, [answered()])
        assert client.post(f"/api/executions/{execution_id}/cancel").status_code == 200
        assert stream.wait_for("end")["status"] == "cancelled"
        stream.wait_until_closed()
        assert len(stream.samples("answer")) == 1
        assert stream.told("failed") == []
        assert stream.told("progress")[-1]["counts"]["cancelled"] == 3


def test_an_answer_that_cannot_be_read_is_told_as_failed(desk: Desk, client: ContractClient, site: Served) -> None:
    """Given an answer that was told, when its reading is given up, then it is told as failed, with the reason, and not as read."""
    execution_id = submit(client)
    [sample_id] = settle(desk, execution_id, [answered()])
    with site.stream(execution_id) as stream:
        stream.wait_for("answer")
        with desk.database.begin() as db:
            store.abandon_unread(db, [sample_id], why="its reading was begun too often", now=desk.now())
        assert stream.wait_for("failed")["error"]["code"] == "unread"
        assert stream.told("read") == []
        assert read_cursor(str(stream.last_id)) == Cursor(1, 1, 1, sample_id), "nothing of it is owed any more"


def test_an_execution_that_is_removed_ends_its_streams(desk: Desk, client: ContractClient, site: Served) -> None:
    """Given a stream, when its execution is removed, then the stream ends without saying that the execution did, and who comes back finds nothing."""
    execution_id = submit(client)
    with site.stream(execution_id) as stream:
        stream.wait_for("progress")
        with desk.database.begin() as db:
            db.execute(sa.text("DELETE FROM executions WHERE execution_id = :id"), {"id": execution_id})
        stream.wait_until_closed()
        assert stream.told("end") == []
    with site.stream(execution_id) as refused:
        assert refused.status == 404


def test_a_listener_who_does_not_read_is_let_go() -> None:
    """Given a listener for whom as much waits as may, when one more comes, then nothing waits for it any more and its stream ends."""
    listener = Listener(words_in("en"))
    for _ in range(MOST_WAITING):
        listener.push(b"x")
    assert not listener.let_go
    listener.push(b"x")
    assert (listener.let_go, listener.over) == (True, True)


def test_who_only_connects_and_never_reads_holds_nobody_up(desk: Desk, client: ContractClient, site: Served) -> None:
    """Given one client that reads nothing of its stream, when answers land, then the other is told them all, and the first one's place is free once it has left."""
    execution_id = submit(client)
    deaf = site.stream(execution_id, reads=False)
    with site.stream(execution_id) as stream:
        settle(desk, execution_id, [answered()])
        stream.wait_for("answer")
        assert site.streams.open == 2
    deaf.leave()
    wait_until(lambda: site.streams.open == 0, SOON_S, "both places to be free")


def test_streams_outlast_the_database(postgres_server: PostgresServer, postgres_url: str, tmp_path: Path) -> None:
    """Given a stream, when the database crashes and comes back, then the stream says that it waits, stays open, and goes on with what happened since."""
    desk = open_desk(postgres_url, tmp_path)
    execution_id = submit(ContractClient(desk))
    with served(desk) as running, running.stream(execution_id) as stream:
        settle(desk, execution_id, [answered()])
        stream.wait_for("answer")
        postgres_server.crash()
        try:
            wait_until(
                lambda: any("the database does not answer" in words for words in stream.comments), SOON_S, "a comment"
            )
            with running.stream(execution_id) as refused:
                assert refused.status == 503
        finally:
            postgres_server.start()
        settle(desk, execution_id, [answered(), failed()])
        stream.wait_for("answer", 2)
        stream.wait_for("failed")
        assert not stream.closed.is_set()
        assert len(set(stream.samples("answer"))) == 2
    desk.close()


def test_a_server_that_stops_ends_its_streams(desk: Desk, client: ContractClient) -> None:
    """Given streams that are open, when the server is told to stop, then they end in order and without an end event, and it has stopped."""
    execution_id = submit(client)
    with served(desk) as running:
        streams = [running.stream(execution_id) for _ in range(3)]
        for stream in streams:
            stream.wait_for("progress")
        running.server.should_exit = True
        for stream in streams:
            stream.wait_until_closed()
            assert stream.told("end") == []
    for stream in streams:
        stream.leave()


def test_open_streams_are_a_metric(small: ContractClient, small_site: Served) -> None:
    """Given a stream, when the process is scraped, then the stream is counted; once it has ended, it is not, and what it took to begin is what counts as its time."""
    execution_id = submit(small)

    def scraped() -> str:
        return str(call("GET", f"{small_site.url}/metrics").body.decode())

    with small_site.stream(execution_id) as stream:
        stream.wait_for("progress")
        assert "brandq_event_streams 1.0" in scraped()
    wait_until(lambda: "brandq_event_streams 0.0" in scraped(), SOON_S, "the place to be given back")
    timed = 'brandq_http_request_seconds_count{method="GET",path="/api/executions/{execution_id}/events"}'
    assert f"{timed} 1.0" in scraped()

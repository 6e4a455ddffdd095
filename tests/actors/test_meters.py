"""What a process counts: each thing once, after its commit, under labels that are few; and how late, how long, how many."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dramatiq
import pytest
from periodiq import cron
from prometheus_client.parser import text_string_to_metric_families

from brandq import __version__, store
from brandq.actors import analyze, report, tick
from brandq.actors.accepting import accept, accept_retry, cancel
from brandq.actors.clock import minute_by_minute
from brandq.actors.declare import actor, message
from brandq.actors.desk import Desk
from brandq.actors.meters import MESSAGE_OUTCOMES, NAMES, EngineNames, Meters
from brandq.actors.middleware import Count
from brandq.actors.sending import send_execution
from brandq.actors.upkeep import release_expired
from brandq.plan import EngineRef
from brandq.settings import read_settings
from brandq.words.terms import EXPLANATIONS
from tests.actors.installed import Installed, installed
from tests.actors.test_stages import fetch_now
from tests.actors.working import SOON_S, NotingDesk, opened, working
from tests.scraped import changes, series
from tests.waiting import wait_until

FETCH = "brandq.fetch"

#: a row whose answers have a price
PRICED = """
[engines.priced]
dialect = "openai-chat"
base_url = "{url}/v1"
model = "m2"
[engines.priced.prices."m2"]
tokens_in = "2"
tokens_out = "8"
currency = "USD"
dated = "2026-11-23"
"""

#: what a process has whatever it counts
OF_THE_PROCESS = re.compile(r"process_|python_|brandq_(loop_lag|threads|database_|publisher|queue_wait_seconds_sum)")


@pytest.fixture(params=["sqlite + embedded", "postgres + rabbitmq"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str, str]:
    database, _, broker = str(request.param).partition(" + ")
    database_url: str = request.getfixturevalue(f"{database}_url")
    broker_url: str = "embedded" if broker == "embedded" else request.getfixturevalue("rabbitmq_url")
    return tmp_path, database_url, broker_url


def told(desk: Desk) -> dict[str, float]:
    return {name: value for name, value in series(desk.meters.told()).items() if not OF_THE_PROCESS.match(name)}


def take(site: Installed, **fields: Any) -> str:
    """An execution that came in by the door and is worked on."""
    execution_id = accept(site.desk, site.plan(**fields), owner="ann").execution.execution_id
    send_execution(site.desk, execution_id)
    return execution_id


def settled(desk: Desk) -> dict[str, float]:
    """The counts once no message is in progress: a message is counted after what it did is seen in the tables."""

    def look() -> dict[str, float] | None:
        found = told(desk)
        return None if any(value for name, value in found.items() if "in_progress" in name) else found

    return wait_until(look, SOON_S, "all messages to end") or {}


# -- an execution


def test_an_execution_changes_these_counts_and_no_others(place: tuple[Path, str, str]) -> None:
    """Given a worker, when an execution goes from the door to its report, then each thing is counted once: accepted, asked,
    answered, paid, read, ended; and nothing else changes."""
    with installed(*place, rows=PRICED) as site:
        before = settled(site.desk)
        execution_id = take(site, engines=["priced"], prompts=["哪家好？", "Which is best?"], repeats=2)
        assert site.ended(execution_id).status == "completed"
        after = settled(site.desk)
        with site.desk.database.read() as db:
            kept = [store.evidence(db, execution_id, row.sample_id).answer for row in site.rows(execution_id)]
    changed = changes(before, after)
    analyzed = changed.pop('brandq_messages_total{actor="analyze",outcome="done",queue="brandq.analyze"}')
    assert 1 <= analyzed <= 4, "answers that land together are read together"
    for name in ("analyze", "fetch", "report"):
        assert changed.pop(f'brandq_message_seconds_sum{{actor="{name}"}}') > 0
    assert changed.pop('brandq_call_seconds_sum{engine="priced"}') > 0
    assert 0 < changed.pop('brandq_execution_seconds_sum{status="completed"}') < SOON_S
    assert changed == {
        "brandq_executions_accepted_total": 1,
        'brandq_executions_ended_total{status="completed"}': 1,
        'brandq_execution_seconds_count{status="completed"}': 1,
        'brandq_calls_total{engine="priced",outcome="ok"}': 4,
        'brandq_call_seconds_count{engine="priced"}': 4,
        'brandq_answers_total{engine="priced",kind="ok"}': 4,
        'brandq_tokens_total{engine="priced",kind="in"}': sum(one.tokens_in or 0 for one in kept),
        'brandq_tokens_total{engine="priced",kind="out"}': sum(one.tokens_out or 0 for one in kept),
        'brandq_cost_total{currency="USD",engine="priced"}': pytest.approx(float(sum(one.cost or 0 for one in kept))),
        'brandq_messages_total{actor="fetch",outcome="done",queue="brandq.fetch"}': 1,
        'brandq_messages_total{actor="report",outcome="done",queue="brandq.report"}': 1,
        'brandq_message_seconds_count{actor="fetch"}': 1,
        'brandq_message_seconds_count{actor="analyze"}': analyzed,
        'brandq_message_seconds_count{actor="report"}': 1,
        'brandq_queue_wait_seconds_count{queue="brandq.fetch"}': 1,
        'brandq_queue_wait_seconds_count{queue="brandq.analyze"}': analyzed,
        'brandq_queue_wait_seconds_count{queue="brandq.report"}': 1,
    }
    assert sum(one.cost or 0 for one in kept) > 0


def test_a_call_that_says_too_many_is_counted_as_such(place: tuple[Path, str, str]) -> None:
    """Given an assistant that answers one call with 429, when it is asked again and answers, then both calls are counted,
    the 429 once, and one answer."""
    with installed(*place) as site:
        site.fault("m1", "429")
        before = settled(site.desk)
        assert site.ended(take(site)).status == "completed"
        changed = changes(before, settled(site.desk))
    assert changed['brandq_calls_total{engine="sim",outcome="rate_limit"}'] == 1
    assert changed['brandq_rate_limited_total{engine="sim"}'] == 1
    assert changed['brandq_calls_total{engine="sim",outcome="ok"}'] == 1
    assert changed['brandq_answers_total{engine="sim",kind="ok"}'] == 1
    assert changed['brandq_call_seconds_count{engine="sim"}'] == 2
    assert not any("samples_failed" in name for name in changed)


def test_a_first_failure_is_seen_as_growth(place: tuple[Path, str, str]) -> None:
    """Given a worker that has just begun, when it is scraped, then each code by which a sample may fail stands there with 0: an
    increase is taken between two values, and a series that begins at 5 shows none."""
    with installed(*place) as site:
        found = settled(site.desk)
    assert {found[f'brandq_samples_failed_total{{code="{code}"}}'] for code in EXPLANATIONS} == {0}


def test_what_is_no_answer_is_counted_by_its_class(place: tuple[Path, str, str]) -> None:
    """Given assistants that refuse, say nothing, and have no key, when they are asked, then refused and empty are answers,
    auth is a failed sample, and the 429s stay at none."""
    with installed(*place) as site:
        names = [f"broken-{name}" for name in ("refusal", "empty", "401")]
        site.ended(take(site, engines=names))
        found = settled(site.desk)
    assert found['brandq_answers_total{engine="broken-refusal",kind="refused"}'] == 1
    assert found['brandq_answers_total{engine="broken-empty",kind="empty"}'] == 1
    assert found['brandq_calls_total{engine="broken-401",outcome="auth"}'] == 1
    assert found['brandq_samples_failed_total{code="auth"}'] == 1
    assert {found[f'brandq_rate_limited_total{{engine="{name}"}}'] for name in names} == {0}
    assert 'brandq_answers_total{engine="broken-401",kind="ok"}' not in found


def test_what_is_paid_for_and_comes_too_late_is_no_answer(tmp_path: Path, sqlite_url: str) -> None:
    """Given a call whose execution is cancelled while it runs, when it is broken off, then it counts as cut off; the cancelling
    counts as an end, and nothing is in flight any more."""
    with installed(tmp_path, sqlite_url, "embedded", latency_ms=1500) as site:
        site.ended(take(site))
        before = settled(site.desk)
        execution_id = take(site, repeats=2)
        wait_until(lambda: told(site.desk).get('brandq_calls_in_flight{provider="sim"}') == 2, SOON_S, "both calls")
        cancel(site.desk, execution_id, owner="ann")
        wait_until(
            lambda: told(site.desk).get('brandq_calls_total{engine="sim",outcome="cut_off"}') == 2,
            SOON_S,
            "the calls to be broken off",
        )
        after = settled(site.desk)
    changed = changes(before, after)
    assert changed['brandq_executions_ended_total{status="cancelled"}'] == 1
    assert changed['brandq_calls_total{engine="sim",outcome="cut_off"}'] == 2
    assert 'brandq_calls_in_flight{provider="sim"}' not in changed
    assert 'brandq_answers_total{engine="sim",kind="ok"}' not in changed


# -- what goes wrong


def test_a_lease_that_passes_is_counted_and_so_is_who_is_given_up(tmp_path: Path, database_url: str) -> None:
    """Given a worker that vanishes with two samples again and again, when upkeep takes them back, then each is counted each
    time, and at the cap both are counted as lost."""
    with installed(tmp_path, database_url, "embedded", working=False) as site:
        execution_id = site.accept(site.plan(repeats=2))
        ids = [row.sample_id for row in site.rows(execution_id)]
        for tries in range(1, store.MAX_ATTEMPTS + 1):
            now = site.desk.now()
            with site.desk.database.begin() as db:
                due = store.due_samples(db, ids, now=now)
                store.claim_samples(db, due, worker="gone", now=now, lease_until=now - timedelta(seconds=1))
            assert release_expired(site.desk) == 2
            assert told(site.desk)["brandq_leases_expired_total"] == 2 * tries
        assert told(site.desk)['brandq_samples_failed_total{code="lost"}'] == 2


def test_samples_that_are_given_up_are_counted_by_why(tmp_path: Path, database_url: str) -> None:
    """Given executions past their deadline, over their budget, and with an answer that cannot be read, then each sample that
    is given up is counted once under its code, and so is each execution's end."""
    with installed(tmp_path, database_url, "embedded", working=False) as site:
        site.accept(site.plan(repeats=3), deadline_s=-1)
        tick(site.desk)
        tick(site.desk)
        assert told(site.desk)['brandq_samples_failed_total{code="deadline"}'] == 3

        # a limit that cannot be kept: nobody knows what this engine costs
        poor = site.accept(site.plan(repeats=2, cost_limit={"amount": "1", "currency": "USD"}))
        fetch_now(site, [row.sample_id for row in site.rows(poor)])
        assert told(site.desk)['brandq_samples_failed_total{code="budget"}'] == 2

        unread = site.accept(site.plan())
        ids = [row.sample_id for row in site.rows(unread)]
        fetch_now(site, ids)
        for _ in range(7):
            with site.desk.database.begin() as db:
                store.begin_reading(db, unread, ids, now=site.desk.now())
        analyze(site.desk, unread, ids)
        assert told(site.desk)['brandq_samples_failed_total{code="unread"}'] == 1

        for _ in range(store.MAX_BUILDS):
            with site.desk.database.begin() as db:
                assert store.begin_report(db, unread, now=site.desk.now())
        report(site.desk, unread)
        report(site.desk, unread)
        found = told(site.desk)
        assert site.execution(unread).status == "failed"
        assert found['brandq_executions_ended_total{status="failed"}'] == 1
        assert found['brandq_execution_seconds_count{status="failed"}'] == 1


def test_an_execution_is_accepted_once_however_often_it_is_sent(tmp_path: Path, database_url: str) -> None:
    """Given one idempotency key, when a plan is sent twice and its execution retried twice, then two are counted: it and its
    retry."""
    with installed(tmp_path, database_url, "embedded", working=False) as site:
        first = accept(site.desk, site.plan(), owner="ann", idempotency_key="k")
        accept(site.desk, site.plan(), owner="ann", idempotency_key="k")
        cancel(site.desk, first.execution.execution_id, owner="ann")
        for _ in range(2):
            accept_retry(site.desk, first.execution.execution_id, owner="ann")
        assert told(site.desk)["brandq_executions_accepted_total"] == 2
        assert told(site.desk)['brandq_executions_ended_total{status="cancelled"}'] == 1


# -- messages


def counted(broker: dramatiq.Broker) -> Meters:
    return next(middleware.meters for middleware in broker.middleware if isinstance(middleware, Count))


def of_messages(broker: dramatiq.Broker) -> dict[str, float]:
    found = series(counted(broker).told())
    return {
        outcome: n
        for outcome in MESSAGE_OUTCOMES
        if (n := found.get(f'brandq_messages_total{{actor="fetch",outcome="{outcome}",queue="brandq.fetch"}}', 0))
    }


def test_a_message_is_counted_by_how_it_ended(broker_url: str) -> None:
    """Given messages of which one is done, one fails twice and one is too old, then each end is counted under its name."""

    @actor(queue_name=FETCH, max_retries=1, min_backoff=10, max_backoff=10, periodic=cron("* * * * *"))
    def fetch(desk: NotingDesk, number: int) -> None:
        if number:
            raise RuntimeError("no")

    with opened(broker_url) as broker, working(broker, NotingDesk(), fetch):
        assert series(counted(broker).told())['brandq_messages_refused_total{queue="brandq.fetch"}'] == 0
        broker.enqueue(message(fetch, 0))
        broker.enqueue(message(fetch, 1))
        late = message(fetch, 0)
        late.options["scheduled_at"] = str(datetime.now(UTC) - timedelta(hours=1))
        broker.enqueue(late)
        wanted = {"done": 1, "again": 1, "dead": 1, "skipped": 1}
        wait_until(lambda: of_messages(broker) == wanted, SOON_S, f"{wanted}")
        assert series(counted(broker).told())['brandq_messages_in_progress{queue="brandq.fetch"}'] == 0


def test_a_message_that_is_given_back_is_no_failure(broker_url: str) -> None:
    """Given an actor that outlives the grace, when its worker stops, then its message counts as handed back; and when the next
    worker begins it, then what it waited is counted from that moment on."""
    desk = NotingDesk()

    @actor(queue_name=FETCH, max_retries=0)
    async def fetch(desk: NotingDesk) -> None:
        desk.note("began")
        if len(desk.notes) == 1:
            await asyncio.sleep(SOON_S)

    with opened(broker_url, grace_s=1.0) as broker:
        with working(broker, desk, fetch):
            broker.enqueue(message(fetch))
            desk.wait_for(1)
        assert of_messages(broker) == {"handed_back": 1}
        before = series(counted(broker).told())
        assert before['brandq_messages_in_progress{queue="brandq.fetch"}'] == 0
        given_back_at = time.monotonic()
        with working(broker, desk, fetch):
            desk.wait_for(2)
            since_s = time.monotonic() - given_back_at
            wait_until(lambda: of_messages(broker) == {"handed_back": 1, "done": 1}, SOON_S, "the message to end")
        changed = changes(before, series(counted(broker).told()))
        waited_s = changed['brandq_queue_wait_seconds_sum{queue="brandq.fetch"}']
        assert waited_s < since_s + 0.5, "the second that it was worked on is no waiting"


def test_a_delay_that_was_asked_for_is_no_waiting(broker_url: str) -> None:
    """Given a message with a delay, when it is begun, then its wait is counted from when it was due."""
    desk = NotingDesk()

    @actor(queue_name=FETCH)
    def fetch(desk: NotingDesk) -> None:
        desk.note(time.monotonic())

    with opened(broker_url) as broker, working(broker, desk, fetch):
        began = time.monotonic()
        broker.enqueue(message(fetch), delay=1500)
        taken_s = desk.wait_for(1)[0] - began
        found = series(counted(broker).told())
        assert found['brandq_queue_wait_seconds_count{queue="brandq.fetch"}'] == 1
        waited_s = found['brandq_queue_wait_seconds_sum{queue="brandq.fetch"}']
        assert 0 <= waited_s <= taken_s - 1.4, (waited_s, taken_s)


def test_a_message_that_nobody_can_work_on_is_counted_where_it_is_refused(broker_url: str) -> None:
    """Given messages with an actor that is not here, with too many arguments, and in the delay queue, when they are delivered,
    then each counts as refused, and none as worked on."""
    desk = NotingDesk()

    @actor(queue_name=FETCH)
    def fetch(desk: NotingDesk, number: int) -> None:
        desk.note(number)

    with opened(broker_url) as broker, working(broker, desk, fetch):
        broker.enqueue(message(fetch, 1).copy(actor_name="newer"))
        broker.enqueue(message(fetch, 1, 2))
        broker.enqueue(message(fetch, 1, 2, 3), delay=100)
        refused = 'brandq_messages_refused_total{queue="brandq.fetch"}'
        wait_until(lambda: series(counted(broker).told())[refused] == 3, SOON_S, "three refused messages")
        assert of_messages(broker) == {}


def test_the_threads_of_a_worker_are_counted_while_it_works(broker_url: str) -> None:
    """Given a worker, then its threads are told beside how many there should be; after it has stopped, none is missing."""

    @actor(queue_name=FETCH)
    async def fetch(desk: NotingDesk) -> None: ...

    with opened(broker_url) as broker:
        with working(broker, NotingDesk(), fetch, threads=3):
            found = series(counted(broker).told())
            consumers = 2 if broker_url != "embedded" else 1
            for kind, n in (("worker", 3), ("consumer", consumers), ("loop", 1)):
                assert found[f'brandq_threads{{kind="{kind}"}}'] == n
                assert found[f'brandq_threads_expected{{kind="{kind}"}}'] == n
        assert not any(name.startswith("brandq_threads") for name in series(counted(broker).told()))


# -- the process


def test_a_loop_that_is_blocked_shows(tmp_path: Path, sqlite_url: str) -> None:
    """Given a loop on which somebody sleeps without yielding, then that lag is seen; and a worker's loop is looked after."""
    meters = Meters("test")

    async def block() -> None:
        watching = asyncio.create_task(meters.watch_loop(0.01))
        await asyncio.sleep(0.05)
        time.sleep(0.3)  # noqa: ASYNC251
        await asyncio.sleep(0.05)
        watching.cancel()

    asyncio.run(block())
    late = [
        sample.value
        for family in text_string_to_metric_families(meters.told().decode())
        for sample in family.samples
        if sample.name == "brandq_loop_lag_seconds_bucket" and sample.labels["le"] in ("0.25", "+Inf")
    ]
    assert late[1] > late[0], "one look came more than a quarter of a second late"

    with installed(tmp_path, sqlite_url, "embedded") as site:
        wait_until(
            lambda: series(site.desk.meters.told())["brandq_loop_lag_seconds_count"] > 0, SOON_S, "a look at the loop"
        )


def test_only_a_clock_has_ticks(tmp_path: Path, sqlite_url: str) -> None:
    """Given a process that is no clock, then it tells no last tick, which would look like one that stopped in 1970; given a
    clock, then its ticks and the time of the last one."""
    with installed(tmp_path, sqlite_url, "embedded", working=False) as site:
        assert not any("clock" in name for name in told(site.desk))
        stop = minute_by_minute(site.desk)
        wait_until(lambda: told(site.desk).get("brandq_clock_ticks_total") == 1, SOON_S, "the first tick")
        stop()
        assert abs(told(site.desk)["brandq_clock_last_tick_timestamp_seconds"] - time.time()) < 60


def test_a_process_says_what_it_is_and_holds(tmp_path: Path, sqlite_url: str) -> None:
    """Given a desk with an open transaction and a broker that takes nothing, then connections, backlog and lost sends show,
    beside version, role, memory and file descriptors."""
    settings = read_settings({"BRANDQ_DATABASE_URL": sqlite_url, "BRANDQ_DATA_DIR": str(tmp_path)})
    desk = Desk(settings, role="work fetch")
    try:
        with desk.database.read():
            found = series(desk.meters.told())
        assert found["brandq_database_connections_in_use"] == 1
        assert found["brandq_database_connections_max"] == desk.database.pool_size
        assert found[f'brandq_build_info{{role="work fetch",version="{__version__}"}}'] == 1
        assert found["process_resident_memory_bytes"] > 0
        assert found["process_open_fds"] > 0
        assert any(name.startswith("python_info{") for name in found)
        assert (found["brandq_publisher_backlog"], found["brandq_sends_lost_total"]) == (0, 0)
        # its queue is not known to this broker, so the send is lost
        desk.send(tick)
        wait_until(lambda: series(desk.meters.told())["brandq_sends_lost_total"] == 1, SOON_S, "the lost send")
    finally:
        desk.close()


# -- names and labels


def test_no_label_holds_an_id_or_what_a_caller_wrote(place: tuple[Path, str, str]) -> None:
    """Given executions of models, prompts and owners that callers made up, when everything is told, then no label holds one of
    them, nor an id: models that no row names are counted together."""
    made_up = ["sim/of-mine", "sim/of-hers"]
    with installed(*place) as site:
        ids = [take(site, engines=["sim", *made_up], prompts=["secret-prompt-1?"]), take(site, engines=[made_up[0]])]
        for execution_id in ids:
            site.ended(execution_id)
        found = settled(site.desk)
        text = site.desk.meters.told().decode()
    assert found['brandq_calls_total{engine="sim/other",outcome="ok"}'] == 3
    assert found['brandq_calls_total{engine="sim",outcome="ok"}'] == 1
    for words in (*ids, "of-mine", "of-hers", "secret-prompt", "ann", "127.0.0.1"):
        assert words not in text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label not in ("le", "version", "implementation", "major", "minor", "patchlevel"):
                    assert not re.search(r"\d{2,}|-\d", value), f"{sample.name}: {label}={value!r} looks like an id"


def test_an_engine_is_named_by_its_row() -> None:
    """Given engines of a row's own model, of another, of none, and simulated ones, then few names come of them; a scope that is
    a row's own model keeps it, as the pauses show it."""
    names = EngineNames({"qwen": "qwen-max", "router": None})
    assert names.of(EngineRef("qwen", "qwen", "qwen-max")) == "qwen"
    assert names.of(EngineRef("qwen?locale=zh", "qwen", "qwen-max", search=True, locale="zh")) == "qwen"
    assert names.of(EngineRef("qwen/x", "qwen", "x", simulated=True)) == "qwen/other?simulated"
    assert names.of(EngineRef("router/a/b", "router", "a/b")) == "router/other"
    assert names.of(EngineRef("qwen", "qwen", "qwen-max", simulated=True)) == "qwen?simulated"
    assert names.of_scope("qwen/qwen-max?simulated") == "qwen/qwen-max?simulated"
    assert names.of_scope("qwen/made-up") == "qwen/other"
    assert names.of_scope("qwen") == "qwen"


def test_what_a_process_tells_is_what_the_table_of_names_says(place: tuple[Path, str, str]) -> None:
    """Given a worker that has done all kinds of work, when it tells its counts, then each is in the table under that name, kind,
    help and labels; a name that is not in the table cannot be made."""
    with installed(*place) as site:
        site.ended(take(site, engines=["sim", "broken-401"]))
        text = settled(site.desk) and site.desk.meters.told().decode()
    kinds = {}
    for family in text_string_to_metric_families(text):
        if family.name.startswith(("process_", "python_")):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        kinds[name] = family.type
        assert (family.type, family.documentation) == (NAMES[name].kind, NAMES[name].help), name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(NAMES[name].labels), sample
    of_workers = {name for name, known in NAMES.items() if known.of in ("all", "work", "web, work")}
    assert of_workers <= set(kinds)
    with pytest.raises(KeyError):
        Meters("test").watch("brandq_made_up", lambda: 1)

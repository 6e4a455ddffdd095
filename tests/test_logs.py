"""The log: JSON for programs, lines for people, what each is about, and what none repeats."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import re
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from brandq import __version__, logs
from brandq.actors.declare import actor, message
from brandq.actors.desk import Desk
from brandq.actors.upkeep import sweep_all
from brandq.errors import DatabaseNotReady
from brandq.settings import read_settings
from brandq.store import Database
from tests.actors.installed import installed
from tests.actors.working import NotingDesk, opened, working
from tests.house_rules import ROOT, SRC
from tests.lines import Lines, keeping_lines
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import call, plan, site

EXECUTION = "0b0e8f4e-6f4e-4d55-9c4e-0a4f5d3f7d11"
CANARIES = {
    "database": "canary-of-the-database",
    "broker": "canary-of-the-broker-p%40ss",
    "provider": "sk-canary-of-the-provider",
    "webhook": "canary-of-the-webhook",
    "prompt": "Kanarienvogel-Felgen",
}


@pytest.fixture
def kept() -> Iterator[Lines]:
    with keeping_lines() as lines:
        yield lines


@pytest.fixture
def no_secrets() -> Iterator[None]:
    """What this test registers as secret is forgotten after it."""
    before = logs._process.secrets
    yield
    logs._process.secrets = before


def _json(logger: str, level: int, message: str, *args: object, **more: Any) -> dict[str, Any]:
    record = logging.getLogger(logger).makeRecord(logger, level, "x.py", 1, message, args, more.get("exc_info"))
    line = logs.ForPrograms(worker="host:7").format(record)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    found: dict[str, Any] = json.loads(line)
    return found


# -- one line


def test_a_line_says_when_where_and_who() -> None:
    """Given a record, when it is written for programs, then it is one object with time, level, logger and process."""
    line = _json("brandq.x", logging.WARNING, "%d of %s", 3, "them")
    at = datetime.fromisoformat(line.pop("at"))
    assert at.tzinfo is not None
    assert abs(at.timestamp() - datetime.now().astimezone().timestamp()) < 60
    assert line.pop("role")
    assert line == {
        "level": "WARNING",
        "logger": "brandq.x",
        "message": "3 of them",
        "worker": "host:7",
        "version": __version__,
    }


@pytest.mark.parametrize(
    "text", ["two\nlines", "two\r\nlines", "a\u2028b\x85c\x0bd", "深圳", "half \ud83d", "\x1b[31m\0"]
)
def test_whatever_is_said_is_one_line(text: str) -> None:
    """Given a message with breaks of any kind, when it is written for programs, then it is one line, and reads back."""
    assert _json("x", logging.INFO, text)["message"] == text


def test_an_error_is_in_its_line() -> None:
    """Given a record with an exception, then its class is ``error`` and its whole traceback one string."""
    try:
        raise ValueError("two\nlines")
    except ValueError:
        line = _json("x", logging.ERROR, "it broke", exc_info=sys.exc_info())
    assert line["error"] == "ValueError"
    assert line["traceback"].startswith("Traceback (most recent call last):")
    assert line["traceback"].endswith("ValueError: two\nlines")
    assert "error" not in _json("x", logging.ERROR, "none", exc_info=(None, None, None))


def test_a_long_line_is_cut() -> None:
    """Given a message and a traceback longer than runtimes keep in one piece, then what names the error is kept."""
    try:
        raise ValueError("x" * 50_000 + " the end")
    except ValueError:
        line = _json("x", logging.ERROR, "y" * 50_000, exc_info=sys.exc_info())
    assert len(json.dumps(line)) < 16_384
    assert line["traceback"].endswith(" the end")
    assert line["message"].endswith("…")


def test_lines_for_people_are_as_they_were() -> None:
    """Given a record about an execution, when it is written for people, then it has time, level, logger and message."""
    record = logging.getLogger("brandq.x").makeRecord("brandq.x", logging.INFO, "x.py", 1, "served %s", ("it",), None)
    with logs.about(execution_id=EXECUTION):
        line = logs.ForPeople(logs.LINE_FOR_PEOPLE).format(record)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO brandq\.x: served it", line)


# -- what a line is about


def test_a_block_adds_to_what_its_lines_are_about() -> None:
    """Given nested blocks, then a line is about all of them, an inner one counts more, and None is not known."""
    with logs.about(execution_id="e", sample_id=1), logs.about(sample_id=2, engine=None):
        assert dict(logs.known()) == {"execution_id": "e", "sample_id": 2}
        assert _json("x", logging.INFO, "m")["sample_id"] == 2
    assert dict(logs.known()) == {}
    assert "sample_id" not in _json("x", logging.INFO, "m")


def test_it_goes_with_the_work(sqlite_url: str, tmp_path: Path) -> None:
    """Given a block on a loop, when it makes a task and works in a thread of the store, then both are about the same; and
    what is made in an empty context is about nothing."""
    settings = read_settings({"BRANDQ_DATABASE_URL": sqlite_url, "BRANDQ_BROKER_URL": "embedded"})
    desk = Desk(settings, role="test")

    async def work() -> list[dict[str, Any]]:
        async def look() -> dict[str, Any]:
            return dict(logs.known())

        with logs.about(execution_id="e"):
            in_thread = await desk.in_thread(lambda: dict(logs.known()))
            return [
                in_thread,
                await asyncio.create_task(look()),
                await asyncio.create_task(look(), context=Context()),
            ]

    assert asyncio.run(work()) == [{"execution_id": "e"}, {"execution_id": "e"}, {}]
    # and leaves nothing behind in the thread
    assert asyncio.run(desk.in_thread(lambda: dict(logs.known()))) == {}
    desk.close()


def test_a_message_leaves_nothing_behind(kept: Lines, broker_url: str) -> None:
    """Given one worker thread, when a message about an execution fails and one about nothing follows, then what is done
    for each knows its own ids, also on the loop, and neither those of the other."""
    desk = NotingDesk()

    @actor(queue_name="brandq.fetch", max_retries=0)
    def failing(desk: NotingDesk, execution_id: str) -> None:
        logging.getLogger("brandq.x").info("in the thread")
        desk.note(dict(logs.known()))
        raise ValueError("as planned")

    @actor(queue_name="brandq.fetch")
    async def looping(desk: NotingDesk) -> None:
        await asyncio.sleep(0)
        logging.getLogger("brandq.x").info("on the loop")
        desk.note(dict(logs.known()))

    with opened(broker_url, threads=1) as broker, working(broker, desk, failing, looping, threads=1):
        first, second = message(failing, EXECUTION), message(looping)
        broker.enqueue(first)
        desk.wait_for(1)
        broker.enqueue(second)
        about_first, about_second = desk.wait_for(2)
        wait_until(lambda: kept.saying("looping() done"), 20, "the second to be done")
    assert about_first == {
        "actor": "failing",
        "queue": "brandq.fetch",
        "message_id": first.message_id,
        "execution_id": EXECUTION,
    }
    assert about_second == {"actor": "looping", "queue": "brandq.fetch", "message_id": second.message_id}
    (failed,) = [line for line in kept.lines if line.get("error") == "ValueError"]
    assert (failed["logger"], failed["execution_id"]) == ("dramatiq.worker.WorkerThread", EXECUTION)
    for line in kept.lines:
        if "looping" in line["message"] or line["message"] == "on the loop":
            assert line.get("execution_id") is None


def test_a_message_says_its_execution_in_its_options(kept: Lines) -> None:
    """Given a message whose ids do not name the execution, when its option ``about`` does, then its lines are about it;
    an option of another shape is passed over."""
    desk = NotingDesk()

    @actor(queue_name="brandq.fetch")
    def fetching(desk: NotingDesk, sample_ids: list[int]) -> None:
        desk.note(logs.known().get("execution_id"))

    with opened("embedded", threads=1) as broker, working(broker, desk, fetching, threads=1):
        for about in ({"execution_id": EXECUTION}, {"execution_id": "no id\n" * 3}, [1], "x", None):
            one = message(fetching, [1])
            broker.enqueue(one.copy(options={**one.options, "about": about}))
        assert desk.wait_for(5) == [EXECUTION, None, None, None, None]


def test_each_line_about_a_sample_names_its_own_execution(kept: Lines, sqlite_url: str, tmp_path: Path) -> None:
    """Given executions whose calls fail and land together, when they end, then each line about a sample has its execution,
    attempt and engine, and no line of the shared commits and looks is about somebody's sample by chance."""
    with installed(tmp_path, sqlite_url, "embedded") as site_:
        ids = [site_.submit(engines=["sim", "broken-400-context"], repeats=3, label=str(n)) for n in range(3)]
        for execution_id in ids:
            site_.ended(execution_id, sweeping=True)
        owners = {row.sample_id: (execution_id, row.engine) for execution_id in ids for row in site_.rows(execution_id)}
    about_samples = [line for line in kept.lines if "sample_id" in line]
    assert {line["execution_id"] for line in about_samples} == set(ids)
    for line in about_samples:
        assert (line["execution_id"], line["engine"]) == owners[line["sample_id"]]
        assert line["attempt"] >= 1
        assert line["actor"] == "fetch"
    assert len(kept.saying("call ended in")) >= 9
    # SQL, commits and sweeps serve many samples
    assert {line["logger"] for line in about_samples} <= {"brandq.actors.calls", "aiohttp.client", "asyncio"}


def test_a_sweep_is_named_in_its_lines(kept: Lines, sqlite_url: str, tmp_path: Path) -> None:
    """Given a sweep that repairs something, then its lines name it, and nothing after them does."""

    def mending(_: Desk) -> int:
        return 3

    with installed(tmp_path, sqlite_url, "embedded", working=False) as site_:
        sweep_all(site_.desk, [mending])
    assert [line.get("sweep") for line in kept.saying("mending: 3")] == ["mending"]
    assert dict(logs.known()) == {}


def test_every_field_is_known_and_described() -> None:
    """Given every name that the source puts into lines, then it is one of FIELDS, and docs/logs-and-traces.md has each."""
    used = set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("logs.about", "logs.turn_to"):
                used |= {keyword.arg for keyword in node.keywords if keyword.arg is not None}
    assert used - set(logs.FIELDS) == set()
    page = (ROOT / "docs/logs-and-traces.md").read_text(encoding="utf-8")
    mine = ("at", "level", "logger", "message", "role", "worker", "version", "error", "traceback")
    assert [name for name in (*logs.FIELDS, *mine) if f"`{name}`" not in page] == []


# -- what no line repeats


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("cannot reach amqp://brandq:hunter2@mq:5672/x", "cannot reach amqp://…@mq:5672/x"),
        ("postgresql+psycopg://u:p%40ss@db/brandq?x=1", "postgresql+psycopg://…@db/brandq?x=1"),
        ("amqp://a:b@one/v;amqp://c:d@two/v", "amqp://…@one/v;amqp://…@two/v"),
        ("https://token@host/path", "https://…@host/path"),
        ("https://host/path/@user and a@b.example", "https://host/path/@user and a@b.example"),
        ("Authorization: Bearer abc.def-123456", "Authorization: Bearer …"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz', 'a': 1}", "{'Authorization': 'Basic …', 'a': 1}"),
        ("'x-goog-api-key': 'AIzaXYZ'", "'x-goog-api-key': '…'"),
        ("X-API-Key: 0123abc", "X-API-Key: …"),
        ("POST /v1?key=AIzaXYZ&alt=sse", "POST /v1?key=…&alt=sse"),
        ("host=db password=hunter2 user=u", "host=db password=… user=u"),
        ("access_token=abc, client_secret=def", "access_token=…, client_secret=…"),
        ("key sk-proj-0123456789abcdef was refused", "key sk-… was refused"),
        ("bq_ab12_s3cret-with_under is not valid", "bq_ab12_… is not valid"),
        ("DETAIL:  Failing row contains (7, an answer,\nof two lines).", "DETAIL:  Failing row contains (…)"),
        ("Key (execution_id)=(17) exists", "Key (execution_id)=(17) exists"),
        ("author of the basic idea: token ring, secretary", "author of the basic idea: token ring, secretary"),
        ("the key was not valid", "the key was not valid"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(said: str, written: str) -> None:
    """Given a line with something like a secret, when it is written in either form, then that is cut out of it."""
    assert logs.hidden(said) == written
    assert _json("x", logging.INFO, "%s", said)["message"] == written
    try:
        raise RuntimeError(said)
    except RuntimeError:
        record = logging.getLogger("x").makeRecord("x", logging.ERROR, "x.py", 1, "m", (), sys.exc_info())
    assert logs.ForPeople(logs.LINE_FOR_PEOPLE).format(record).endswith(f"RuntimeError: {written}")
    assert json.loads(logs.ForPrograms(worker="w").format(record))["traceback"].endswith(f"RuntimeError: {written}")


@pytest.mark.usefixtures("no_secrets")
def test_what_is_secret_here_is_hidden_wherever_it_stands() -> None:
    """Given texts that are secret in this process, then no line has them; words that are too short to be one stay."""
    logs.keep_secret(["hunter2-hunter2", "hunter2-hunter2-more", "guest", None, ""])
    assert logs.hidden("xhunter2-hunter2y hunter2-hunter2-more guest") == "x…y … guest"


def test_a_refused_statement_does_not_say_its_values(database_url: str) -> None:
    """Given a statement with an answer among its values, when the database refuses it, then no traceback has the answer."""
    answer = " ".join(("words", "of", "an", "answer"))
    database = Database(database_url)
    with pytest.raises(DatabaseNotReady) as refused, database.begin() as db:
        db.execute(sa.text("INSERT INTO nowhere VALUES (:text)"), {"text": answer})
    database.dispose()
    written = "".join(traceback.format_exception(refused.value))
    assert "INSERT INTO nowhere" in written
    assert answer not in written


LEAKING = """
import logging, threading, warnings
from brandq import logs
from brandq.settings import read_settings
settings = read_settings()
logs.set_up(settings)
print(settings.database_url.reveal(), flush=True)
log = logging.getLogger("some.library")
log.warning("connecting to %s", settings.database_url.reveal())
log.warning("password is %s", "canary-of-the-database")
warnings.warn("a library's\\nwarning")
thread = threading.Thread(target=lambda: 1 / 0, name="dying")
thread.start()
thread.join()
raise RuntimeError(f"no answer from {settings.broker_url.reveal()}: canary-of-the-broker-p@ss")
"""


def test_whatever_a_process_says_is_json_without_its_secrets() -> None:
    """Given a process whose libraries log secrets and that dies of an error, then every line of stderr is JSON, the
    warning, the thread's end and its own are among them, and none has a secret: the planted ones were seen on stdout."""
    environment = {
        "BRANDQ_LOG_FORMAT": "json",
        "BRANDQ_DATABASE_URL": f"postgresql://u:{CANARIES['database']}@127.0.0.1:1/x",
        "BRANDQ_BROKER_URL": f"amqp://u:{CANARIES['broker']}@127.0.0.1:1/x",
    }
    ended = subprocess.run(
        [sys.executable, "-c", LEAKING],
        env={**environment, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 1
    assert [line.get("error") for line in lines] == [None, None, None, "ZeroDivisionError", "RuntimeError"]
    assert "canary" in ended.stdout
    assert "canary" not in ended.stderr


@pytest.mark.timeout(240)
def test_no_canary_is_in_the_lines_of_real_processes(
    tmp_path: Path,
    postgres_url: str,
    rabbitmq_url: str,
    rabbitmq_server: RabbitmqServer,
    postgres_server: PostgresServer,
) -> None:
    """Given web and worker whose passwords and keys are canaries, at level DEBUG, when calls, the webhook, the broker and
    the database fail them, then every line is JSON and has none of them; those about the execution name it."""
    vhost = rabbitmq_url.rpartition("/")[2]
    rabbitmq_server.api("PUT", "/users/canary", {"password": "canary-of-the-broker-p@ss", "tags": ""})
    rabbitmq_server.api("PUT", f"/permissions/{vhost}/canary", {"configure": ".*", "write": ".*", "read": ".*"})
    where = rabbitmq_url.partition("@")[2]
    with_password = re.sub(r"//([^:@/]+)(:[^@/]*)?@", rf"//\1:{CANARIES['database']}@", postgres_url)
    assert CANARIES["database"] in with_password
    more = {
        "BRANDQ_LOG_FORMAT": "json",
        "BRANDQ_LOG_LEVEL": "DEBUG",
        "BRANDQ_WEBHOOK_URL": f"http://hook:{CANARIES['webhook']}@127.0.0.1:1/told",
        "BRANDQ_WEBHOOK_SECRET": CANARIES["webhook"],
        "BRANDQ_SIMULATE": "off",
        "OPENAI_API_KEY": CANARIES["provider"],
        "BRANDQ_ENGINES_FILE": str(tmp_path / "engines.toml"),
    }
    with site(tmp_path, with_password, f"amqp://canary:{CANARIES['broker']}@{where}", latency_ms=20, **more) as running:
        # the row's own key, to an address that echoes it in its refusal
        row = f'base_url = "{running.simulator.url}/v1"\nkey_env = ["OPENAI_API_KEY"]\ntotal_s = 5\n'
        (tmp_path / "engines.toml").write_text(
            f'[engines.well]\ndialect = "openai-chat"\nmodel = "m1"\n{row}'
            f'[engines.ill]\ndialect = "openai-chat"\nmodel = "sim-fault-401-echo-key"\n{row}'
        )
        url = running.web()
        worker = running.worker("fetch", "analyze", "report", "notify", "upkeep")
        body = plan(prompts=[CANARIES["prompt"]], engines=["well", "ill"], repeats=2)
        execution_id = call("POST", f"{url}/api/executions", body).body["execution_id"]
        running.ended([execution_id], 60, ticking=False)
        wait_until(lambda: worker.wrote("webhook not told"), 30, "the webhook to fail")
        rabbitmq_server.stop()
        wait_until(
            lambda: worker.wrote("ConnectionClosed") or worker.wrote("connection error"), 30, "the broker to be missed"
        )
        postgres_server.stop()
        assert call("GET", f"{url}/api/executions/{execution_id}").status == 503
        worker.stop(60)
        running.processes[0].stop(60)
        texts = [process.log.read_text(encoding="utf-8") for process in running.processes]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    assert {line["role"] for line in lines} >= {"web", "work analyze+fetch+notify+report+upkeep"}
    for canary in (*CANARIES.values(), "canary-of-the-broker-p@ss"):
        assert not [text for text in texts if canary in text], canary
    of_execution = [line for line in lines if line.get("execution_id") == execution_id]
    assert {line.get("actor") for line in of_execution} >= {"fetch", "analyze", "report", "notify"}
    for actor_name in ("fetch", "analyze", "report", "notify"):
        # also fetch, whose ids are those of samples
        started = [
            line for line in lines if line["message"].startswith(f"{actor_name}(") and " started" in line["message"]
        ]
        assert {line.get("execution_id") for line in started} == {execution_id}
    refused = [line for line in of_execution if "call ended in auth" in line["message"]]
    assert refused
    assert all({"sample_id", "attempt", "engine", "message_id"} <= set(line) for line in refused)
    assert [line for line in lines if line["logger"].startswith("uvicorn")]
    assert [line for line in lines if line["logger"].startswith("dramatiq")]


def test_threads_of_others_keep_their_own() -> None:
    """Given many threads that say what they are about at once, then each line is about its own."""

    def work(number: int) -> bool:
        with logs.about(sample_id=number):
            threading.Event().wait(0.001)
            return _json("x", logging.INFO, "m")["sample_id"] == number

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(200)))

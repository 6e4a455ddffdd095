"""The exporter: it tells the counts to who asks for them, is held up by nobody, and takes its process along when it dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from brandq import exporter as exporting
from brandq.errors import BadSettings
from brandq.exporter import Exporter
from tests.ports import free_port
from tests.scraped import series
from tests.waiting import wait_until

SOON_S = 20.0
#: a process imports brandq and connects in about two seconds; a busy machine may take longer
START_S = 40.0


@contextmanager
def exported(
    told: Callable[[], bytes] = lambda: b"up 1\n", end: Callable[[], None] = lambda: None
) -> Iterator[Exporter]:
    """An exporter on a free port that is closed whatever the test does."""
    opened = Exporter(("127.0.0.1", 0), told, end)
    opened.start()
    try:
        yield opened
    finally:
        opened.died = False
        opened.close()


def where(opened: Exporter) -> str:
    assert opened.address is not None
    return "http://{}:{}".format(*opened.address)


def ask(url: str, method: str = "GET", timeout_s: float = SOON_S) -> tuple[int, dict[str, str], bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=timeout_s) as reply:
            return reply.status, dict(reply.headers), reply.read()
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers), refused.read()


def raw(opened: Exporter, sent: bytes) -> bytes:
    with socket.create_connection(opened.address, timeout=SOON_S) as connection:
        connection.sendall(sent)
        heard = b""
        while chunk := connection.recv(65536):
            heard += chunk
        return heard


# -- what is asked for


def test_it_tells_metrics_and_nothing_else() -> None:
    """Given an exporter, when /metrics is asked for, then the text comes; of any other path 404, of any other method 405."""
    with exported() as opened:
        status, headers, body = ask(f"{where(opened)}/metrics")
        assert (status, body) == (200, b"up 1\n")
        assert headers["Content-Type"].startswith("text/plain; version=")
        assert ask(f"{where(opened)}/metrics?name[]=up")[0] == 200
        for path in ("/", "/metrics/", "/metricsx", "/healthz", "/metrics%2f"):
            assert ask(f"{where(opened)}{path}")[0] == 404, path
        status, headers, _ = ask(f"{where(opened)}/metrics", "POST")
        assert (status, headers["Allow"]) == (405, "GET")
        assert raw(opened, b"\r\n\r\n").startswith(b"HTTP/1.1 405 ")
        assert raw(opened, b"GET\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_a_head_without_end_is_hung_up_on() -> None:
    """Given a client whose head grows and grows, then it is cut off, and the next one is answered."""
    with exported() as opened:
        with socket.create_connection(opened.address, timeout=SOON_S) as connection:
            heads = (connection.send(b"x-more: " + b"y" * 1000 + b"\r\n") for _ in iter(lambda: time.sleep(0.001), 0))
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                sum(heads)
        assert ask(f"{where(opened)}/metrics")[0] == 200


def test_slow_clients_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given clients that send nothing, or take nothing of a long text, when another one asks, then it is answered at once; and
    the slow ones are hung up on when their time is over."""
    monkeypatch.setattr(exporting, "PATIENCE_S", 4.0)
    with exported(lambda: b"x" * 12_000_000) as opened, ExitStack() as stack:
        slow = []
        for number in range(12):
            connection = stack.enter_context(socket.create_connection(opened.address, timeout=SOON_S))
            if number % 4 == 3:
                connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            slow.append(connection)
        assert len(ask(f"{where(opened)}/metrics")[2]) == 12_000_000
        assert len(opened._open) >= 12, "and the slow ones were there all the while"
        for connection in slow[::4]:
            assert connection.recv(1) == b"", "one that asked for nothing is hung up on"
        wait_until(lambda: not opened._open, SOON_S, "every slow client to be hung up on")


def test_there_is_a_bound_on_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given as many idle clients as may be connected, when one more comes, then it is hung up on at once, not kept waiting."""
    monkeypatch.setattr(exporting, "MOST_OPEN", 3)
    with exported() as opened, ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(socket.create_connection(opened.address, timeout=SOON_S))
        wait_until(lambda: len(opened._open) == 3, SOON_S, "three clients")
        with pytest.raises(OSError, match=r"reset|Remote end closed|Broken pipe"):
            ask(f"{where(opened)}/metrics")


def test_a_text_that_cannot_be_made_costs_one_scrape(caplog: pytest.LogCaptureFixture) -> None:
    """Given a text whose making fails once, then that scrape gets no reply, the log says why, and the next one is answered."""
    fails = [True]

    def told() -> bytes:
        if fails.pop() if fails else False:
            raise RuntimeError("the reason")
        return b"up 1\n"

    with exported(told) as opened:
        with pytest.raises(OSError, match=r"reset|Remote end closed"):
            ask(f"{where(opened)}/metrics")
        assert ask(f"{where(opened)}/metrics")[0] == 200
    assert "the reason" in caplog.text


# -- its life


def test_an_address_that_is_taken_is_said_at_the_start() -> None:
    """Given a port in use, and an address that is not this machine's, then starting says which setting to look at."""
    words = r"cannot tell metrics on 127.0.0.1:\d+: .*BRANDQ_METRICS_ADDRESS"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BadSettings, match=words):
        Exporter(taken.getsockname(), lambda: b"")
    with pytest.raises(BadSettings, match="BRANDQ_METRICS_ADDRESS"):
        Exporter(("192.0.2.1", 9191), lambda: b"")


def test_without_an_address_there_is_none() -> None:
    """Given no address, then nothing listens, no thread is missed, and closing is quiet."""
    opened = Exporter(None, lambda: b"")
    opened.start()
    assert opened.threads() == (0, 0)
    opened.close()


def test_it_ends_when_it_is_told_to() -> None:
    """Given an exporter with a client in the middle of its request, when it is closed, then its thread ends, its port is free,
    and nobody is told that it died."""
    ended = threading.Event()
    with exported(end=ended.set) as opened:
        address = opened.address
        assert opened.threads() == (1, 1)
        with socket.create_connection(address, timeout=SOON_S):
            wait_until(lambda: len(opened._open) == 1, SOON_S, "the client")
            opened.close()
        assert opened.thread is not None
        assert not opened.thread.is_alive()
        assert opened.threads() == (0, 0)
    with socket.create_server(address):
        pass
    assert not ended.is_set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """Given an exporter, when its thread dies, then the process is told to end, the count of threads shows it, and closing ends
    the process with status 3."""
    ended = threading.Event()
    with exported(end=ended.set) as opened:
        assert ask(f"{where(opened)}/metrics")[0] == 200
        assert opened._loop is not None
        # what reaches the loop ends its thread, as an error of the loop itself would
        opened._loop.call_soon_threadsafe(sys.exit)
        assert ended.wait(SOON_S)
        assert opened.threads() == (1, 0)
        with pytest.raises(SystemExit) as status:
            opened.close()
        assert status.value.code == 3
    assert "the exporter's thread died" in caplog.text


# -- processes

#: a process of `brandq` in which the exporter's thread is killed once the file KILL is there
DYING = """
import os, signal, sys, threading, time, urllib.request
from dramatiq.middleware.threading import raise_thread_exception
from brandq.__main__ import main

def kill(url):
    while signal.getsignal(signal.SIGTERM) == signal.SIG_DFL or READY not in open(LOG).read() or not os.path.exists(KILL):
        time.sleep(0.05)
    (exporter,) = [thread for thread in threading.enumerate() if thread.name == "brandq-exporter"]
    raise_thread_exception(exporter.ident, SystemExit)
    while exporter.is_alive():
        try:
            urllib.request.urlopen(url + "/metrics", timeout=1).read()
        except OSError:
            time.sleep(0.05)

LOG, READY, KILL, url = sys.argv[1:5]
threading.Thread(target=kill, args=(url,), daemon=True).start()
sys.argv = ["brandq", *sys.argv[5:]]
sys.exit(main())
"""

#: the command, and what its log says once it takes signals
ROLES = {
    "serve": (["serve", "--port", "0"], "Application startup complete"),
    "web": (["web", "--port", "0"], "Application startup complete"),
    "work": (["work", "--queues", "fetch,report"], "serves"),
    "clock": (["clock"], ""),
}


#: the last thing that a starting process tells
AT_LAST = {
    "serve": 'brandq_threads{kind="worker"}',
    "work": 'brandq_threads{kind="worker"}',
    "clock": "brandq_clock_ticks_total",
}


@pytest.fixture(params=list(ROLES))
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def environment(role: str, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Of a process of this role, which tells its metrics."""
    places = (
        {}
        if role == "serve"
        else {
            "BRANDQ_DATABASE_URL": str(request.getfixturevalue("postgres_url")),
            "BRANDQ_BROKER_URL": str(request.getfixturevalue("rabbitmq_url")),
        }
    )
    return {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "PYTHONUNBUFFERED": "1",
        "LANG": "C.UTF-8",
        "BRANDQ_DATA_DIR": str(tmp_path),
        "BRANDQ_SIMULATE": "all",
        "BRANDQ_GRACE_SECONDS": "1",
        "BRANDQ_METRICS_ADDRESS": f"127.0.0.1:{free_port()}",
        **places,
    }


@contextmanager
def started(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT, cwd=log.parent)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def scraped(process: subprocess.Popen[bytes], environment: dict[str, str], log: Path, name: str) -> dict[str, float]:
    """What the process tells, once this series is there."""

    def look() -> dict[str, float] | None:
        assert process.poll() is None, log.read_text()
        try:
            found = series(ask(f"http://{environment['BRANDQ_METRICS_ADDRESS']}/metrics")[2])
        except OSError:
            return None
        return found if name in found else None

    return wait_until(look, START_S, f"a scrape with {name}") or {}


def test_every_role_tells_its_counts_and_ends_when_it_could_no_more(
    role: str, environment: dict[str, str], tmp_path: Path
) -> None:
    """Given a process of each role with an address for metrics, when it is scraped, then it says what it is, and has what its
    role has; when the exporter's thread is killed in it, then it says so and ends with 3, so that it is started again."""
    command, ready = ROLES[role]
    log, killing = tmp_path / "log", tmp_path / "kill"
    url = f"http://{environment['BRANDQ_METRICS_ADDRESS']}"
    dying = [sys.executable, "-c", DYING, str(log), ready, str(killing), url, *command]
    with started(dying, environment, log) as process:
        found = scraped(process, environment, log, AT_LAST.get(role, "brandq_database_connections_max"))
        expected_role = "work fetch+report" if role == "work" else role
        assert [name for name in found if name.startswith("brandq_build_info") and f'role="{expected_role}"' in name]
        assert found['brandq_threads{kind="exporter"}'] == found['brandq_threads_expected{kind="exporter"}'] == 1
        assert ("brandq_clock_last_tick_timestamp_seconds" in found) == (role in ("serve", "clock"))
        assert ("brandq_database_up" in found) == (role in ("serve", "web")), "the tables are told by the web alone"
        assert ('brandq_messages_total{actor="fetch",outcome="done",queue="brandq.fetch"}' in found) == (
            role in ("serve", "work")
        )
        killing.touch()
        assert process.wait(START_S) == 3, log.read_text()
    assert "the exporter's thread died" in log.read_text()


@pytest.mark.parametrize("role", ["serve"])
def test_a_process_that_tells_its_counts_stops_as_ever(environment: dict[str, str], tmp_path: Path) -> None:
    """Given a process with an exporter, when it is told to stop, then it ends with 0."""
    log = tmp_path / "log"
    with started([sys.executable, "-m", "brandq", *ROLES["serve"][0]], environment, log) as process:
        scraped(process, environment, log, AT_LAST["serve"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON_S) == 0, log.read_text()
    assert "died" not in log.read_text()


def test_a_process_that_cannot_tell_its_metrics_does_not_start(tmp_path: Path) -> None:
    """Given an address that is taken, when a process is started, then it ends with 2 and names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "LANG": "C.UTF-8",
            "BRANDQ_DATA_DIR": str(tmp_path),
            "BRANDQ_METRICS_ADDRESS": f"127.0.0.1:{taken.getsockname()[1]}",
        }
        ended = subprocess.run(
            [sys.executable, "-m", "brandq", "serve", "--port", "0"],
            env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=START_S, check=False,
        )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert "see BRANDQ_METRICS_ADDRESS" in ended.stderr
    assert "Traceback" not in ended.stderr

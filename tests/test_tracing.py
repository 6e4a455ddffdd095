"""Traces: what carries them, what they cost where they are off, and what a collector that fails costs where they are on."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dramatiq
import pytest

from brandq import tracing
from brandq.actors.declare import actor, message
from brandq.actors.desk import Desk
from brandq.actors.fitting import read_message, require_fit
from brandq.actors.upkeep import resend_waiting, sweep_all
from brandq.errors import BadSettings
from brandq.settings import read_settings
from tests.actors.installed import Installed, installed
from tests.actors.working import NotingDesk, opened, working
from tests.house_rules import SRC
from tests.lines import keeping_lines
from tests.servers.collector import Collector
from tests.waiting import wait_until
from tests.web.site import PLAN, ContractClient

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = PARENT.split("-")[1]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that OpenTelemetry finds, soon."""
    with Collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield running
    tracing.stop()


def _waiting(sites: Installed) -> list[dramatiq.Message[Any]]:
    """What stands in the queue of fetch, decoded."""
    wait_until(lambda: sites.desk.broker.queues["brandq.fetch"].ready, 10, "a message")
    return [dramatiq.Message.decode(entry.body) for entry in sites.desk.broker.queues["brandq.fetch"].ready]


# -- what carries a trace


@pytest.mark.parametrize(
    ("carried", "used"),
    [
        ({"traceparent": PARENT}, {"traceparent": PARENT}),
        ({"traceparent": PARENT, "tracestate": "a=1"}, {"traceparent": PARENT, "tracestate": "a=1"}),
        ({"traceparent": PARENT, "tracestate": "a" * 513, "x": 1}, {"traceparent": PARENT}),
        ({"traceparent": PARENT, "tracestate": ["a"]}, {"traceparent": PARENT}),
        ({"traceparent": PARENT, "tracestate": "a\n"}, {"traceparent": PARENT}),
        ({"traceparent": PARENT.upper()}, None),
        ({"traceparent": PARENT + "\n"}, None),
        ({"traceparent": 7}, None),
        ({}, None),
        ([PARENT], None),
        (PARENT, None),
        (None, None),
    ],
)
def test_a_message_of_any_trace_is_worked_on(carried: object, used: dict[str, str] | None) -> None:
    """Given an option ``trace`` of any shape, when the message is read, then it fits; only the right shape is used."""

    def fetch(desk: object, sample_ids: list[int]) -> None: ...

    sent: dramatiq.Message[Any] = dramatiq.Message("brandq.fetch", "fetch", ([1],), {}, {"trace": carried})
    read = read_message(sent.encode())
    require_fit(read, "brandq.fetch", {"fetch": fetch})
    assert tracing.usable(read.options["trace"]) == used


# -- off


def test_off_costs_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """Given traces off, when something is sent, then its message has no trace, and no middleware looks for one."""
    with installed(tmp_path, sqlite_url, "embedded", working=False) as sites:
        sites.submit()
        assert [message.options.get("trace") for message in _waiting(sites)] == [None]
        assert "Traces" not in [type(one).__name__ for one in sites.desk.broker.middleware]
    assert tracing.carrier() is None
    assert tracing.trace_id() is None
    assert tracing.serving("GET", {"traceparent": PARENT}) is None


def test_off_imports_nothing() -> None:
    """Given traces off, when the command line is imported and a desk opened, then OpenTelemetry is not imported."""
    program = (
        "import sys\nfrom brandq import cli\nfrom brandq.actors.desk import Desk\n"
        "from brandq.settings import read_settings\nDesk(read_settings({}), role='web').close()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


# -- on, and not possible


def test_on_without_the_packages_says_what_to_install(sqlite_url: str) -> None:
    """Given traces on where OpenTelemetry is missing, when a process starts, then it ends with 2 and names the extra."""
    program = (
        "import sys\nsys.modules['opentelemetry'] = None\nfrom brandq.__main__ import main\nsys.exit(main(['serve']))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SRC), "BRANDQ_TRACES": "on", "BRANDQ_DATABASE_URL": sqlite_url, "BRANDQ_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert "brandq[traces]" in ran.stderr


def test_another_protocol_is_refused(sqlite_url: str) -> None:
    """Given a collector's protocol that is not spoken here, when traces start, then BadSettings says which one is."""
    settings = read_settings(
        {"BRANDQ_DATABASE_URL": sqlite_url, "BRANDQ_TRACES": "on", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    )
    with pytest.raises(BadSettings, match="http/protobuf"):
        Desk(settings, role="test")
    assert not tracing.is_on()


# -- on


def test_a_message_that_is_tried_again_stays_in_its_trace(collector: Collector, broker_url: str) -> None:
    """Given a message with a trace whose first try fails, when it is tried again, then both are under the same send, in
    the caller's trace, and the failed one says by which class of error."""
    settings = read_settings({"BRANDQ_TRACES": "on", "BRANDQ_BROKER_URL": "embedded"})
    tracing.start(settings, role="test")
    desk = NotingDesk()

    @actor(queue_name="brandq.fetch", max_retries=1, min_backoff=10, max_backoff=20)
    def failing(desk: NotingDesk) -> None:
        desk.note(tracing.trace_id())
        if len(desk.notes) == 1:
            raise ValueError("words of an answer")

    with opened(broker_url) as broker, working(broker, desk, failing):
        one = message(failing)
        broker.enqueue(one.copy(options={**one.options, "trace": {"traceparent": PARENT}}))
        assert desk.wait_for(2) == [TRACE, TRACE]
    tracing.stop()
    first, second = sorted(collector.named("failing"), key=lambda span: span.failed, reverse=True)
    assert (first.trace_id, second.trace_id) == (TRACE, TRACE)
    assert (first.parent_id, second.parent_id) == (PARENT.split("-")[2],) * 2
    assert (first.failed, first.attributes["error.type"], first.attributes.get("brandq.retries")) == (
        True,
        "ValueError",
        None,
    )
    assert (second.failed, second.attributes["brandq.retries"]) == (False, 1)
    assert b"words of an answer" not in b"".join(collector.requests)


def test_messages_without_a_trace_begin_their_own(collector: Collector) -> None:
    """Given messages without a trace, when one thread works on them, then each has a trace of its own: none is left over
    from the one before."""
    tracing.start(read_settings({"BRANDQ_TRACES": "on", "BRANDQ_BROKER_URL": "embedded"}), role="test")
    desk = NotingDesk()

    @actor(queue_name="brandq.fetch")
    def plain(desk: NotingDesk) -> None:
        desk.note(tracing.trace_id())

    with opened("embedded", threads=1) as broker, working(broker, desk, plain, threads=1):
        for _ in range(3):
            broker.enqueue(message(plain))
        traces = desk.wait_for(3)
    tracing.stop()
    assert len(set(traces)) == 3
    assert {span.parent_id for span in collector.named("plain")} == {""}


def test_what_a_sweep_sends_begins_a_trace_of_its_own(collector: Collector, sqlite_url: str, tmp_path: Path) -> None:
    """Given samples whose message was lost, when their sweep sends it again within a traced tick, then that begins a new
    trace, which names the execution."""
    with installed(tmp_path, sqlite_url, "embedded", working=False, BRANDQ_TRACES="on") as sites:
        execution_id = sites.accept(sites.plan())
        with tracing.span("tick", "consumer", {}):
            ticking = tracing.trace_id()

            def swept() -> bool:
                sweep_all(sites.desk, [resend_waiting])
                return bool(sites.desk.broker.queues["brandq.fetch"].ready)

            wait_until(swept, 20, "the sweep to take the message for lost", every_s=0.2)
        resent, *_ = _waiting(sites)
    sent, *_ = collector.named("send brandq.fetch")
    assert sent.trace_id != ticking
    assert (sent.parent_id, sent.attributes["brandq.execution_id"]) == ("", execution_id)
    assert resent.options["trace"]["traceparent"].startswith(f"00-{sent.trace_id}-{sent.span_id}-")


@pytest.mark.parametrize(("given", "goes_on"), [(PARENT, True), ("00-zz-zz-01", False), ("", False)])
def test_a_request_goes_on_with_the_trace_of_its_caller(
    collector: Collector, sqlite_url: str, tmp_path: Path, given: str, goes_on: bool
) -> None:
    """Given a request with a traceparent, when it is served, then its span goes on with that trace, and one that is not
    of this shape is passed over; its lines have the trace's id; what machines ask all the time has no span."""
    with (
        installed(tmp_path, sqlite_url, "embedded", working=False, BRANDQ_TRACES="on") as sites,
        keeping_lines() as kept,
    ):
        client = ContractClient(sites.desk)
        reply = client.post("/api/executions", json={**PLAN, "engines": ["sim"]}, headers={"traceparent": given})
        assert reply.status_code == 202
        client.get("/healthz")
        client.get("/nowhere/at/all", headers={"Accept": "application/json"})
        wait_until(lambda: kept.lines, 10, "a line")
    (served,) = collector.named("POST /api/executions")
    assert (served.trace_id == TRACE) is goes_on
    assert (served.parent_id == PARENT.split("-")[2]) is goes_on
    assert served.attributes["brandq.execution_id"] == reply.json()["execution_id"]
    (sent,) = collector.named("send brandq.fetch")
    assert (sent.parent_id, sent.attributes["brandq.execution_id"]) == (served.span_id, reply.json()["execution_id"])
    (nowhere,) = collector.named("GET")
    assert nowhere.attributes["http.response.status_code"] == 404
    assert {span.name for span in collector.spans} == {"POST /api/executions", "send brandq.fetch", "GET"}


def test_a_lost_send_says_so(collector: Collector, sqlite_url: str, tmp_path: Path) -> None:
    """Given a broker that is closed, when something is sent, then its span ends as lost."""
    with installed(tmp_path, sqlite_url, "embedded", working=False, BRANDQ_TRACES="on") as sites:
        sites.desk.broker.close()
        sites.submit()
        wait_until(lambda: sites.desk.publisher.lost, 10, "the loss")
    (sent,) = collector.named("send brandq.fetch")
    assert (sent.failed, sent.attributes["error.type"]) == (True, "lost")


def test_a_failed_call_says_its_class(collector: Collector, sqlite_url: str, tmp_path: Path) -> None:
    """Given a provider that refuses, when it is asked, then the call's span has the error's class and the status."""
    with installed(tmp_path, sqlite_url, "embedded", BRANDQ_TRACES="on") as sites:
        sites.ended(sites.submit(engines=["broken-400-context"]))
    (called,) = [span for span in collector.spans if span.kind == "client"]
    assert (called.failed, called.attributes["error.type"], called.attributes["http.response.status_code"]) == (
        True,
        "context",
        400,
    )


def test_the_service_is_called_as_the_environment_says(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path
) -> None:
    """Given OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and a sampler, then they are followed."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "brandq-staging")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    with installed(tmp_path, sqlite_url, "embedded", working=False, BRANDQ_TRACES="on") as sites:
        sites.submit()
    (sent,) = collector.spans
    assert sent.resource["service.name"] == "brandq-staging"
    assert sent.resource["deployment.environment.name"] == "staging"
    assert sent.resource["service.instance.id"] == sites.desk.worker
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with installed(tmp_path, sqlite_url, "embedded", working=False, BRANDQ_TRACES="on") as sites:
        sites.submit()
    assert len(collector.spans) == 1
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with installed(tmp_path, sqlite_url, "embedded", working=False, BRANDQ_TRACES="on") as sites:
        sites.submit()
        assert {message.options.get("trace") for message in _waiting(sites)} == {None}


# -- a collector that fails


def test_a_collector_that_is_away_costs_a_line(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a collector that refuses everything, when an execution is worked on, then it completes, many tries are made,
    and one line says that spans are lost and where the collector is named."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with Collector(refusing=400) as refusing, keeping_lines() as kept:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", refusing.url)
        with installed(tmp_path, sqlite_url, "embedded", BRANDQ_TRACES="on") as sites:
            assert sites.ended(sites.submit(repeats=4)).status == "completed"
            wait_until(lambda: len(refusing.requests) >= 3, 20, "three tries")
    (line,) = kept.saying("spans are lost")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in line["message"]
    assert line["level"] == "WARNING"
    assert not [line for line in kept.lines if line["logger"].startswith("opentelemetry.exporter")]


def test_a_collector_that_hangs_does_not_hold_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a collector that takes connections and says nothing, when the process ends, then it waits two seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent, keeping_lines() as kept:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        tracing.start(read_settings({"BRANDQ_TRACES": "on", "BRANDQ_BROKER_URL": "embedded"}), role="test")
        with tracing.span("x", "internal", {}):
            logging.getLogger("x").info("at work")
        began = time.monotonic()
        tracing.stop()
        assert tracing.FLUSH_S <= time.monotonic() - began < tracing.FLUSH_S + 2
        assert kept.saying("did not take the last spans")


def test_ending_sends_what_is_left(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given spans that would be sent in a minute, when the process ends, then they are sent at once."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    tracing.start(read_settings({"BRANDQ_TRACES": "on", "BRANDQ_BROKER_URL": "embedded"}), role="test")
    with pytest.raises(KeyError), tracing.span("x", "internal", {"brandq.n": 1, "none": None}):
        raise KeyError("words")
    tracing.stop()
    (span,) = collector.spans
    assert (span.attributes, span.events) == ({"brandq.n": 1, "error.type": "KeyError"}, 0)

"""Event streams of real processes: any of them tells what any other wrote, and none of them is needed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from brandq.simulator import Simulator
from tests.ports import free_port
from tests.waiting import wait_until
from tests.walk.site import Site, call, plan, site
from tests.walk.test_distributed import submit
from tests.walk.test_embedded import serve
from tests.web.streaming import SOON_S, Stream


@pytest.fixture
def installation(tmp_path: Path, postgres_url: str, rabbitmq_url: str) -> Iterator[Site]:
    with site(tmp_path, postgres_url, rabbitmq_url) as running:
        yield running


def _stream(url: str, execution_id: str, last_event_id: str | None = None) -> Stream:
    return Stream(f"{url}/api/executions/{execution_id}/events", last_event_id=last_event_id)


@pytest.mark.timeout(240)
def test_what_one_process_began_to_tell_another_one_ends(installation: Site) -> None:
    """Given two API processes and a worker, when the one that tells is killed in the middle of an execution and its client goes on at the other one, then it is told each answer once, what was read in each, each failed sample, and the end."""
    urls = [installation.web(), installation.web()]
    killed = installation.processes[0]
    execution_id = submit(urls[1], repeats=20)
    first = _stream(urls[0], execution_id)
    with first:
        first.wait_for("progress")
        installation.worker("fetch", "analyze", "report", "notify", "upkeep", BRANDQ_THREADS="2")
        first.wait_for("answer", 5)
        killed.kill()
        wait_until(first.closed.is_set, SOON_S, "the client to notice")
    with _stream(urls[1], execution_id, first.last_id) as second:
        installation.ended([execution_id], 120)
        assert second.wait_for("end")["status"] == "completed"
        second.wait_until_closed()
    answers = first.samples("answer") + second.samples("answer")
    assert len(answers) == len(set(answers)) == 80
    read = {
        data["sample_id"]
        for stream in (first, second)
        for name in ("answer", "read")
        for data in stream.told(name)
        if data["brands"] is not None
    }
    assert read == set(answers)


@pytest.mark.timeout(180)
def test_two_processes_tell_the_same(installation: Site) -> None:
    """Given one listener at each of two API processes, when an execution passes, some samples of it in vain, then both are told the same answers in the same order, and the same failed samples."""
    urls = [installation.web(), installation.web()]
    execution_id = submit(urls[0], engines=["doubao", "qwen/sim-fault-400"], repeats=4)
    with _stream(urls[0], execution_id) as one, _stream(urls[1], execution_id) as other:
        installation.worker("fetch", "analyze", "report", "notify", "upkeep")
        installation.ended([execution_id], 120)
        for stream in (one, other):
            assert stream.wait_for("end")["status"] == "partial"
            stream.wait_until_closed()
        assert one.samples("answer") == other.samples("answer")
        assert len(one.samples("answer")) == 8
        assert set(one.samples("failed")) == set(other.samples("failed"))
        assert len(one.samples("failed")) == 8
        assert one.last_id == other.last_id


@pytest.mark.timeout(120)
def test_a_process_that_is_told_to_stop_ends_its_streams(installation: Site) -> None:
    """Given `brandq web` with an open stream, when it gets SIGTERM, then it stops as ever, the stream ended in order, and nothing had to be cut off."""
    url = installation.web()
    web = installation.processes[-1]
    with _stream(url, submit(url)) as stream:
        stream.wait_for("progress")
        assert web.stop() == 0
        stream.wait_until_closed()
        assert stream.told("end") == []
    assert not web.wrote("graceful shutdown exceeded")


def test_serve_stops_with_streams_open_and_goes_on_after(tmp_path: Path) -> None:
    """Given `brandq serve` with an open stream in the middle of an execution, when it is stopped and started again, then the client that comes back is told the rest and the end."""
    with Simulator(port=0, latency_ms=600) as simulator:
        port, environment = free_port(), {"BRANDQ_SIMULATOR_URL": simulator.url, "BRANDQ_GRACE_SECONDS": "1"}
        url = f"http://127.0.0.1:{port}"
        serving = serve(tmp_path, port, **environment)
        execution_id = call("POST", f"{url}/api/executions", plan(repeats=20)).body["execution_id"]
        with _stream(url, execution_id) as first:
            first.wait_for("answer")
            serving.send_signal(signal.SIGTERM)
            assert serving.wait(SOON_S) == 0
            first.wait_until_closed()
            assert first.told("end") == []
        assert "graceful shutdown exceeded" not in (tmp_path / "serve.log").read_text(encoding="utf-8")
        serving = serve(tmp_path, port, **environment)
        try:
            with _stream(url, execution_id, first.last_id) as second:
                wait_until(lambda: second.told("end"), 90, "the execution to end")
            assert second.told("end")[0]["status"] == "completed"
            answers = first.samples("answer") + second.samples("answer")
            assert len(answers) == len(set(answers)) == 80
        finally:
            serving.send_signal(signal.SIGTERM)
            assert serving.wait(SOON_S) == 0

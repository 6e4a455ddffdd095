"""A RabbitMQ out of memory or disk takes no message: nobody who asks brandq waits for it, and all ends once it is well again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import Site, call, plan, site

ALL = ("fetch", "analyze", "report", "notify", "upkeep")


@pytest.fixture
def installation(tmp_path: Path, postgres_url: str, rabbitmq_url: str) -> Iterator[Site]:
    # a connection may be blocked for far longer than `call` waits: whatever waits for one fails the test
    with site(tmp_path, postgres_url, f"{rabbitmq_url}?blocked_connection_timeout=3600") as running:
        yield running


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_under_an_alarm_plans_are_accepted_and_everything_answers(
    installation: Site, rabbitmq_server: RabbitmqServer, kind: str
) -> None:
    """Given an API and a worker, when RabbitMQ blocks all who send for want of memory, or of disk, then plans are accepted,
    statuses, readiness, statistics and metrics are answered, nothing is asked; and after it every execution ends complete."""
    url = installation.web()
    worker = installation.worker(*ALL)
    with rabbitmq_server.alarm(kind):
        # the first send blocks the publishing thread, the others wait behind it
        replies = [call("POST", f"{url}/api/executions", plan()) for _ in range(3)]
        assert [reply.status for reply in replies] == [202, 202, 202]
        ids = [reply.body["execution_id"] for reply in replies]
        for execution_id in ids:
            assert call("GET", f"{url}/api/executions/{execution_id}").body["status"] == "queued"
        assert call("GET", f"{url}/readyz").body["broker"]["reachable"] is True
        assert call("GET", f"{url}/api/statistics").body["broker"]["queues"]["brandq.fetch"]["consumers"] == 1
        assert b"brandq_broker_up 1.0" in call("GET", f"{url}/metrics").body
        cancelled = call("POST", f"{url}/api/executions/{ids[2]}/cancel")
        assert cancelled.status == 200
        assert installation.paid() == 0
    ended = installation.ended(ids, 120)
    assert list(ended.values()) == ["completed", "completed", "cancelled"]
    assert worker.alive
    assert installation.paid() == 40


@pytest.mark.timeout(240)
def test_under_an_alarm_processes_stop_in_time_and_nothing_is_asked_twice(
    tmp_path: Path, postgres_url: str, rabbitmq_url: str, rabbitmq_server: RabbitmqServer
) -> None:
    """Given calls in flight when RabbitMQ blocks all who send, then the answers are kept though nobody can be told of them;
    API and worker end on SIGTERM while they are blocked; and after the alarm others finish without asking again."""
    blocked_url = f"{rabbitmq_url}?blocked_connection_timeout=3600"
    with site(tmp_path, postgres_url, blocked_url, latency_ms=4_000, BRANDQ_LEASE_SECONDS="60") as installation:
        url = installation.web()
        worker = installation.worker(*ALL)
        execution_id = call("POST", f"{url}/api/executions", plan()).body["execution_id"]
        wait_until(lambda: installation.paid() == 20, 30, "the calls to be in flight")
        with rabbitmq_server.alarm():
            assert call("POST", f"{url}/api/executions", plan(engines=["kimi"], repeats=1)).status == 202
            # one that landed before the alarm may be read by now
            settled = {"answered", "analyzed"}
            wait_until(lambda: set(installation.count(execution_id)) <= settled, 60, "the answers to be kept")
            assert installation.count(execution_id)["answered"] > 0
            assert worker.stop(timeout_s=60) == 0
            assert installation.processes[0].stop(timeout_s=60) == 0
        installation.worker(*ALL)
        assert installation.ended([execution_id], 120) == {execution_id: "completed"}
        assert installation.count(execution_id) == {"analyzed": 20}
        second = call("GET", f"{installation.web()}/api/executions").body["executions"][0]["execution_id"]
        assert installation.ended([second], 120) == {second: "completed"}
        assert installation.paid() == 22

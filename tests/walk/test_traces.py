"""Traces over real processes: one from the request through its messages and calls to the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.collector import Collector, Span
from tests.walk.site import call, plan, site

PROMPT = "Wo kaufe ich KANARIENVOGEL-Felgen?"
KEY = "sk-canary-0123456789abcdef"
ALL = ("fetch", "analyze", "report", "notify", "upkeep")


@pytest.mark.timeout(240)
def test_a_trace_leads_from_the_request_to_the_report(tmp_path: Path, postgres_url: str, rabbitmq_url: str) -> None:
    """Given web and worker with traces on, when a plan is posted, then one trace holds its request, its messages, its
    calls and its report, each under what led to it; and no span says what was asked, answered or kept secret."""
    with Collector() as collector:
        traced = {
            "BRANDQ_TRACES": "on",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OPENAI_API_KEY": KEY,
        }
        with site(tmp_path, postgres_url, rabbitmq_url, latency_ms=20, **traced) as running:
            url = running.web()
            worker = running.worker(*ALL)
            reply = call("POST", f"{url}/api/executions", plan(prompts=[PROMPT], repeats=3))
            execution_id = reply.body["execution_id"]
            assert running.ended([execution_id], 60, ticking=False) == {execution_id: "completed"}
            # the last spans are sent when their processes end
            assert worker.stop() == 0
            running.processes[0].stop()
    spans = {span.span_id: span for span in collector.spans}
    of_execution = [span for span in spans.values() if span.attributes.get("brandq.execution_id") == execution_id]

    (served,) = collector.named("POST /api/executions")
    assert (served.kind, served.parent_id, served.failed) == ("server", "", False)
    assert served.attributes["http.route"] == "/api/executions"
    assert served.attributes["http.response.status_code"] == 202
    assert served.attributes["brandq.execution_id"] == execution_id
    assert {span.trace_id for span in of_execution} == {served.trace_id}

    def led_to(name: str, kind: str) -> list[tuple[Span, Span]]:
        found = [span for span in spans.values() if span.trace_id == served.trace_id and span.name == name]
        assert found, name
        assert {span.kind for span in found} == {kind}
        return [(spans[span.parent_id], span) for span in found]

    for queue in ("fetch", "analyze", "report"):
        for parent, received in led_to(queue, "consumer"):
            assert parent.name == f"send brandq.{queue}"
            assert received.attributes["brandq.execution_id"] == execution_id
            assert received.attributes["messaging.system"] == "rabbitmq"
            assert received.attributes["messaging.destination.name"] == f"brandq.{queue}"
            assert received.attributes["messaging.message.id"] == parent.attributes["messaging.message.id"]
    assert {parent.name for parent, _ in led_to("send brandq.fetch", "producer")} == {"POST /api/executions"}
    assert {parent.name for parent, _ in led_to("send brandq.analyze", "producer")} == {"fetch"}
    assert {parent.name for parent, _ in led_to("send brandq.report", "producer")} == {"analyze"}
    assert {parent.name for parent, _ in led_to("report.build", "internal")} == {"report"}
    called = [
        span
        for span in spans.values()
        if span.kind == "client" and span.attributes["brandq.execution_id"] == execution_id
    ]
    assert len(called) == 6
    assert {spans[span.parent_id].name for span in called} == {"fetch"}
    for span in called:
        assert span.name == f"chat {span.attributes['gen_ai.request.model']}"
        assert span.attributes["server.address"] == "127.0.0.1"
        assert span.attributes["http.response.status_code"] == 200
        assert span.attributes["gen_ai.usage.output_tokens"] > 0
        assert span.attributes["brandq.attempt"] == 1

    assert {span.resource["service.name"] for span in collector.spans} == {"brandq"}
    assert {span.resource["brandq.role"].split()[0] for span in collector.spans} == {"web", "work"}
    assert len({span.resource["service.instance.id"] for span in collector.spans}) == 2
    assert sum(span.events for span in collector.spans) == 0
    wire = b"".join(collector.requests)
    for secret in (PROMPT.encode(), b"KANARIENVOGEL", KEY.encode(), "趣车良品".encode(), b"guest:guest"):
        assert secret not in wire
    # what machines ask all the time is no trace
    assert not [span for span in collector.spans if "healthz" in str(span.attributes)]

"""/metrics: the tables, the queues, the requests and this process's own counts in one text, under the names of one table."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from brandq.actors.clock import minute_by_minute
from brandq.actors.desk import Desk
from brandq.actors.meters import NAMES
from brandq.web.app import create_app
from tests.actors.installed import installed
from tests.scraped import series
from tests.waiting import wait_until
from tests.web.site import PLAN, ContractClient, submit


def test_it_tells_every_name_of_the_table_and_no_other(tmp_path: Path, sqlite_url: str) -> None:
    """Given `serve`'s web, worker and clock in one process, when it is scraped after some work, then each name of the table is
    told, of its kind, with its help and its labels; and nothing else but what the library knows of the process."""
    with installed(tmp_path, sqlite_url, "embedded") as site:
        client = ContractClient(site.desk)
        stop = minute_by_minute(site.desk)
        for model in ("sim", "broken-401"):
            site.ended(submit(client, engines=[model]))
        wait_until(lambda: "brandq_sweep_age_seconds{" in client.get("/metrics").text, 20, "a sweep")
        text = client.get("/metrics").text
        stop()
    told = {}
    for family in text_string_to_metric_families(text):
        if not family.name.startswith(("process_", "python_")):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            told[name] = (family.type, family.documentation)
            for sample in family.samples:
                assert set(sample.labels) - {"le"} == set(NAMES[name].labels), sample
    assert told == {name: (known.kind, known.help) for name, known in NAMES.items()}
    assert "process_resident_memory_bytes " in text
    assert "python_info{" in text
    assert "_created" not in text, "a second series for each one would be of no use"


def test_a_name_is_told_once(desk: Desk) -> None:
    """Given a scrape, then no name has two helps: the counts of the process and those of the web are one text."""
    text = ContractClient(desk).get("/metrics").text
    helps = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    assert sorted(helps) == sorted(set(helps))


def test_the_exporter_of_the_web_tells_the_same(small_desk: Desk) -> None:
    """Given an application, then what its process's exporter tells has the same series as /metrics."""
    app = create_app(small_desk)
    own = set(series(app.state.metrics.told()))
    asked = set(series(ContractClient(small_desk).get("/metrics").text))
    assert asked == own
    assert {"brandq_database_up", "brandq_broker_up", "brandq_event_streams", "brandq_publisher_backlog"} <= own


@pytest.mark.parametrize("path", ["/api/executions/{}/cancel", "/api/diagnosis/cancel/{}", "/executions/{}/cancel"])
def test_what_is_accepted_and_cancelled_is_counted_whichever_way(small_desk: Desk, path: str) -> None:
    """Given an execution, when it is cancelled over the API, by a client of the predecessor or on its page, then one more was
    accepted and one more has ended; asked again, nothing more has."""
    client = ContractClient(small_desk)
    execution_id = submit(client)
    form = {"csrf": client.form_token()} if path.startswith("/executions") else None
    for status in ((200, 303), (409,)):
        assert client.post(path.format(execution_id), data=form, follow_redirects=False).status_code in status
    found = series(client.get("/metrics").text)
    assert found["brandq_executions_accepted_total"] == 1
    assert found['brandq_executions_ended_total{status="cancelled"}'] == 1
    assert found['brandq_execution_seconds_count{status="cancelled"}'] == 1


def test_what_is_refused_or_only_tried_is_not_counted_as_accepted(small_desk: Desk) -> None:
    """Given a plan that is not valid, and one that is only to be foreseen, then nothing was accepted."""
    client = ContractClient(small_desk)
    assert client.post("/api/executions", json={**PLAN, "brands": []}).status_code == 422
    assert client.post("/api/executions?dry_run=true", json=PLAN).status_code == 200
    assert series(client.get("/metrics").text)["brandq_executions_accepted_total"] == 0


def test_the_loop_of_the_requests_is_looked_after(small_desk: Desk) -> None:
    """Given a web server that runs, then how late its loop wakes up is told, also where no actor is at work."""
    with ContractClient(small_desk) as client:
        wait_until(
            lambda: series(client.get("/metrics").text)["brandq_loop_lag_seconds_count"] > 0, 20, "a look at the loop"
        )

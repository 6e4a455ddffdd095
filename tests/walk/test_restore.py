"""A backup that was made while executions ran, in a new server beside an empty broker: all of it ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.states import SampleState
from brandq.tables import answers, attempts, samples
from tests.servers.missing import ServerMissing, skip_or_fail
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import Site, call, plan, site

WORKER = ("fetch", "analyze", "report", "notify", "upkeep")


@pytest.fixture
def new_server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except ServerMissing as error:
        skip_or_fail(request.config, error)
    try:
        server.start()
        yield server
    finally:
        server.close()


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def libpq(url: str) -> str:
    return url.replace("+psycopg", "")


def answered(installation: Site) -> set[int]:
    with installation.database.read() as db:
        return set(db.execute(sa.select(answers.c.sample_id)).scalars())


def tried(installation: Site) -> int:
    with installation.database.read() as db:
        return db.execute(sa.select(sa.func.count()).select_from(attempts)).scalar_one()


@pytest.mark.timeout(300)
def test_what_was_restored_ends_beside_an_empty_broker(
    tmp_path: Path,
    postgres_url: str,
    postgres_server: PostgresServer,
    new_server: PostgresServer,
    rabbitmq_url: str,
    rabbitmq_server: RabbitmqServer,
) -> None:
    """Given executions in the middle of their work, when the database is dumped, all is lost, and the dump is restored into a
    new server beside an empty broker, then workers alone bring every execution to its end, its evidence verifies, what was
    paid after the dump is paid again, and what was accepted after it is unknown."""
    dump = tmp_path / "brandq.dump"
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    with site(before, postgres_url, rabbitmq_url, latency_ms=400) as old:
        url = old.web()
        old.worker(*WORKER, BRANDQ_THREADS="6")
        ids = [call("POST", f"{url}/api/executions", plan(repeats=20)).body["execution_id"] for _ in range(2)]
        wait_until(lambda: len(answered(old)) >= 30, 60, "the work to be in its middle")
        # it holds one moment, whatever is written meanwhile
        run(postgres_server.program("pg_dump"), "--format=custom", f"--file={dump}", f"--dbname={libpq(postgres_url)}")
        at_dump = len(answered(old))
        later = call("POST", f"{url}/api/executions", plan(repeats=1, prompts=["which?"])).body["execution_id"]
        wait_until(lambda: len(answered(old)) >= at_dump + 20, 60, "more to be answered after the dump")
        for process in old.processes:
            process.kill()
        known = answered(old)
        paid = old.paid()

        restored = new_server.create_database("restored")
        run(new_server.program("pg_restore"), "--exit-on-error", f"--dbname={libpq(restored)}", str(dump))
        empty = rabbitmq_server.create_vhost(f"{old.vhost}-new")
        simulator = {"BRANDQ_SIMULATOR_URL": old.simulator.url}
        with site(after, restored, empty, **simulator) as new:
            survived, tried_before = answered(new), tried(new)
            assert 30 <= len(survived) < len(known)
            with new.database.read() as db:
                assert db.execute(sa.select(sa.func.count()).where(samples.c.state == SampleState.WAITING)).scalar_one()
            new.worker(*WORKER, BRANDQ_THREADS="6")
            assert set(new.ended(ids, 120).values()) == {"completed"}
            made = answered(new)
            assert len(made) == 2 * 2 * 2 * 20
            with new.database.read() as db:
                assert db.execute(sa.select(attempts.c.attempt).where(attempts.c.ended_at.is_(None))).all() == []
                broken = store.broken_truths(db, now=datetime.now(UTC), slack=store.SLACK)
            assert not any(broken.values()), broken
            verifying = [new.start("verify", execution_id) for execution_id in ids]
            for one in verifying:
                assert one.popen.wait(60) == 0, one.log.read_text(encoding="utf-8")
            # the answers that the dump does not have were asked for a second time
            again = old.paid() - paid
            assert len(made) - len(survived) <= again <= tried(new) - tried_before
            assert len(known - survived) >= 20
            known_now = call("GET", f"{new.web()}/api/executions/{later}")
            assert known_now.status == 404, known_now.body
        rabbitmq_server.delete_vhost(f"{old.vhost}-new")

"""The queues: what an operator sees at a glance, also while the broker is away; and who may see it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from brandq import store
from brandq.actors import fetch
from brandq.actors.declare import message
from brandq.actors.desk import Desk
from brandq.tables import executions, reports
from tests.store.samples_at_hand import claim
from tests.web.site import ContractClient, add_key, finish, open_desk, sample_ids, submit
from tests.web.test_about import die
from tests.web.test_comparison_page import words_of


def section(page: str, name: str) -> str:
    return words_of(page.split(f'<section id="{name}"')[1].split("</section>")[0])


def test_where_nothing_is_stuck_it_says_so(desk: Desk, client: ContractClient) -> None:
    """Given an empty service, then the first thing said is that nothing is stuck; each queue stands there with what it does."""
    page = client.get("/queues").text
    assert "Nothing is stuck." in section(page, "standing")
    for words in ("brandq.fetch asks the engines", "brandq.report builds reports"):
        assert words in section(page, "depths")
    assert "embedded" in words_of(page)
    for name, words in (
        ("workers", "No worker asks anything"),
        ("executions", "No execution goes on"),
        ("sweeps", "No sweep has run"),
    ):
        assert words in section(page, name)
    assert 'id="letters"' not in page


def test_what_waits_and_runs_is_counted(desk: Desk, client: ContractClient) -> None:
    """Given an execution of 4 samples of which a worker asks 3, then states, worker, progress and deadline stand there."""
    execution_id = submit(client)
    now = desk.now()
    claim(desk.database, sample_ids(desk, execution_id)[:3], worker="host:1", now=now)
    page = client.get("/queues").text
    assert "1 waiting to be asked" in reversed_tiles(page)
    assert "3 being asked" in reversed_tiles(page)
    assert "host:1 3 1" in section(page, "workers")
    told = section(page, "executions")
    for words in (execution_id, "local", "running", "0 of 4 samples"):
        assert words in told
    assert f'href="/executions/{execution_id}"' in page


def reversed_tiles(page: str) -> str:
    """The tiles, number before name."""
    tiles = page.split('class="tiles"')[1].split("</dl>")[0].split("<div>")[1:]
    return "; ".join(
        f"{words_of(tile.split('<dd>')[1]).strip()} {words_of(tile.split('<dt>')[1].split('</dt>')[0]).strip()}"
        for tile in tiles
    )


def test_what_is_stuck_is_said_first(desk: Desk, client: ContractClient) -> None:
    """Given a finished execution without a report and a lease long past, then both broken truths are said, with the command that
    looks further, and nothing says that all is well."""
    finished, asking = submit(client), submit(client)
    finish(desk, finished)
    claim(desk.database, sample_ids(desk, asking)[:1], now=desk.now() - store.SLACK - timedelta(hours=1))
    with desk.database.begin() as db:
        db.execute(sa.delete(reports).where(reports.c.execution_id == finished))
    told = section(client.get("/queues").text, "standing")
    assert "finished executions without a report: 1" in told
    assert "samples asking past their lease: 1" in told
    assert "brandq doctor" in told
    assert "Nothing is stuck" not in told


def test_dead_letters_are_explained(desk: Desk, client: ContractClient) -> None:
    """Given a dead letter of an execution, then it stands there with why it died and what the tables say of it now, in the reader's
    language."""
    execution_id = submit(client)
    die(desk, message(fetch, sample_ids(desk, execution_id)[:1]))
    page = client.get("/queues").text
    assert "1 dead letter" in section(page, "standing")
    told = section(page, "letters")
    assert f"sample {sample_ids(desk, execution_id)[0]}: waits; its sweep sends it again within" in told
    assert "brandq.fetch" in told


def test_sweeps_are_listed_with_what_they_repaired(desk: Desk, client: ContractClient) -> None:
    """Given sweeps that ran, one that works hourly, then each stands there once with how long ago, its turn, and its repairs."""
    now = desk.now()
    with desk.database.begin() as db:
        store.note_sweep(db, "resend_waiting", repaired=7, now=now - timedelta(seconds=40))
        store.note_sweep(db, "remove_old", repaired=0, now=now - timedelta(seconds=40))
        store.take_turn(db, "hourly", slot=now, now=now - timedelta(minutes=20))
    page = client.get("/queues").text
    told = section(page, "sweeps")
    assert "resend_waiting sends again what waits to be asked" in told
    assert told.index("resend_waiting") < told.index("remove_old")
    assert "its turn came 20 min ago" in told
    assert page.split("<code>resend_waiting</code>")[1].split("</tr>")[0].count(">7<") == 1


def test_without_a_broker_the_tables_are_shown(postgres_url: str, tmp_path: Path) -> None:
    """Given a broker that is gone, then the page says so and what becomes of the work, and shows everything else, and nothing of
    the URL; a clock that never ticked is said as well."""
    desk = open_desk(postgres_url, tmp_path, BRANDQ_BROKER_URL="amqp://someuser:somepassword@127.0.0.1:1/")
    client = ContractClient(desk)
    execution_id = submit(client)
    shown = client.get("/queues")
    assert shown.status_code == 200
    told = section(shown.text, "standing")
    assert "The broker does not answer." in told
    assert "The clock has never ticked." in told
    assert "Not known while the broker does not answer." in section(shown.text, "depths")
    assert execution_id in section(shown.text, "executions")
    assert "somepassword" not in shown.text
    desk.close()


def test_a_paused_engine_and_a_silent_clock_are_said(postgres_url: str, rabbitmq_url: str, tmp_path: Path) -> None:
    """Given RabbitMQ without a worker, a clock that stopped and a paused engine, then each is said with what to start."""
    desk = open_desk(postgres_url, tmp_path, BRANDQ_BROKER_URL=rabbitmq_url)
    now = desk.now()
    with desk.database.begin() as db:
        store.note_sweep(db, "resend_waiting", repaired=0, now=now - timedelta(minutes=30))
        store.open_engine(db, "doubao", reason="no_money", message="no", wait=None, settings="s", now=now)
    told = section(ContractClient(desk).get("/queues").text, "standing")
    for words in (
        "The clock is silent: the last sweep ran 30 min ago.",
        "Nobody works on brandq.fetch. Start brandq work --queues fetch",
        "doubao : paused, because the account has no money left.",
    ):
        assert words in told
    desk.close()


def test_only_operators_see_it(small_desk: Desk) -> None:
    """Given keys that may read or run, then the page tells them what it needs, and shows nothing; the navigation leaves it out. An
    admin sees the executions of others by id, without a way into them."""
    ann = ContractClient(small_desk, key=add_key(small_desk, "ann", "read", "run"))
    admin = ContractClient(small_desk, key=add_key(small_desk, "op", "admin"))
    execution_id = submit(ann)
    refused = ann.get("/queues")
    assert refused.status_code == 403
    assert refused.headers["content-type"].startswith("text/html")
    assert "this needs admin" in refused.text
    assert execution_id not in refused.text
    assert 'href="/queues"' not in ann.get("/").text
    page = admin.get("/queues").text
    assert execution_id in page
    assert "ann" in section(page, "executions")
    assert f'href="/executions/{execution_id}"' not in page
    assert 'href="/queues"' in admin.get("/").text


def test_more_than_a_page_of_executions_is_counted(small_desk: Desk, small: ContractClient) -> None:
    """Given more executions that go on than are shown, then how many there are stands there, and that these are not all."""
    first = submit(small)
    with small_desk.database.begin() as db:
        row = dict(db.execute(sa.select(executions).where(executions.c.execution_id == first)).one()._mapping)
        for number in range(50):
            db.execute(sa.insert(executions).values({**row, "execution_id": f"e{number}", "idempotency_key": None}))
    page = small.get("/queues").text
    told = section(page, "executions")
    assert "Executions that go on 51" in told
    assert "The 50 with the nearest deadline are shown." in told

"""TLS to RabbitMQ and PostgreSQL: a private authority, its host names, failover; what is wrong is told in words."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dramatiq
import psycopg
import pytest
import sqlalchemy as sa

from brandq.actors.broker import BrokerUnreachable, open_broker, queue_depths
from brandq.errors import BadSettings, DatabaseNotReady
from brandq.settings import read_settings
from brandq.store import Database, migrate
from tests.deploy.authorities import LONG_AGO, Authority, porter
from tests.house_rules import ROOT
from tests.ports import free_port
from tests.servers.missing import ServerMissing, skip_or_fail
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import call, plan, site

SECRET = "hidden-word"
QUEUE = "brandq.fetch"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that has signed nothing that anybody shows."""
    return Authority(tmp_path_factory.mktemp("stranger"))


class Broker(RabbitmqServer):
    """RabbitMQ that also listens for TLS, with a certificate for localhost alone."""

    def __init__(self, authority: Authority) -> None:
        self.tls_port = free_port()
        certificate, key = authority.issue("localhost")
        conf = {
            "listeners.ssl.1": f"127.0.0.1:{self.tls_port}",
            "ssl_options.cacertfile": authority.file,
            "ssl_options.certfile": certificate,
            "ssl_options.keyfile": key,
        }
        super().__init__(conf="".join(f"{name} = {value}\n" for name, value in conf.items()))

    def secured(self, host: str = "localhost", *, password: str = "guest", vhost: str = "%2F") -> str:
        return f"amqps://guest:{password}@{host}:{self.tls_port}/{vhost}"


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Broker]:
    try:
        server = Broker(authority)
    except ServerMissing as error:
        skip_or_fail(request.config, error)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest, authority: Authority) -> Iterator[PostgresServer]:
    """PostgreSQL with a certificate for localhost, which lets nobody in without TLS."""
    try:
        server = PostgresServer()
    except ServerMissing as error:
        skip_or_fail(request.config, error)
    certificate, key = authority.issue("localhost")
    kept = server.keep("server.pem", certificate.read_bytes()), server.keep("server.key", key.read_bytes())
    server.options |= {"ssl": "on", "ssl_cert_file": str(kept[0]), "ssl_key_file": str(kept[1])}
    try:
        server.start()
        yield server
    finally:
        server.close()


def secured(server: PostgresServer, name: str, root: object, host: str = "localhost") -> str:
    return f"postgresql+psycopg://brandq@{host}:{server.port}/{name}?sslmode=verify-full&sslrootcert={root}"


@contextlib.contextmanager
def opened(url: str, ca: str | None = None) -> Iterator[dramatiq.Broker]:
    found = open_broker(url, role="test", threads=1, grace_s=0, ca=ca)
    found.declare_queue(QUEUE)
    try:
        yield found
    finally:
        found.close()


def refused(url: str, ca: str | None = None) -> str:
    """The words with which a look at this broker fails."""
    with opened(url, ca) as found, pytest.raises(BrokerUnreachable) as caught:
        queue_depths(found)
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.timeout(240)
def test_everything_works_over_tls_with_a_private_authority(
    tmp_path: Path, authority: Authority, broker: Broker, database: PostgresServer
) -> None:
    """Given amqps and verify-full with an authority of one's own, when web, workers and a clock run, then an execution ends
    and not one connection of theirs is in plain."""
    plain = database.create_database("walked")
    migrate(plain)
    more = {
        "BRANDQ_BROKER_URL": broker.secured(),
        "BRANDQ_BROKER_CA_FILE": str(authority.file),
        "BRANDQ_DATABASE_URL": secured(database, "walked", authority.file),
    }
    with site(tmp_path, plain, broker.url(), **more) as running:
        url = running.web()
        running.worker("fetch", "analyze", "report", "notify", "upkeep")
        running.start("clock", ready="tick")
        reply = call("POST", f"{url}/api/executions", plan(repeats=1))
        assert reply.status == 202, reply.body
        assert set(running.ended([reply.body["execution_id"]], 120).values()) == {"completed"}
        ours = wait_until(
            lambda: {
                one["client_properties"].get("connection_name", ""): one["ssl"]
                for one in broker.api("GET", "/connections")
                if one.get("client_properties", {}).get("connection_name", "").startswith(("brandq web", "brandq work"))
            },
            20,
            "the management API to list the connections",
        )
        assert ours
        assert all(ours.values()), ours
        with psycopg.connect(plain.replace("+psycopg", "")) as looking:
            rows = looking.execute(
                "SELECT application_name, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                "WHERE application_name LIKE 'brandq %'"
            ).fetchall()
        assert {name.split()[1] for name, _ in rows} >= {"web", "work"}
        assert all(encrypted for _, encrypted in rows), rows


@pytest.mark.timeout(240)
def test_the_doctor_readiness_and_the_worker_say_what_is_wrong(
    tmp_path: Path, stranger: Authority, broker: Broker, postgres_url: str
) -> None:
    """Given another authority than the broker's, then doctor, web and worker name the setting to change and no password."""
    more = {
        "BRANDQ_BROKER_URL": broker.secured(password=SECRET),
        "BRANDQ_BROKER_CA_FILE": str(stranger.file),
    }
    with site(tmp_path, postgres_url, broker.url(), **more) as running:
        doctor = running.start("doctor")
        worker = running.worker("notify")
        url = running.web()
        ready = call("GET", f"{url}/readyz")
        assert ready.status == 200, ready.body
        assert "set BRANDQ_BROKER_CA_FILE" in ready.body["broker"]["error"]
        assert doctor.popen.wait(90) == 1
        assert doctor.wrote("set BRANDQ_BROKER_CA_FILE")
        assert doctor.wrote("BRANDQ_BROKER_CA = (1 in PEM)")
        wait_until(lambda: worker.wrote("connection error: RabbitMQ shows a certificate"), 20, "the worker to say it")
        for process in running.processes:
            assert not process.wrote(SECRET), process.name
        assert SECRET not in str(ready.body)


@pytest.mark.parametrize("wrong", ["authority", "no authority", "host", "plain", "secured", "password", "vhost"])
def test_what_is_wrong_with_the_broker_is_told(
    wrong: str, authority: Authority, stranger: Authority, broker: Broker
) -> None:
    """Given one thing that is wrong, when the queues are looked at, then one sentence says what to change."""
    plain = f"127.0.0.1:{broker.port}"
    url, ca, told = {
        "authority": (broker.secured(password=SECRET), stranger.pem, "set BRANDQ_BROKER_CA_FILE"),
        "no authority": (broker.secured(password=SECRET), None, "set BRANDQ_BROKER_CA_FILE"),
        "host": (broker.secured("127.0.0.1", password=SECRET), authority.pem, "for another host name"),
        "plain": (f"amqps://guest:{SECRET}@{plain}/", authority.pem, "speaks no TLS at that port"),
        "secured": (f"amqp://guest:{SECRET}@127.0.0.1:{broker.tls_port}/", None, "use amqps://"),
        "password": (broker.secured(password=SECRET), authority.pem, "refuses this user or password"),
        "vhost": (broker.secured(vhost="none"), authority.pem, "refuses this user the virtual host"),
    }[wrong]
    said = refused(url, ca)
    assert told in said
    assert "BRANDQ_BROKER_" in said
    with opened(f"{url}?connection_attempts=1", ca) as found:
        with pytest.raises(dramatiq.errors.ConnectionClosed) as closed:
            found.consume(QUEUE)
        assert told in str(closed.value)


def test_a_broker_whose_certificate_has_expired_is_refused(authority: Authority) -> None:
    """Given a certificate that was good long ago, then it is refused, and the server is where to mend it."""
    with porter(*authority.issue("localhost", **LONG_AGO)) as found:
        assert "has expired: renew it on the server" in refused(f"amqps://localhost:{found.port}/", authority.pem)


def test_a_broker_may_ask_for_our_certificate(authority: Authority) -> None:
    """Given a server that wants one, then without it words say how to name it, and with it it is shown."""
    certificate, key = authority.issue("worker.example")
    with porter(*authority.issue("localhost"), wants=authority.file) as found:
        url = f"amqps://localhost:{found.port}/"
        assert "name that by `?certfile=" in refused(url, authority.pem)
        refused(f"{url}?certfile={certificate}&keyfile={key}", authority.pem)
        assert [caller and caller["subjectAltName"] for caller in found.callers if caller] == [
            (("DNS", "worker.example"),)
        ]


def test_of_several_brokers_each_is_checked(authority: Authority, stranger: Authority, broker: Broker) -> None:
    """Given a dead server, one that shows a certificate for another host, and a good one, then the good one is used; without
    it, of each is told what is wrong."""
    dead = f"amqps://guest:{SECRET}@localhost:{free_port()}/"
    with porter(*authority.issue("other.example")) as other:
        wrong = f"amqps://guest:{SECRET}@localhost:{other.port}/"
        with opened(f"{dead};{wrong};{broker.secured()}", authority.pem) as found:
            assert set(queue_depths(found)) == {QUEUE}
            found.enqueue(dramatiq.Message(queue_name=QUEUE, actor_name="none", args=(), kwargs={}, options={}))
            assert queue_depths(found)[QUEUE].ready == 1
        said = refused(f"{dead};{wrong}", authority.pem)
    first, second = said.split("; 2/2: ")
    assert first.startswith("1/2: RabbitMQ does not answer")
    assert second.startswith("RabbitMQ shows a certificate for another host name")


@pytest.mark.parametrize(
    ("url", "ca", "fault"),
    [
        ("amqps://u:hidden-word@mq/?ssl_options={'protocol':2}", None, "`ssl_options` has no say"),
        ("amqps://u:hidden-word@mq/?verify=verify_none", None, "`verify` has no say"),
        ("amqps://u:hidden-word@mq/?server_name_indication=x", None, "`server_name_indication` has no say"),
        ("amqps://u:hidden-word@mq/?certfile=/none.pem", None, "cannot be read"),
        ("amqp://u:hidden-word@mq/?certfile=/none.pem&keyfile=/none", None, "are of amqps://"),
        ("amqps://u:hidden-word@mq/", "no certificate", "BRANDQ_BROKER_CA: holds no certificate"),
        ("amqps://u:hidden-word@mq/", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", "BRANDQ_BROKER_CA"),
    ],
)
def test_checking_cannot_be_switched_off(url: str, ca: str | None, fault: str) -> None:
    """Given a URL that would have the certificate not checked, or an authority that is none, then nothing starts."""
    with pytest.raises(BadSettings) as caught:
        open_broker(url, role="test", threads=1, grace_s=0, ca=ca)
    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_doctor_notes_what_nothing_checks(tmp_path: Path) -> None:
    """Given servers of other machines without TLS, then the doctor notes both, beside what else it finds."""
    dead = f"127.0.0.2:{free_port()}"
    with site(tmp_path, f"postgresql+psycopg://u@{dead}/n", f"amqp://u:{SECRET}@{dead}/v") as running:
        doctor = running.start("doctor")
        assert doctor.popen.wait(90) == 1
        assert doctor.wrote("database: nothing checks over a network that it is the right one")
        assert doctor.wrote("broker: spoken to without TLS over a network")
        assert not doctor.wrote(SECRET)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the commands of docs/tls.md need the package openssl")
def test_the_commands_of_the_page_make_certificates_that_are_accepted(tmp_path: Path) -> None:
    """Given the commands of docs/tls.md, when they are run, then even a strict client accepts the certificates for the host
    names that were given, and for no other."""
    page = (ROOT / "docs/tls.md").read_text(encoding="utf-8")
    commands = page[page.index("umask 077") : page.index("```", page.index("umask 077"))]
    done = subprocess.run(["bash", "-ec", commands], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "rabbitmq.pem: OK" in done.stdout
    strict = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    with porter(tmp_path / "rabbitmq.pem", tmp_path / "rabbitmq.key") as found:
        for host, fits in (("rabbitmq", True), ("rabbitmq.brandq.svc", True), ("postgres", False)):
            mismatch = (
                contextlib.nullcontext() if fits else pytest.raises(ssl.SSLCertVerificationError, match="mismatch")
            )
            with socket.create_connection(("127.0.0.1", found.port), timeout=10) as plain, mismatch:
                strict.wrap_socket(plain, server_hostname=host).close()


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("amqps://a/v", True),
        ("amqps://a/v;amqps://b/v", True),
        ("amqp://a/v", False),
        ("amqps://a/v;amqp://b/v", False),
        ("embedded", False),
    ],
)
def test_an_authority_is_of_tls_alone(url: str, fits: bool) -> None:
    """Given an authority for the broker, when a server of its URL is spoken to in plain, then nothing starts."""
    given = {"BRANDQ_DATABASE_URL": "postgresql://d/n", "BRANDQ_BROKER_URL": url, "BRANDQ_BROKER_CA": "some PEM"}
    if fits:
        assert read_settings(given).broker_ca == "some PEM"
    else:
        with pytest.raises(BadSettings, match="use amqps:// for every server"):
            read_settings(given)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("authority", "is not signed by the authority that `sslrootcert`"),
        ("host", "use in BRANDQ_DATABASE_URL a host name that its certificate carries"),
        ("no file", "have `sslrootcert` in BRANDQ_DATABASE_URL name the authority's certificate"),
        ("several", "use in BRANDQ_DATABASE_URL a host name that its certificate carries"),
        ("option", "correct what stands behind `?` in BRANDQ_DATABASE_URL"),
    ],
)
def test_what_is_wrong_with_the_database_is_told(
    wrong: str, told: str, authority: Authority, stranger: Authority, database: PostgresServer
) -> None:
    """Given one thing that is wrong, when the database is used, then one sentence says what to change, and of several hosts
    it has each."""
    name = database.create_database(f"wrong_{wrong.replace(' ', '_')}").rsplit("/", 1)[1]
    dead = free_port()
    given = {
        "authority": secured(database, name, stranger.file),
        "host": secured(database, name, authority.file, "127.0.0.1"),
        "no file": secured(database, name, "/none.pem"),
        "several": f"postgresql://brandq:{SECRET}@127.0.0.1:{dead},127.0.0.1:{database.port}/{name}"
        f"?sslmode=verify-full&sslrootcert={authority.file}",
        "option": f"{secured(database, name, authority.file)}&sslmod=disable",
    }[wrong]
    url = read_settings({"BRANDQ_DATABASE_URL": given}).database_url.reveal()
    opened = Database(url, pool_size=1)
    with pytest.raises(DatabaseNotReady) as caught, opened.look() as db:
        db.execute(sa.text("SELECT 1"))
    opened.dispose()
    said = str(caught.value)
    assert told in said
    assert "migrate" not in said
    assert SECRET not in said
    assert "\n" not in said
    if wrong == "several":
        assert f"port {dead} failed: Connection refused" in said
    database.drop_database(name)


def test_a_database_that_wants_tls_says_so(authority: Authority, database: PostgresServer) -> None:
    """Given a server whose pg_hba.conf lets only TLS in, when it is spoken to in plain, then the words name the setting."""
    hba = database.folder / "data" / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text("hostssl all all 127.0.0.1/32 trust\n")
    database.reload()
    try:
        plain = Database(f"{database.url('postgres')}?sslmode=disable", pool_size=1)
        told = "that server wants TLS: add `sslmode=verify-full`"
        with pytest.raises(DatabaseNotReady, match=told), plain.look() as db:
            db.execute(sa.text("SELECT 1"))
        plain.dispose()
    finally:
        hba.write_text(before)
        database.reload()


@pytest.mark.timeout(240)
def test_a_failover_of_the_database_is_survived(request: pytest.FixtureRequest) -> None:
    """Given a URL of a dead host, a copy and the primary, when the primary is stopped and the copy takes its place, then the
    same process goes on with what was committed, and its URL is shown without the password."""
    try:
        first, second = PostgresServer(), PostgresServer()
    except ServerMissing as error:
        skip_or_fail(request.config, error)
    try:
        first.start()
        migrate(first.create_database("kept"))
        second.follow(first)
        second.start()
        given = (
            f"postgresql://brandq:{SECRET}@127.0.0.1:{free_port()},127.0.0.1:{second.port},127.0.0.1:{first.port}/kept"
            "?target_session_attrs=read-write"
        )
        settings = read_settings({"BRANDQ_DATABASE_URL": given})
        assert all(SECRET not in shown for _, shown, _ in settings.shown())
        database = Database(settings.database_url.reveal(), pool_size=2)
        note = sa.text("INSERT INTO sweeps (name, swept_at, repaired) VALUES (:name, now(), 0)")
        with database.begin() as db:
            assert db.execute(sa.text("SELECT inet_server_port()")).scalar() == first.port
            db.execute(note, {"name": "before"})
        with psycopg.connect(second.url("kept").replace("+psycopg", ""), autocommit=True) as looking:
            wait_until(
                lambda: looking.execute("SELECT name FROM sweeps").fetchall() == [("before",)],
                20,
                "the copy to have it",
            )
        first.stop()
        with pytest.raises(DatabaseNotReady, match="none of these servers takes writes"), database.begin() as db:
            db.execute(note, {"name": "lost"})
        second.promote()
        with database.begin() as db:
            db.execute(note, {"name": "after"})
            names = set(db.execute(sa.text("SELECT name FROM sweeps")).scalars())
        assert names == {"before", "after"}
        database.dispose()
    finally:
        first.close()
        second.close()

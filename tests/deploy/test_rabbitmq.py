"""What deploy/rabbitmq ships, on a real RabbitMQ: its users do their work and nothing else, its bounds hold, and a queue
that was deleted comes back."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pika
import pika.exceptions
import pytest
from dramatiq.brokers.rabbitmq import DEAD_MESSAGE_TTL
from dramatiq.common import dq_name, xq_name

from brandq.actors.broker import BrokerUnreachable, RabbitBroker, dead_bodies, queue_depths
from brandq.actors.declare import MAX_DELAY_MS, MAX_TIME_LIMIT_MS, QUEUES
from tests.deploy.brokers import PASSWORDS, ROOT, SHIPPED, USERS, hash_passwords, shipped_broker
from tests.servers.missing import ServerMissing, skip_or_fail
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import Site, call, plan, site

ALL = ("fetch", "analyze", "report", "notify", "upkeep")
WEB, WORKER, MONITORING, ADMIN = USERS
#: the model that the plan's second engine asks
QWEN = "qwen3.7-plus"
SHIPPED_DEFINITIONS: dict[str, Any] = json.loads((SHIPPED / "definitions.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shipped")


@pytest.fixture(scope="module")
def broker(folder: Path, request: pytest.FixtureRequest) -> Iterator[RabbitmqServer]:
    try:
        stack = ExitStack()
        server = stack.enter_context(shipped_broker(folder))
    except ServerMissing as error:
        skip_or_fail(request.config, error)
    with stack:
        yield server


@pytest.fixture
def installation(tmp_path: Path, postgres_url: str, broker: RabbitmqServer) -> Iterator[Site]:
    with site(tmp_path, postgres_url, url_of(broker, WEB)) as running:
        yield running


def url_of(server: RabbitmqServer, user: str) -> str:
    return server.url("brandq", user=user, password=PASSWORDS[user])


def worker(installation: Site, server: RabbitmqServer) -> Any:
    return installation.worker(*ALL, BRANDQ_BROKER_URL=url_of(server, WORKER))


def refused(server: RabbitmqServer, method: str, path: str, name: tuple[str, str], body: object = None) -> int:
    """The status with which the management API refuses this."""
    with pytest.raises(HTTPError) as error:
        server.api(method, path, body, name=name)
    error.value.close()
    return error.value.code


# The definitions beside the code


def wanted_queues() -> dict[str, dict[str, Any]]:
    """Every queue of the code with the arguments that dramatiq would make it with."""
    broker = RabbitBroker("amqp://nobody:nothing@127.0.0.1/none", role="test", threads=1)
    queues = {}
    for name in QUEUES:
        queues[name] = queues[dq_name(name)] = broker._build_queue_arguments(name)
        queues[xq_name(name)] = {"x-message-ttl": DEAD_MESSAGE_TTL}
    return queues


def faults(definitions: dict[str, Any]) -> list[str]:
    """What in these definitions does not go with the code, or lets somebody in."""
    wanted, found = wanted_queues(), []
    queues = {
        queue["name"]: {name: value for name, value in queue["arguments"].items() if name != "x-queue-type"}
        for queue in definitions["queues"]
    }
    found += [f"queue {name} is missing or other" for name in wanted if queues.get(name) != wanted[name]]
    found += [f"queue {name} is nobody's" for name in queues if name not in wanted]
    found += [
        f"queue {queue['name']} would not outlive a restart" for queue in definitions["queues"] if not queue["durable"]
    ]
    found += [
        f"{user['name']} has a password in the repository" for user in definitions["users"] if user["password_hash"]
    ]
    for queue in wanted:
        bounds = [policy for policy in definitions["policies"] if re.search(policy["pattern"], queue)]
        if [policy["definition"]["overflow"] for policy in bounds] != [
            "drop-head" if queue.endswith(".XQ") else "reject-publish"
        ]:
            found.append(f"queue {queue} is not under one policy of its kind")
    for policy in definitions["policies"]:
        if re.search(policy["pattern"], "brandq.fetch2") or re.search(policy["pattern"], "xbrandq.fetch"):
            found.append(f"policy {policy['name']} is on queues of others too")
    for right in definitions["permissions"]:
        if right["user"] != ADMIN and right["configure"] != "^$":
            found.append(f"{right['user']} may make and delete queues")
    return found


PLANTED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a queue left out": (lambda d: d["queues"].pop(0), "queue brandq.fetch is missing or other"),
    "another priority": (lambda d: d["queues"][0]["arguments"].update({"x-max-priority": 3}), "missing or other"),
    "a queue of no actor": (lambda d: d["queues"].append({**d["queues"][0], "name": "brandq.mail"}), "brandq.mail is nobody's"),
    "a queue in memory": (lambda d: d["queues"][0].update(durable=False), "would not outlive a restart"),
    "a password": (lambda d: d["users"][0].update(password_hash="AAAA"), "has a password in the repository"),
    "no bound on the delay queues": (
        lambda d: d["policies"][0].update(pattern=d["policies"][0]["pattern"].replace(r"(\.DQ)?", "")),
        "brandq.fetch.DQ is not under one policy",
    ),
    "a pattern without an end": (
        lambda d: d["policies"][0].update(pattern=d["policies"][0]["pattern"].removesuffix("$")),
        "on queues of others too",
    ),
    "a right to delete": (lambda d: d["permissions"][0].update(configure=r"^brandq\."), "may make and delete queues"),
}  # fmt: skip


def test_the_definitions_go_with_the_code() -> None:
    """Given definitions.json, then it has the queues that the code would make, each under its bound, and no password."""
    assert faults(SHIPPED_DEFINITIONS) == []


@pytest.mark.parametrize(("plant", "words"), PLANTED.values(), ids=PLANTED)
def test_definitions_that_do_not_go_with_the_code_are_seen(plant: Callable[[dict[str, Any]], Any], words: str) -> None:
    """Given definitions with one fault, then that fault is named."""
    planted = copy.deepcopy(SHIPPED_DEFINITIONS)
    plant(planted)
    assert any(words in fault for fault in faults(planted)), faults(planted)


def test_the_conf_lets_a_message_be_held_as_long_as_the_code_holds_one() -> None:
    """Given rabbitmq.conf, then consumer_timeout exceeds the longest delay and the longest time limit, by minutes."""
    (timeout_ms,) = re.findall(r"^consumer_timeout = (\d+)$", (SHIPPED / "rabbitmq.conf").read_text(), re.MULTILINE)
    assert int(timeout_ms) >= max(MAX_DELAY_MS, MAX_TIME_LIMIT_MS) + 5 * 60_000


def test_the_page_for_operators_has_the_bounds_of_the_definitions() -> None:
    """Given docs/operating.md, then its table of policies and limits says what the definitions and the conf say."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    for policy in SHIPPED_DEFINITIONS["policies"]:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{policy['name']}` |"))
        assert f"{policy['definition']['max-length']:,}" in row
    limits = SHIPPED_DEFINITIONS["parameters"][0]["value"]
    assert f"{limits['max-queues']} queues, {limits['max-connections']:,} connections" in page
    assert "consumer_timeout = 1800000" in (SHIPPED / "rabbitmq.conf").read_text()
    assert "`consumer_timeout` 30 min" in page
    for user in USERS:
        assert f"| `{user}` |" in page


# Passwords


def test_as_shipped_nobody_can_log_in(broker: RabbitmqServer) -> None:
    """Given users and rights as the repository has them, under other names, then none gets in, with no password or any."""
    users = {user["name"]: {**user, "name": f"shipped-{user['name']}"} for user in SHIPPED_DEFINITIONS["users"]}
    rights = [{**right, "user": users[right["user"]]["name"]} for right in SHIPPED_DEFINITIONS["permissions"]]
    broker.api("POST", "/definitions", {"users": list(users.values()), "permissions": rights})
    try:
        for user in (user["name"] for user in users.values()):
            for password in ("", " ", user, "guest"):
                with pytest.raises((pika.exceptions.ProbableAuthenticationError, pika.exceptions.AMQPConnectionError)):
                    pika.BlockingConnection(
                        pika.ConnectionParameters(
                            "127.0.0.1",
                            broker.port,
                            "brandq",
                            pika.PlainCredentials(user, password),
                            connection_attempts=1,
                        )
                    )
                assert refused(broker, "GET", "/overview", (user, password)) == 401
    finally:
        for user in users.values():
            broker.api("DELETE", f"/users/{user['name']}")


def test_missing_passwords_are_made_and_kept(tmp_path: Path) -> None:
    """Given no passwords, when they are made, then only their owner can read them, and a second time changes none."""
    made = hash_passwords(tmp_path / "new", "--make", "-o", str(tmp_path / "definitions.json"))
    assert made.returncode == 0, made.stderr
    passwords = {user: (tmp_path / "new" / user).read_text() for user in USERS}
    assert len(set(passwords.values())) == len(USERS)
    assert {(tmp_path / "new" / user).stat().st_mode & 0o777 for user in USERS} == {0o600}
    assert (tmp_path / "definitions.json").stat().st_mode & 0o777 == 0o600
    text = (tmp_path / "definitions.json").read_text()
    assert not any(password.strip() in text for password in passwords.values())
    assert hash_passwords(tmp_path / "new", "--make").stderr == ""
    assert {user: (tmp_path / "new" / user).read_text() for user in USERS} == passwords


@pytest.mark.parametrize(
    ("files", "words"),
    {
        "none": ({}, "brandq-web: no such file"),
        "short": ({WEB: "secret"}, "one line of at least 16 characters"),
        "two lines": ({WEB: "a" * 20 + "\n" + "b" * 20}, "one line of at least 16 characters"),
        "blanks": ({WEB: " " + "a" * 20}, "without blanks around it"),
        "one missing": (dict.fromkeys(USERS[:3], "a" * 20), "brandq-admin: no such file"),
    }.values(),
)
def test_a_password_that_cannot_be_used_is_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    """Given passwords that are none, then nothing is written, and the words name the file and never the password."""
    for user, password in files.items():
        (tmp_path / user).write_text(password)
    done = hash_passwords(tmp_path, "--require-all", "-o", str(tmp_path / "definitions.json"))
    assert done.returncode == 2
    assert words in done.stderr
    assert not any(password in done.stderr for password in files.values())
    assert not (tmp_path / "definitions.json").exists()


def test_a_folder_without_any_password_is_refused(tmp_path: Path) -> None:
    """Given a folder in which no file is named after a user, then the words say how they are named."""
    (tmp_path / "web").write_text("a" * 20)
    done = hash_passwords(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no file is named after one of brandq-web, brandq-worker" in done.stderr


# On the server


def test_the_server_has_what_the_definitions_say(broker: RabbitmqServer) -> None:
    """Given a server that loaded them, then its virtual host, its users, its queues with their policies and its limits are
    those, and guest is not there."""
    assert [vhost["name"] for vhost in broker.api("GET", "/vhosts")] == ["brandq"]
    assert {user["name"] for user in broker.api("GET", "/users")} == set(USERS)

    def queues() -> dict[str, Any] | None:
        """Once the policies are told of: that takes a moment after a start."""
        found = {queue["name"]: queue for queue in broker.api("GET", "/queues/brandq")}
        return found if all("policy" in queue for queue in found.values()) else None

    found = wait_until(queues, 30, "every queue to be under a policy")
    assert found is not None
    assert set(found) == set(wanted_queues())
    for name, queue in found.items():
        bound = "brandq-dead-letters" if name.endswith(".XQ") else "brandq-queues"
        assert queue["policy"] == bound
        assert queue["effective_policy_definition"]["max-length"] > 0
        assert queue["type"] == "classic"
    assert broker.api("GET", "/vhost-limits/brandq")[0]["value"]["max-queues"] == 30
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(broker.url("brandq", user="guest", password="guest")))


Act = Callable[[Any], Any]
#: what nobody but an administrator may do
OF_NOBODY: dict[str, Act] = {
    "delete a queue": lambda channel: channel.queue_delete("brandq.fetch"),
    "declare a queue": lambda channel: channel.queue_declare("mine"),
    "declare one that looks like ours": lambda channel: channel.queue_declare("brandq.mine", durable=True),
    "declare one for itself": lambda channel: channel.queue_declare("", exclusive=True),
    "declare an exchange": lambda channel: channel.exchange_declare("mine"),
    "publish to an exchange": lambda channel: channel.basic_publish("amq.fanout", "", b"x"),
    "publish to the topic exchange": lambda channel: channel.basic_publish("amq.topic", "x", b"x"),
    "bind a queue": lambda channel: channel.queue_bind("brandq.fetch", "amq.fanout"),
}
#: what one of the two may not, though the other may
OF_THE_OTHER: dict[str, tuple[str, Act]] = {
    "web consumes": (WEB, lambda channel: channel.basic_consume("brandq.fetch", lambda *_: None)),
    "web takes a message": (WEB, lambda channel: channel.basic_get("brandq.analyze")),
    "web takes a delayed one": (WEB, lambda channel: channel.basic_get("brandq.fetch.DQ")),
    "web purges": (WEB, lambda channel: channel.queue_purge("brandq.fetch")),
    "worker takes a dead letter": (WORKER, lambda channel: channel.basic_get("brandq.fetch.XQ")),
    "worker purges dead letters": (WORKER, lambda channel: channel.queue_purge("brandq.fetch.XQ")),
    "monitoring publishes": (MONITORING, lambda channel: channel.basic_publish("", "brandq.fetch", b"x")),
    "monitoring takes a message": (MONITORING, lambda channel: channel.basic_get("brandq.fetch")),
    "monitoring purges": (MONITORING, lambda channel: channel.queue_purge("brandq.fetch")),
}
FORBIDDEN = {f"{user}: {what}": (user, act) for what, act in OF_NOBODY.items() for user in USERS[:3]} | OF_THE_OTHER


@pytest.mark.parametrize(("user", "act"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_a_user_may_not_is_refused(broker: RabbitmqServer, user: str, act: Act) -> None:
    """Given a user of least privilege, when it does what is not its work, then RabbitMQ refuses, and nothing has changed."""
    before = {queue["name"] for queue in broker.api("GET", "/queues/brandq")}
    with pika.BlockingConnection(pika.URLParameters(url_of(broker, user))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
            act(channel)
    assert closed.value.reply_code == 403
    assert {queue["name"] for queue in broker.api("GET", "/queues/brandq")} == before


@pytest.mark.parametrize("user", USERS[:3])
def test_no_user_gets_into_another_virtual_host(broker: RabbitmqServer, user: str) -> None:
    """Given another virtual host on the same server, then none of brandq's users gets in, not even to look."""
    broker.create_vhost("foreign")
    try:
        with pytest.raises(pika.exceptions.AMQPConnectionError):
            pika.BlockingConnection(
                pika.URLParameters(
                    broker.url("foreign", user=user, password=PASSWORDS[user]) + "?connection_attempts=1"
                )
            )
    finally:
        broker.delete_vhost("foreign")


@pytest.mark.parametrize("user", [WEB, WORKER])
def test_neither_web_nor_workers_may_ask_the_management_api(broker: RabbitmqServer, user: str) -> None:
    """Given the passwords that web and workers have, then the management API and its pages take neither."""
    for path in ("/whoami", "/overview", "/queues/brandq", "/queues/brandq/brandq.fetch"):
        assert refused(broker, "GET", path, (user, PASSWORDS[user])) == 401


def test_monitoring_reads_counts_and_changes_nothing(broker: RabbitmqServer) -> None:
    """Given the user for KEDA, Prometheus and dashboards, then it sees queues, consumers and connections; no message, no
    password and no change is to be had with it."""
    me = (MONITORING, PASSWORDS[MONITORING])
    found = broker.api("GET", "/queues/brandq/brandq.fetch", name=me)
    assert found["name"] == "brandq.fetch"
    for path in ("/overview", "/queues/brandq", "/connections", "/consumers/brandq", "/nodes"):
        broker.api("GET", path, name=me)
    got = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
    for method, path, body in (
        ("GET", "/definitions", None),
        ("GET", "/users", None),
        ("POST", "/queues/brandq/brandq.fetch/get", got),
        ("DELETE", "/queues/brandq/brandq.fetch/contents", None),
        ("DELETE", "/queues/brandq/brandq.fetch", None),
        ("PUT", "/queues/brandq/mine", {}),
        ("PUT", "/policies/brandq/mine", {"pattern": "", "definition": {"max-length": 1}}),
        ("DELETE", "/vhosts/brandq", None),
        ("PUT", "/users/mine", {"password": "x", "tags": "administrator"}),
    ):
        assert refused(broker, method, path, me, body) in (400, 401, 403), path


def test_what_is_larger_than_any_message_of_ours_is_not_taken(broker: RabbitmqServer) -> None:
    """Given a message of 70 kB, when somebody with web's password publishes it, then the server refuses it."""
    with pika.BlockingConnection(pika.URLParameters(url_of(broker, WEB))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
            channel.basic_publish("", "brandq.notify", b"x" * 70_000)
    assert closed.value.reply_code == 406


def test_who_may_not_read_dead_letters_is_told_so(broker: RabbitmqServer) -> None:
    """Given the worker's user, when dead letters are looked at with it, then the words say who may; the counts it has."""
    looking = RabbitBroker(url_of(broker, WORKER), role="test", threads=1)
    for name in QUEUES:
        looking.declare_queue(name)
    assert set(queue_depths(looking)) == set(QUEUES)
    with pytest.raises(BrokerUnreachable, match=r"does not let this user read brandq\.fetch\.XQ"):
        dead_bodies(looking, "brandq.fetch", 1)
    looking.close()


@pytest.mark.timeout(240)
def test_an_execution_runs_with_rights_for_its_work_alone(installation: Site, broker: RabbitmqServer) -> None:
    """Given web and worker with their own users, when a plan is posted, also one whose calls fail and are tried again, then
    both executions end, the web lists dead letters, and a queue that an administrator deleted and made again is served."""
    url = installation.web()
    working = worker(installation, broker)
    installation.faults(QWEN, "429", "429", "429", "429")
    first = call("POST", f"{url}/api/executions", plan()).body["execution_id"]
    assert installation.ended([first], 120) == {first: "completed"}
    assert installation.paid() == 20 + 4
    assert call("GET", f"{url}/api/statistics").body["broker"]["reachable"] is True

    # somebody takes a queue away: only an import brings it back, and the worker's log says so
    broker.api("DELETE", "/queues/brandq/brandq.analyze")
    wait_until(lambda: working.wrote("there is no queue brandq.analyze"), 30, "the worker to miss its queue")
    assert working.wrote("import deploy/rabbitmq/definitions.json")
    second = call("POST", f"{url}/api/executions", plan(repeats=1)).body["execution_id"]
    broker.api("POST", "/definitions", {**SHIPPED_DEFINITIONS, "users": []})
    assert installation.ended([second], 120) == {second: "completed"}
    assert working.alive


@pytest.mark.timeout(240)
def test_a_full_queue_refuses_and_nothing_is_lost(installation: Site, broker: RabbitmqServer) -> None:
    """Given a queue for one message and no worker, when plans are accepted, then what does not fit is refused and counted;
    and once workers come, the sweeps send it, and every execution ends complete."""
    bound = {"pattern": r"^brandq\.fetch$", "apply-to": "queues", "priority": 9}
    definition = {"max-length": 1, "overflow": "reject-publish"}
    broker.api("PUT", "/policies/brandq/small", {**bound, "definition": definition})
    url = installation.web()
    try:
        wait_until(
            lambda: broker.api("GET", "/queues/brandq/brandq.fetch").get("policy") == "small", 20, "the bound to hold"
        )
        ids = [call("POST", f"{url}/api/executions", plan(repeats=2)).body["execution_id"] for _ in range(2)]
        wait_until(lambda: _lost(url) == 3, 30, "three of the four messages to be refused")
        assert installation.queue("fetch") == (1, 0)
        worker(installation, broker)
        ended = installation.ended(ids, 120)
    finally:
        broker.api("DELETE", "/policies/brandq/small")
    assert set(ended.values()) == {"completed"}
    assert installation.paid() == 16


def _lost(url: str) -> int:
    found = re.search(rb"^brandq_sends_lost_total (\d+)", call("GET", f"{url}/metrics").body, re.MULTILINE)
    return int(found[1]) if found else 0

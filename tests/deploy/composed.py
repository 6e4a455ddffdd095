"""What deploy/compose.yaml must be, read as rules over its services, each of which yields sentences.

``test_compose`` runs them over the file, and plants each kind of fault to see it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from brandq.actors import ACTORS
from brandq.actors.declare import DECLARED, QUEUES
from brandq.actors.desk import PUBLISH_GRACE_S, STORE_THREADS
from brandq.errors import BadSettings
from brandq.providers import registry
from brandq.running import STOP_SLACK_S, WEB_GRACE_S
from brandq.settings import KNOWN, read_settings
from tests.deploy.images import USER, understood

Compose = Mapping[str, Any]
Service = Mapping[str, Any]

#: seconds between the last thing a process does and the kill
SPARE_S = 20
SERVERS = frozenset({"postgres", "rabbitmq"})
#: the only ones that speak to the outside: they ask engines, tell webhooks, or are looked at
OUTSIDE = frozenset({"fetch", "notify", "rabbitmq", "web"})
#: what may be read where only these are to have it
ONLY = {
    "database-url-owner": {"migrate"},
    "broker-url-worker": {queue.removeprefix("brandq.") for queue in QUEUES},
    "broker-url-web": {"web", "clock"},
    "webhook-secret": {"notify"},
    "api-key": {"first-key"},
}
#: PostgreSQL's own max_connections and superuser_reserved_connections
MAX_CONNECTIONS, RESERVED = 100, 3

_SECRET_NAME = re.compile(r"(PASSWORD|SECRET|KEY|TOKEN|(DATABASE|BROKER)_URL)")


def services(compose: Compose) -> dict[str, Service]:
    return dict(compose["services"])


def ours(compose: Compose) -> dict[str, Service]:
    """The services that are brandq's own image."""
    return {name: service for name, service in services(compose).items() if name not in SERVERS}


def once(service: Service) -> bool:
    """Whether it does something and ends."""
    return service.get("restart") == "no"


def seconds(text: str) -> int:
    """Of a duration as compose writes it, such as 1m30s."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", text))


def environment(service: Service) -> dict[str, str]:
    return dict(service.get("environment", {}))


def secrets(service: Service) -> dict[str, str]:
    """Path inside the container -> name of the secret."""
    found = {}
    for given in service.get("secrets", []):
        source, target = (given, given) if isinstance(given, str) else (given["source"], given["target"])
        found[target if target.startswith("/") else f"/run/secrets/{target}"] = source
    return found


def queues(service: Service) -> list[str]:
    """The queues that this worker serves; none where it is no worker."""
    words = service.get("command", [])
    return [f"brandq.{queue}" for queue in words[2].split(",")] if words[:2] == ["work", "--queues"] else []


def confined(compose: Compose) -> Iterator[str]:
    """No process has a right that it does not need, or room without end."""
    for name, service in services(compose).items():
        wanted = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
        for key, value in wanted.items():
            if service.get(key) != value:
                yield f"{name}: {key} is not {value}"
        for key in ("cap_add", "privileged", "devices", "pid", "ipc", "network_mode", "userns_mode"):
            if service.get(key):
                yield f"{name}: {key} gives it more than it needs"
        if str(service.get("user", "root")).split(":")[0] in ("root", "0"):
            yield f"{name} runs as root"
        if name not in SERVERS and service.get("user") != USER:
            yield f"{name} runs as {service.get('user')} instead of {USER}"
        if not any(entry.startswith("/tmp") for entry in service.get("tmpfs", [])):
            yield f"{name} has no /tmp to write to"
        if not service.get("pids_limit"):
            yield f"{name} may start processes without end"
        if name not in SERVERS and not once(service) and not service.get("mem_limit"):
            yield f"{name} may take memory without end"
        for volume in service.get("volumes", []):
            if volume.startswith((".", "/")) and not volume.endswith(":ro"):
                yield f"{name} may write to {volume.split(':')[0]} of this machine"
            if "docker.sock" in volume:
                yield f"{name} is given the engine itself"


def pinned(compose: Compose) -> Iterator[str]:
    """Every image may be pinned by its digest from outside, and says a version where it is not."""
    for name, service in services(compose).items():
        found = re.fullmatch(r"\$\{\w+:-(.+)\}", service["image"])
        if not found:
            yield f"{name}: its image cannot be pinned by a variable"
        elif name in SERVERS and not re.fullmatch(r"[\w/]+:\d[\w.-]*", found[1]):
            yield f"{name}: {found[1]} is of no version"


def kept_inside(compose: Compose) -> Iterator[str]:
    """Ports are this machine's alone, and only those that must reach the outside."""
    if compose["networks"]["inside"].get("internal") is not True:
        yield "the network inside leads outside"
    for name, service in services(compose).items():
        for port in service.get("ports", []):
            if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", str(port)):
                yield f"{name}: port {port} is open to others"
        on = set(service.get("networks", ["default"]))
        expected = {"inside", "outside"} if name in OUTSIDE else {"inside"}
        if on != expected:
            yield f"{name} is on {sorted(on)} instead of {sorted(expected)}"


def understood_by_brandq(compose: Compose) -> Iterator[str]:
    """Commands and settings exist, and their values are taken."""
    known = {setting.variable for setting in KNOWN}
    keys = set(registry.key_names(registry.load(None)))
    for name, service in ours(compose).items():
        if not understood(service["command"]):
            yield f"{name}: brandq does not understand {' '.join(service['command'])}"
        values = {}
        for variable, value in environment(service).items():
            if variable.removesuffix("_FILE") not in known | keys and variable not in known:
                yield f"{name}: there is no setting {variable}"
            elif not variable.endswith("_FILE"):
                values[variable] = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value))
        try:
            read_settings({name: value for name, value in values.items() if name in known})
        except BadSettings as error:
            yield f"{name}: {error}"


def served(compose: Compose) -> Iterator[str]:
    """Every queue has its worker, and none that does not exist."""
    workers = [queue for service in services(compose).values() for queue in queues(service)]
    for queue in QUEUES:
        if workers.count(queue) != 1:
            yield f"{queue} is served by {workers.count(queue)} services"
    for queue in sorted(set(workers) - set(QUEUES)):
        yield f"there is no queue {queue}"


def given_time(compose: Compose, *, consumer_timeout_s: int) -> Iterator[str]:
    """time limit <= grace + slack <= stop_grace_period - spare, and all of it below RabbitMQ's consumer_timeout."""
    defaults = {setting.variable: setting.default for setting in KNOWN}
    limits: dict[str, float] = {}
    for fn in ACTORS:
        declared = DECLARED[fn]
        limit_s = declared.options["time_limit"] / 1000
        limits[declared.queue_name] = max(limit_s, limits.get(declared.queue_name, 0))
    for name, service in services(compose).items():
        stop_s = seconds(service.get("stop_grace_period", "10s"))
        if stop_s >= consumer_timeout_s:
            yield f"{name}: stop_grace_period {stop_s} s is not below RabbitMQ's consumer_timeout {consumer_timeout_s} s"
        if queues(service):
            grace_s = int(environment(service).get("BRANDQ_GRACE_SECONDS", defaults["BRANDQ_GRACE_SECONDS"]))
            longest_s = max(limits.get(queue, 0) for queue in queues(service))
            if longest_s > grace_s + STOP_SLACK_S:
                yield f"{name}: its longest message may take {longest_s:g} s, and is given {grace_s + STOP_SLACK_S} s"
            if grace_s + STOP_SLACK_S > stop_s - SPARE_S:
                yield f"{name}: stop_grace_period {stop_s} s is less than {grace_s + STOP_SLACK_S + SPARE_S} s"
        elif name == "web" and stop_s < WEB_GRACE_S + PUBLISH_GRACE_S + SPARE_S:
            yield f"{name}: stop_grace_period {stop_s} s is less than {WEB_GRACE_S + PUBLISH_GRACE_S + SPARE_S:g} s"
        elif name == "clock" and stop_s < PUBLISH_GRACE_S + SPARE_S:
            yield f"{name}: stop_grace_period {stop_s} s is less than {PUBLISH_GRACE_S + SPARE_S:g} s"


def secret(compose: Compose) -> Iterator[str]:
    """What is secret comes from files; each goes to those that need it, and nobody else."""
    used: set[str] = set()
    for name, service in services(compose).items():
        mounted = secrets(service)
        used |= set(mounted.values())
        for path, source in mounted.items():
            if source not in compose["secrets"]:
                yield f"{name}: there is no secret {source}"
            if name not in ONLY.get(source, {name}):
                yield f"{name} is given {source}"
            told = {*map(str, environment(service).values()), *service.get("command", [])}
            if name not in SERVERS and path not in told:
                yield f"{name} is given {source} and not told of it"
        for variable, value in environment(service).items():
            text = str(value)
            if variable.endswith("_FILE"):
                if text.startswith("/run/secrets/") and text not in mounted:
                    yield f"{name}: {variable} is {text}, which is not mounted"
            elif _SECRET_NAME.search(variable) or re.search(r"://[^/\s]*:[^/\s]*@", text):
                yield f"{name}: {variable} holds a secret in clear"
        if name != "fetch" and any("/keys" in volume for volume in service.get("volumes", [])):
            yield f"{name} is given the keys of the providers"
    for source, where in compose["secrets"].items():
        if source not in used:
            yield f"nobody is given the secret {source}"
        if not str(where.get("file", "")).startswith("secrets/"):
            yield f"the secret {source} is no file below deploy/secrets"


def in_order(compose: Compose) -> Iterator[str]:
    """Nobody starts before what they need: tables, queues, the first key."""
    healthy, done = "service_healthy", "service_completed_successfully"
    for name, service in services(compose).items():
        for other, waits in service.get("depends_on", {}).items():
            condition = waits["condition"]
            if condition == healthy and not services(compose)[other].get("healthcheck", {}).get("test"):
                yield f"{name} waits until {other} is healthy, which nobody asks"
            if condition == done and not once(services(compose)[other]):
                yield f"{name} waits for the end of {other}, which never ends"
        wanted: dict[str, str] = {}
        if name == "migrate":
            wanted = {"postgres": healthy}
        elif name == "first-key":
            wanted = {"migrate": done}
        elif name == "web":
            wanted = {"first-key": done}
        elif name not in SERVERS:
            wanted = {"migrate": done, "rabbitmq": healthy}
        if {other: waits["condition"] for other, waits in service.get("depends_on", {}).items()} != wanted:
            yield f"{name} waits for {service.get('depends_on')} instead of {wanted}"
        if name not in SERVERS and once(service) != bool(service.get("healthcheck", {}).get("disable")):
            yield f"{name}: only what ends has no healthcheck"


def connected(compose: Compose) -> Iterator[str]:
    """All connections that all processes may open at once are fewer than PostgreSQL takes."""
    default = next(int(setting.default) for setting in KNOWN if setting.variable == "BRANDQ_THREADS")
    given = [
        environment(service).get("BRANDQ_THREADS", default) for service in ours(compose).values() if not once(service)
    ]
    most = sum(int(threads) + STORE_THREADS for threads in given if str(threads).isdecimal())
    if most > MAX_CONNECTIONS - RESERVED - 10:
        yield f"{most} connections may be open at once, and PostgreSQL takes {MAX_CONNECTIONS - RESERVED} beside 10 of people"


def faults(compose: Compose, *, consumer_timeout_s: int) -> Iterator[str]:
    """Everything that is wrong with this file."""
    for rule in (confined, pinned, kept_inside, understood_by_brandq, served, secret, in_order, connected):
        yield from rule(compose)
    yield from given_time(compose, consumer_timeout_s=consumer_timeout_s)

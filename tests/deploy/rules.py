"""What must hold between the objects that an overlay renders, and no schema sees: each rule takes them all, gives sentences.

``test_manifests`` runs the rules over every overlay, and plants each kind of fault to see it found. Names and numbers that
the code knows (queues, settings, time limits, connections) are taken from the code. Where a real API server would refuse
an object that a schema lets pass, a rule stands here as well, because none is asked before the objects reach a cluster.
"""

from __future__ import annotations

import contextlib
import functools
import io
import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from brandq import cli, settings
from brandq.actors import ACTORS
from brandq.actors.broker import DELAY_PREFETCH
from brandq.actors.declare import QUEUES, declared
from brandq.actors.desk import PUBLISH_GRACE_S, STORE_THREADS
from brandq.errors import BadSettings
from brandq.providers import registry
from brandq.running import STOP_SLACK_S, WEB_GRACE_S

Object = dict[str, Any]
Objects = list[Object]
Rule = Callable[[Objects], Iterator[str]]

#: seconds that a pod keeps between the end of its own grace and the moment when it is killed
SPARE_S = 20
#: milliseconds; RabbitMQ's own, where nobody says another
CONSUMER_TIMEOUT_MS = 1_800_000
#: connections of Postgres for its superuser, and for people and their tools
RESERVED_CONNECTIONS = 3 + 10
NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"
#: (group and version, kind): what the API server stopped to serve before the oldest version that we support
REMOVED = {
    ("extensions/v1beta1", "Ingress"),
    ("networking.k8s.io/v1beta1", "Ingress"),
    ("policy/v1beta1", "PodDisruptionBudget"),
    ("policy/v1beta1", "PodSecurityPolicy"),
    ("batch/v1beta1", "CronJob"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"),
    ("external-secrets.io/v1beta1", "ExternalSecret"),
}
#: who may mount which Secret, by component; what is not here may be mounted by nobody of brandq's
MOUNTED_BY = {
    "brandq-web": {"web", "clock"},
    "brandq-worker": {"fetch", "analyze", "report", "notify", "upkeep"},
    "brandq-migrate": {"migrate"},
    "brandq-first-key": {"migrate"},
    "brandq-providers": {"fetch"},
    "brandq-engines": {"web"},
    "brandq-webhook": {"notify", "report"},
    "brandq-rabbitmq-tls": {"web", "clock", "fetch", "analyze", "report", "notify", "upkeep"},
    "brandq-postgres-ca": {"web", "clock", "fetch", "analyze", "report", "notify", "upkeep", "migrate"},
}


# -- reading the objects


@dataclass
class Pod:
    """A pod as some object makes it. ``spec`` is empty for those that an operator makes."""

    owner: str
    labels: Mapping[str, str]
    spec: Object = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    services: Sequence[str] = ()

    @property
    def component(self) -> str:
        return self.labels.get(COMPONENT, "")

    @property
    def ours(self) -> bool:
        return self.labels.get(NAME) == "brandq"

    def containers(self, *, all: bool = False) -> list[Object]:
        first: list[Object] = self.spec.get("initContainers", []) if all else []
        return [*first, *self.spec.get("containers", [])]


def title(one: Object) -> str:
    return f"{one['kind']} {one['metadata']['name']}"


def of_kind(objects: Objects, *kinds: str) -> Iterator[Object]:
    return (one for one in objects if one["kind"] in kinds)


def workloads(objects: Objects) -> Iterator[Object]:
    return of_kind(objects, "Deployment", "StatefulSet", "Job")


def pods(objects: Objects) -> list[Pod]:
    """One of each kind that there will be: of our workloads, and of the operators'."""
    found = []
    for one in workloads(objects):
        template = one["spec"]["template"]
        labels = template.get("metadata", {}).get("labels", {})
        ports = {
            port["name"]: port["containerPort"]
            for container in template["spec"].get("containers", [])
            for port in container.get("ports", [])
        }
        services = [
            service["metadata"]["name"]
            for service in of_kind(objects, "Service")
            if _within(service["spec"].get("selector", {}), labels)
        ]
        found.append(Pod(title(one), labels, template["spec"], ports, services))
    for one in of_kind(objects, "RabbitmqCluster"):
        name = one["metadata"]["name"]
        template = one["spec"].get("override", {}).get("statefulSet", {}).get("spec", {}).get("template", {})
        labels = {NAME: name, COMPONENT: "rabbitmq", **template.get("metadata", {}).get("labels", {})}
        found.append(Pod(title(one), labels, {}, _ports_of_rabbitmq(one), [name]))
    for one in of_kind(objects, "Cluster"):
        name = one["metadata"]["name"]
        labels = {"cnpg.io/cluster": name, **one["spec"].get("inheritedMetadata", {}).get("labels", {})}
        ports = {"postgresql": 5432, "metrics": 9187, "status": 8000}
        found.append(Pod(title(one), labels, {}, ports, [f"{name}-rw", f"{name}-ro", f"{name}-r"]))
    return found


def _ports_of_rabbitmq(cluster: Object) -> dict[str, int]:
    plain = {"amqp": 5672, "management": 15672, "prometheus": 15692}
    tls = {"amqps": 5671, "management-tls": 15671, "prometheus-tls": 15691}
    if "tls" not in cluster["spec"]:
        return plain
    return tls if cluster["spec"]["tls"].get("disableNonTLSListeners") else plain | tls


def _within(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes a pod; an empty one takes every pod."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for wish in selector.get("matchExpressions", []):
        value, values = labels.get(wish["key"]), wish.get("values", [])
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[wish["operator"]]
        if not holds:
            return False
    return True


def secret_keys(objects: Objects) -> dict[str, set[str] | None]:
    """Every Secret that there will be, with its keys; None where these are not known here."""
    found: dict[str, set[str] | None] = {}
    for one in objects:
        name, spec = one["metadata"]["name"], one.get("spec", {})
        if one["kind"] == "Secret":
            found[name] = {*one.get("data", {}), *one.get("stringData", {})}
        elif one["kind"] == "ExternalSecret":
            template = spec["target"].get("template", {})
            keys = {*template.get("data", {})} or {each["secretKey"] for each in spec.get("data", [])}
            found[spec["target"].get("name", name)] = keys or None
        elif one["kind"] == "Certificate":
            found[spec["secretName"]] = {"ca.crt", "tls.crt", "tls.key"}
        elif one["kind"] == "Cluster":
            found[f"{name}-ca"] = {"ca.crt", "ca.key"}
        elif one["kind"] == "Ingress" and "cert-manager.io/cluster-issuer" in one["metadata"].get("annotations", {}):
            found |= {each["secretName"]: {"tls.crt", "tls.key"} for each in spec.get("tls", [])}
    return found


def texts_of(objects: Objects, secret: str) -> dict[str, str]:
    """The texts of a Secret, or the templates of them."""
    for one in objects:
        if one["kind"] == "Secret" and one["metadata"]["name"] == secret:
            return dict(one.get("stringData", {}))
        if one["kind"] == "ExternalSecret" and one["spec"]["target"].get("name") == secret:
            return dict(one["spec"]["target"].get("template", {}).get("data", {}))
    return {}


def _sources(volume: Object) -> Iterator[tuple[str, str, set[str], dict[str, str], bool]]:
    """What a volume shows: ConfigMap or Secret, its name, the wanted keys, which key is which file, whether optional."""
    for source in (volume, *volume.get("projected", {}).get("sources", [])):
        for kind, part in (("Secret", source.get("secret")), ("ConfigMap", source.get("configMap"))):
            if part:
                name = part.get("secretName") or part.get("name")
                items = {item["path"]: item["key"] for item in part.get("items", [])}
                yield kind, name, set(items.values()), items, part.get("optional", False)


def files(objects: Objects, pod: Pod, container: Object) -> dict[str, tuple[str, str] | None]:
    """Every file that a container finds under its mounted Secrets: Secret and key by path."""
    volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", [])}
    found: dict[str, tuple[str, str] | None] = {}
    for mount in container.get("volumeMounts", []):
        for kind, name, _, items, _optional in _sources(volumes.get(mount["name"], {})):
            keys = secret_keys(objects).get(name) if kind == "Secret" else set()
            for path, key in (items or {key: key for key in keys or ()}).items():
                found[f"{mount['mountPath']}/{path}"] = (name, key)
            if keys is None:
                found[f"{mount['mountPath']}/*"] = None
    return found


def environment(objects: Objects, container: Object) -> dict[str, str]:
    """What a container finds in its environment, as far as it stands in the objects."""
    maps = {one["metadata"]["name"]: one.get("data", {}) for one in of_kind(objects, "ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps.get(source.get("configMapRef", {}).get("name"), {})
    return found | {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}


def quantity(text: object) -> Decimal:
    """A quantity such as 250m or 1Gi as a number. ValueError where it is none."""
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)(m|k|[KMGTPE]i|[MGTPE])?", str(text))
    if parts is None:
        raise ValueError(f"{text!r} is no quantity")
    factors = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000)}
    for power, letter in enumerate("KMGTPE", 1):
        factors |= {f"{letter}i": Decimal(1024) ** power, letter: Decimal(1000) ** power}
    return Decimal(parts[1]) * factors[parts[2] or ""]


# -- the nine that no tool sees


def port_names(objects: Objects) -> Iterator[str]:
    """1. A port that a probe, a Service, an Ingress or a PodMonitor names is one of a container."""
    everybody = pods(objects)
    for pod in everybody:
        for container in pod.containers():
            names = {port["name"] for port in container.get("ports", [])}
            numbers = {port["containerPort"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                for how in ("httpGet", "tcpSocket", "grpc"):
                    port = container.get(probe, {}).get(how, {}).get("port")
                    if port is not None and port not in names | numbers:
                        yield f"{pod.owner}: {probe} asks port {port!r}, which container {container['name']} does not have"
    for service in of_kind(objects, "Service"):
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            for pod in everybody:
                if _within(service["spec"].get("selector", {}), pod.labels) and target not in {
                    *pod.ports,
                    *pod.ports.values(),
                }:
                    yield f"{title(service)}: leads to port {target!r}, which {pod.owner} does not have"
    for ingress in of_kind(objects, "Ingress"):
        ports = {
            (one["metadata"]["name"], port.get("name"))
            for one in of_kind(objects, "Service")
            for port in one["spec"]["ports"]
        }
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                if (service["name"], service["port"].get("name")) not in ports:
                    yield f"{title(ingress)}: leads to {service['name']}:{service['port']}, which no Service has"
    for monitor in of_kind(objects, "PodMonitor"):
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            for pod in everybody:
                if selects(monitor["spec"]["selector"], pod.labels) and pod.ports and endpoint["port"] not in pod.ports:
                    yield f"{title(monitor)}: scrapes port {endpoint['port']!r}, which {pod.owner} does not have"


def references(objects: Objects) -> Iterator[str]:
    """2. A ConfigMap or Secret that is named is there, or will be made, and has the keys that are wanted of it."""
    keys: dict[tuple[str, str], set[str] | None] = {
        ("Secret", name): known for name, known in secret_keys(objects).items()
    }
    keys |= {("ConfigMap", one["metadata"]["name"]): {*one.get("data", {})} for one in of_kind(objects, "ConfigMap")}

    def wanted() -> Iterator[tuple[str, str, str, set[str]]]:
        for pod in pods(objects):
            for volume in pod.spec.get("volumes", []):
                for kind, name, want, _, optional in _sources(volume):
                    if not optional:
                        yield pod.owner, kind, name, want
            for container in pod.containers(all=True):
                for source in container.get("envFrom", []):
                    for kind in ("configMap", "secret"):
                        if f"{kind}Ref" in source:
                            yield pod.owner, kind[0].upper() + kind[1:], source[f"{kind}Ref"]["name"], set()
                for each in container.get("env", []):
                    for kind in ("configMap", "secret"):
                        part = each.get("valueFrom", {}).get(f"{kind}KeyRef")
                        if part:
                            yield pod.owner, kind[0].upper() + kind[1:], part["name"], {part["key"]}
        for one in objects:
            spec = one.get("spec", {})
            if one["kind"] == "TriggerAuthentication":
                for part in spec["secretTargetRef"]:
                    yield title(one), "Secret", part["name"], {part["key"]}
            elif one["kind"] == "User":
                yield title(one), "Secret", spec["importCredentialsSecret"]["name"], {"username", "password"}
            elif one["kind"] == "RabbitmqCluster" and "tls" in spec:
                yield title(one), "Secret", spec["tls"]["secretName"], {"tls.crt", "tls.key"}
            elif one["kind"] == "Cluster":
                start = spec["bootstrap"]["initdb"]
                yield title(one), "Secret", start["secret"]["name"], {"username", "password"}
                for part in start.get("postInitApplicationSQLRefs", {}).get("configMapRefs", []):
                    yield title(one), "ConfigMap", part["name"], {part["key"]}
                for role in spec.get("managed", {}).get("roles", []):
                    yield title(one), "Secret", role["passwordSecret"]["name"], {"username", "password"}
            elif one["kind"] == "PodMonitor":
                for endpoint in spec["podMetricsEndpoints"]:
                    part = endpoint.get("tlsConfig", {}).get("ca", {}).get("secret")
                    if part:
                        yield title(one), "Secret", part["name"], {part["key"]}
            elif one["kind"] == "Issuer" and "ca" in spec:
                yield title(one), "Secret", spec["ca"]["secretName"], {"tls.crt", "tls.key"}
            elif one["kind"] == "Ingress":
                for part in spec.get("tls", []):
                    yield title(one), "Secret", part["secretName"], set()

    for owner, kind, name, want in wanted():
        if (kind, name) not in keys:
            yield f"{owner}: wants {kind} {name}, which nobody makes"
        elif (known := keys[kind, name]) is not None and not want <= known:
            yield f"{owner}: wants {', '.join(sorted(want - known))} of {kind} {name}, which has {', '.join(sorted(known))}"


def objects_named(objects: Objects) -> Iterator[str]:
    """2b. Another object that is named by one for an operator is there: broker, user, issuer, authentication."""
    there = {(one["kind"], one["metadata"]["name"]) for one in objects}
    for one in objects:
        spec = one.get("spec", {})
        named = [("RabbitmqCluster", spec.get("rabbitmqClusterReference", {}).get("name"))]
        named += [("User", spec.get("userReference", {}).get("name"))] if one["kind"] == "Permission" else []
        named += [("Issuer", spec["issuerRef"]["name"])] if one["kind"] == "Certificate" else []
        named += [
            ("TriggerAuthentication", trigger.get("authenticationRef", {}).get("name"))
            for trigger in (spec.get("triggers", []) if one["kind"] == "ScaledObject" else [])
        ]
        for kind, name in named:
            if name is not None and (kind, name) not in there:
                yield f"{title(one)}: names {kind} {name}, which is not there"


def service_accounts(objects: Objects) -> Iterator[str]:
    """3. A pod's ServiceAccount is there; nobody of ours runs as the namespace's default."""
    there = {one["metadata"]["name"] for one in of_kind(objects, "ServiceAccount")}
    for pod in pods(objects):
        name = pod.spec.get("serviceAccountName")
        if name is not None and name not in there:
            yield f"{pod.owner}: runs as ServiceAccount {name}, which is not there"
        elif pod.ours and name is None:
            yield f"{pod.owner}: runs as the namespace's default ServiceAccount"


def selectors(objects: Objects) -> Iterator[str]:
    """4. What selects pods selects at least one kind of them."""
    everybody = pods(objects)

    def wanted() -> Iterator[tuple[str, Object]]:
        for one in objects:
            spec = one.get("spec", {})
            if one["kind"] == "Service" and spec.get("selector"):
                yield title(one), {"matchLabels": spec["selector"]}
            elif one["kind"] in ("PodDisruptionBudget", "PodMonitor"):
                yield title(one), spec["selector"]
            elif one["kind"] == "NetworkPolicy":
                yield title(one), spec["podSelector"]
                for peer in _peers(spec):
                    if "podSelector" in peer and "namespaceSelector" not in peer:
                        yield title(one), peer["podSelector"]
        for pod in everybody:
            for spread in pod.spec.get("topologySpreadConstraints", []):
                yield pod.owner, spread["labelSelector"]

    for owner, selector in wanted():
        if not any(selects(selector, pod.labels) for pod in everybody):
            yield f"{owner}: selects no pod by {selector}"
    budgets = Counter(
        pod.owner
        for one in of_kind(objects, "PodDisruptionBudget")
        for pod in everybody
        if selects(one["spec"]["selector"], pod.labels)
    )
    for owner, count in budgets.items():
        if count > 1:
            yield f"{owner}: has {count} PodDisruptionBudgets, and then none of its pods can be evicted"


def _peers(spec: Object) -> Iterator[Object]:
    for rule in (*spec.get("ingress", []), *spec.get("egress", [])):
        yield from (*rule.get("from", []), *rule.get("to", []))


def scale_targets(objects: Objects) -> Iterator[str]:
    """5. What is scaled is there, says no number itself, and is scaled by one."""
    deployments = {one["metadata"]["name"]: one for one in of_kind(objects, "Deployment")}
    scaled: Counter[str] = Counter()
    for one in of_kind(objects, "ScaledObject", "HorizontalPodAutoscaler"):
        name = one["spec"]["scaleTargetRef"]["name"]
        scaled[name] += 1
        if name not in deployments:
            yield f"{title(one)}: scales Deployment {name}, which is not there"
        elif "replicas" in deployments[name]["spec"]:
            yield f"{title(one)}: scales {title(deployments[name])}, which says replicas itself"
        least, most = _range(one)
        if not 1 <= least <= most:
            yield f"{title(one)}: scales from {least} to {most}; at least one must live, to move on what was put off"
    yield from (f"Deployment {name}: is scaled by {count}" for name, count in scaled.items() if count > 1)


def _range(scaler: Object) -> tuple[int, int]:
    spec = scaler["spec"]
    if scaler["kind"] == "HorizontalPodAutoscaler":
        return spec.get("minReplicas", 1), spec["maxReplicas"]
    return spec.get("minReplicaCount", 0), spec.get("maxReplicaCount", 100)


#: those of KEDA's RabbitMQ trigger; all but the first by the protocol http alone
KEDA_MODES = (
    "QueueLength",
    "MessageRate",
    "DeliverGetRate",
    "PublishedToDeliveredRatio",
    "ExpectedQueueConsumptionTime",
)


def keda_triggers(objects: Objects) -> Iterator[str]:
    """6. A trigger's metadata, which the API server takes as it comes, is what KEDA understands."""
    for one in of_kind(objects, "ScaledObject"):
        for trigger in one["spec"]["triggers"]:
            metadata = trigger["metadata"]
            where = f"{title(one)}: the trigger of {metadata.get('queueName')}"
            if trigger["type"] != "rabbitmq":
                yield f"{where} is of type {trigger['type']}, not rabbitmq"
            if metadata.get("mode") not in KEDA_MODES:
                yield f"{where} has mode {metadata.get('mode')!r}, which is none of {', '.join(KEDA_MODES)}"
            if metadata.get("protocol") != "http":
                yield f"{where} does not say protocol http, by which alone messages in work are counted"
            if urlsplit(metadata.get("host", "")).scheme not in ("http", "https"):
                yield f"{where} asks {metadata.get('host')!r}, which is no address of the management API"
            if metadata.get("vhostName") != "brandq":
                yield f"{where} looks into the virtual host {metadata.get('vhostName')!r}"
            for name, value in metadata.items():
                if not isinstance(value, str):
                    yield f"{where} has {name}: {value!r}, which is no string"
            if not re.fullmatch(r"[1-9]\d*", str(metadata.get("value", ""))):
                yield f"{where} has value {metadata.get('value')!r}, which is no number of messages"
        if "fallback" not in one["spec"]:
            yield f"{title(one)}: has no fallback, so it shrinks to its least when RabbitMQ does not answer KEDA"


def queues(objects: Objects) -> Iterator[str]:
    """7. Every queue that is named is one of the code's, and each of these has workers, alone."""
    everywhere = {f"{queue}{suffix}" for queue in QUEUES for suffix in ("", ".DQ", ".XQ")}
    served: Counter[str] = Counter()
    for pod in pods(objects):
        for container in pod.containers():
            arguments = container.get("args", [])
            if arguments[:1] == ["work"]:
                named = arguments[arguments.index("--queues") + 1] if "--queues" in arguments else ",".join(QUEUES)
                for queue in named.split(","):
                    served[f"brandq.{queue.removeprefix('brandq.')}"] += 1
    yield from (f"a worker serves {queue}, which the code does not have" for queue in served if queue not in QUEUES)
    yield from (f"nobody serves {queue}" for queue in QUEUES if queue not in served)
    yield from (f"{queue} is served by {count} Deployments" for queue, count in served.items() if count > 1)
    for one in of_kind(objects, "ScaledObject"):
        triggers = {trigger["metadata"].get("queueName"): trigger["metadata"] for trigger in one["spec"]["triggers"]}
        own = f"brandq.{one['spec']['scaleTargetRef']['name'].removeprefix('brandq-')}"
        if set(triggers) != {own, f"{own}.DQ"}:
            yield f"{title(one)}: counts {', '.join(map(str, triggers))} instead of {own} and {own}.DQ"
            continue
        threads = _threads(objects, own.removeprefix("brandq."))
        for queue, value in ((own, threads), (f"{own}.DQ", DELAY_PREFETCH)):
            if triggers[queue].get("value") != str(value):
                yield f"{title(one)}: {queue} has value {triggers[queue].get('value')}; one pod takes {value}"
    for one in objects:
        for named in sorted(_queues_in(one)):
            if named not in everywhere:
                yield f"{title(one)}: names the queue {named}, which the code does not have"
    for one in of_kind(objects, "Policy"):
        if not any(re.search(one["spec"]["pattern"], queue) for queue in everywhere):
            yield f"{title(one)}: its pattern {one['spec']['pattern']} is of no queue"
    made = {one["spec"]["name"] for one in of_kind(objects, "Queue")}
    if made and made != everywhere:
        yield f"the broker gets other queues than the code has: {', '.join(sorted(made ^ everywhere))}"


def _queues_in(one: Object) -> set[str]:
    if one["kind"] != "PrometheusRule":
        return set()
    texts = [rule["expr"] for group in one["spec"]["groups"] for rule in group["rules"]]
    return {
        f"brandq.{each}"
        for text in texts
        for label in re.findall(r'queue=~?"([^"]+)"', str(text))
        for each in re.findall(r"brandq\\*\.(\w+(?:\\*\.[DX]Q)?)", label)
    }


def _threads(objects: Objects, component: str) -> int:
    default = next(known.default for known in settings.KNOWN if known.variable == "BRANDQ_THREADS")
    for pod in pods(objects):
        if pod.ours and pod.component == component:
            return int(environment(objects, pod.containers()[0]).get("BRANDQ_THREADS", default))
    return int(default)


def grace_chain(objects: Objects) -> Iterator[str]:
    """8. Time limit <= grace of the process <= grace of the pod - 20 s < consumer_timeout; web has time for its sleep."""
    limits = {declared(fn).queue_name: declared(fn).options["time_limit"] / 1000 for fn in ACTORS}
    default = next(known.default for known in settings.KNOWN if known.variable == "BRANDQ_GRACE_SECONDS")
    timeout_s = _consumer_timeout_ms(objects) / 1000
    for pod in pods(objects):
        if not pod.ours or not pod.containers():
            continue
        container = pod.containers()[0]
        killed = pod.spec.get("terminationGracePeriodSeconds", 30)
        sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if container.get("args", [])[:1] == ["web"]:
            needed = sleep + WEB_GRACE_S + PUBLISH_GRACE_S + SPARE_S
            if not sleep:
                yield f"{pod.owner}: stops at once, while requests still come: it has no preStop sleep"
            if killed < needed:
                yield f"{pod.owner}: is killed after {killed} s, and may need {needed:g} s"
            continue
        if pod.component not in {queue.removeprefix("brandq.") for queue in limits}:
            continue
        limit = limits[f"brandq.{pod.component}"]
        ends = int(environment(objects, container).get("BRANDQ_GRACE_SECONDS", default)) + STOP_SLACK_S
        if limit > ends:
            yield f"{pod.owner}: an actor may take {limit:g} s, and the worker ends after {ends} s"
        if ends > killed - SPARE_S:
            yield f"{pod.owner}: the worker ends after {ends} s, and is killed after {killed} s; {SPARE_S} s to spare are wanted"
        if killed >= timeout_s:
            yield f"{pod.owner}: is killed after {killed} s, and RabbitMQ takes its messages away after {timeout_s:g} s"


def _consumer_timeout_ms(objects: Objects) -> int:
    for one in of_kind(objects, "RabbitmqCluster"):
        given = re.search(
            r"^consumer_timeout *= *(\d+)", one["spec"].get("rabbitmq", {}).get("additionalConfig", ""), re.MULTILINE
        )
        if given:
            return int(given[1])
    return CONSUMER_TIMEOUT_MS


_URL = re.compile(r"(amqps?|postgresql)://[^@\s]+@([\w.-]+?):(\d+)/")
#: what an ExternalSecret's template puts into a text
_PUT_IN = re.compile(r"\{\{.*?\}\}")


def network(objects: Objects) -> Iterator[str]:
    """9. Where a pod's addresses lead, the policies let it, on both sides; and the Internet only those who need it."""
    everybody = pods(objects)
    for pod in everybody:
        secrets = {
            name for volume in pod.spec.get("volumes", []) for kind, name, *_ in _sources(volume) if kind == "Secret"
        }
        for secret in sorted(secrets) if pod.ours else ():
            texts = _PUT_IN.sub("password", "\n".join(texts_of(objects, secret).values()))
            for scheme, host, port in _URL.findall(texts):
                servers = [server for server in everybody if host.split(".")[0] in server.services]
                if not servers:
                    yield f"{pod.owner}: {secret} has {scheme}://{host}, which no Service is called"
                for server in servers:
                    if int(port) not in server.ports.values():
                        yield f"{pod.owner}: {secret} has {scheme}://{host}:{port}, a port that {server.owner} does not have"
                    if not _let(objects, "egress", pod.labels, server.labels, int(port)):
                        yield f"{pod.owner}: no NetworkPolicy lets it out to {host}:{port}"
                    if not _let(objects, "ingress", server.labels, pod.labels, int(port)):
                        yield f"{server.owner}: no NetworkPolicy lets {pod.owner} in on {port}"
        out = [
            rule
            for policy in _policies(objects, "Egress", pod.labels)
            for rule in policy["spec"].get("egress", [])
            if any("ipBlock" in peer and _wide(peer["ipBlock"]["cidr"]) for peer in rule.get("to", [{}]))
            or not rule.get("to")
        ]
        if pod.ours and out and pod.component not in ("fetch", "notify"):
            yield f"{pod.owner}: may reach the Internet, and has nothing to seek there"
        for rule in out if pod.ours else ():
            if {port["port"] for port in rule.get("ports", [])} != {443}:
                yield f"{pod.owner}: may reach the Internet on other ports than 443"
            for peer in rule.get("to", []):
                yield from (f"{pod.owner}: {each}" for each in _inside(peer.get("ipBlock", {})))
    for one in of_kind(objects, "ScaledObject"):
        for trigger in one["spec"]["triggers"]:
            address = urlsplit(trigger["metadata"].get("host", ""))
            for server in everybody:
                if (address.hostname or "").split(".")[0] in server.services and not _lets_namespace(
                    objects, server.labels, "keda", address.port
                ):
                    yield f"{title(one)}: no NetworkPolicy lets KEDA in to {server.owner} on {address.port}"
    for monitor in of_kind(objects, "PodMonitor"):
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            for pod in everybody:
                port = pod.ports.get(endpoint["port"])
                scraped = selects(monitor["spec"]["selector"], pod.labels) and port
                if scraped and not _lets_namespace(objects, pod.labels, "monitoring", port):
                    yield f"{title(monitor)}: no NetworkPolicy lets the monitoring in to {pod.owner} on {port}"
    if not any(
        one["spec"]["podSelector"] == {}
        and not one["spec"].get("ingress")
        and not one["spec"].get("egress")
        and set(one["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        for one in of_kind(objects, "NetworkPolicy")
    ):
        yield "no NetworkPolicy forbids everything that no other allows"


def _policies(objects: Objects, kind: str, labels: Mapping[str, str]) -> Iterator[Object]:
    for policy in of_kind(objects, "NetworkPolicy"):
        if kind in policy["spec"].get("policyTypes", ["Ingress"]) and selects(policy["spec"]["podSelector"], labels):
            yield policy


def _let(objects: Objects, way: str, own: Mapping[str, str], other: Mapping[str, str], port: int) -> bool:
    for policy in _policies(objects, way.capitalize(), own):
        for rule in policy["spec"].get(way, []):
            peers = rule.get("to" if way == "egress" else "from")
            ports = {each["port"] for each in rule.get("ports", [])}
            if (not ports or port in ports) and (
                not peers
                or any(
                    "namespaceSelector" not in peer and "podSelector" in peer and selects(peer["podSelector"], other)
                    for peer in peers
                )
            ):
                return True
    return False


def _lets_namespace(objects: Objects, labels: Mapping[str, str], namespace: str, port: int | None) -> bool:
    return any(
        port in {each["port"] for each in rule.get("ports", [])}
        and any(
            "namespaceSelector" in peer
            and selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": namespace})
            for peer in rule.get("from", [])
        )
        for policy in _policies(objects, "Ingress", labels)
        for rule in policy["spec"].get("ingress", [])
    )


def _wide(cidr: str) -> bool:
    try:
        return ipaddress.ip_network(cidr).prefixlen < 8
    except ValueError:
        return False


#: an address of each network that is nobody's Internet: ours, the cloud's own, this machine
_OWN = ("10.1.2.3", "172.20.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0")
_OWN_V6 = ("::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1", "ff02::1")


def _inside(block: Object) -> Iterator[str]:
    try:
        whole = ipaddress.ip_network(block["cidr"])
        left_out = [ipaddress.ip_network(each) for each in block.get("except", [])]
    except (KeyError, ValueError):
        return
    for text in _OWN if whole.version == 4 else _OWN_V6:
        address = ipaddress.ip_address(text)
        if address in whole and not any(address in each for each in left_out):
            yield f"may reach {text}, which is no address of the Internet"


# -- more of our own


def settings_known(objects: Objects) -> Iterator[str]:
    """Every variable is one of brandq's settings, or a provider's; every file that one names is mounted; they fit."""
    known = {each.variable for each in settings.KNOWN}
    keys = set(registry.key_names(registry.load(None)))
    for pod in pods(objects):
        for container in pod.containers(all=True) if pod.ours else ():
            found = environment(objects, container)
            where = f"{pod.owner}, container {container['name']}"
            there = files(objects, pod, container)
            given = {}
            for variable, value in found.items():
                base = variable.removesuffix("_FILE")
                if base not in known | keys and variable not in known:
                    yield f"{where}: {variable} is no setting of brandq, and no provider's key"
                if variable == base or variable in known:
                    given[variable] = value
                elif base in known and value not in there and f"{value.rpartition('/')[0]}/*" not in there:
                    yield f"{where}: {variable} names {value}, which is not mounted"
                elif base in known and (source := there.get(value)):
                    text = texts_of(objects, source[0]).get(source[1], "")
                    given[base] = _PUT_IN.sub("password", text)
                elif base in keys and not value.startswith("/run/brandq/providers/"):
                    yield f"{where}: {variable} names {value}, which is not where keys are mounted"
            try:
                settings.read_settings({name: value for name, value in given.items() if value})
            except BadSettings as error:
                yield f"{where}: {error}"


def arguments(objects: Objects) -> Iterator[str]:
    """The command line of every container of ours is one that brandq has."""
    for pod in pods(objects):
        for container in pod.containers(all=True) if pod.ours else ():
            commands = [container.get("args", [])]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                asked = container.get(probe, {}).get("exec", {}).get("command")
                if asked and asked[:2] != ["brandq", "probe"]:
                    yield f"{pod.owner}, container {container['name']}: {probe} runs {asked}, not brandq probe"
                elif asked:
                    commands.append(asked[1:])
            for given in commands:
                if fault := _refused(tuple(given)):
                    yield f"{pod.owner}, container {container['name']}: brandq {' '.join(given)}: {fault}"


@functools.cache
def _refused(given: tuple[str, ...]) -> str:
    """What brandq's command line says against these words; nothing where it takes them."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            cli._parser().parse_args(given)
    except SystemExit:
        return said.getvalue().strip().splitlines()[-1]
    return ""


def connections(objects: Objects) -> Iterator[str]:
    """All pods at their most, and as many that still drain, have no more connections than Postgres gives."""
    for cluster in of_kind(objects, "Cluster"):
        given = int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
        needed = RESERVED_CONNECTIONS + sum(
            # while a release goes round, each pod that goes may work on for its grace beside the one that came
            2 * most * (_threads(objects, component) + STORE_THREADS)
            for component, most in most_pods(objects).items()
        )
        if needed > given:
            yield f"{title(cluster)}: max_connections is {given}, and all pods at their most may want {needed}"
    for vhost in of_kind(objects, "Vhost"):
        # two for the queue and its delays, one that publishes, and for moments one more for each thread
        wanted = sum(2 * most * (3 + _threads(objects, component)) for component, most in most_pods(objects).items())
        if wanted > vhost["spec"]["limits"]["connections"]:
            yield f"{title(vhost)}: allows {vhost['spec']['limits']['connections']} connections; pods may want {wanted}"


def most_pods(objects: Objects) -> dict[str, int]:
    """How many pods of each component there may be."""
    scaled = {
        one["spec"]["scaleTargetRef"]["name"]: _range(one)[1]
        for one in of_kind(objects, "ScaledObject", "HorizontalPodAutoscaler")
    }
    return {
        one["metadata"]["labels"][COMPONENT]: scaled.get(one["metadata"]["name"], one["spec"].get("replicas", 1))
        for one in of_kind(objects, "Deployment")
        if one["spec"]["template"]["metadata"]["labels"].get(NAME) == "brandq"
    }


def images(objects: Objects) -> Iterator[str]:
    """An image is pinned by its digest, all of ours by the same; only where servers are plain may it be a tag."""
    plain = any(one["kind"] == "StatefulSet" for one in objects)
    ours = set()
    for pod in pods(objects):
        for container in pod.containers(all=True):
            image = container["image"]
            ours |= {image} if pod.ours else set()
            if plain and re.fullmatch(r"[\w./-]+:[\w.-]+", image) and not image.endswith(":latest"):
                continue
            if not re.search(r"@sha256:[0-9a-f]{64}$", image):
                yield f"{pod.owner}: the image {image} is not pinned by a digest of 64 digits"
    if len(ours) > 1:
        yield f"brandq runs from several images: {', '.join(sorted(ours))}"


def every_container(objects: Objects) -> Iterator[str]:
    """Every container asks for what it needs, has a bound of memory, is probed, and may do nothing beyond its work."""
    for pod in pods(objects):
        if not pod.spec:
            continue
        for container in pod.containers(all=True):
            where = f"{pod.owner}, container {container['name']}"
            resources = container.get("resources", {})
            for part, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
                if name not in resources.get(part, {}):
                    yield f"{where}: has no {part}.{name}"
            context = container.get("securityContext", {})
            if context.get("allowPrivilegeEscalation") is not False or not context.get("readOnlyRootFilesystem"):
                yield f"{where}: may gain privileges, or write to its image"
            if context.get("capabilities", {}).get("drop") != ["ALL"] or context.get("capabilities", {}).get("add"):
                yield f"{where}: keeps capabilities"
            if pod.ours and "/tmp" not in {mount["mountPath"] for mount in container.get("volumeMounts", [])}:
                yield f"{where}: can write nowhere, and needs /tmp"
        context = pod.spec.get("securityContext", {})
        if not context.get("runAsNonRoot") or context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{pod.owner}: may run as root, or without a seccomp profile"
        if pod.ours and (context.get("runAsUser"), context.get("runAsGroup"), context.get("fsGroup")) != (10001,) * 3:
            yield f"{pod.owner}: does not run as 10001, the user of the image"
        if pod.spec.get("automountServiceAccountToken") is not False or pod.spec.get("enableServiceLinks") is not False:
            yield f"{pod.owner}: is given a token of the API server, or the addresses of all Services"
        for container in pod.containers() if pod.component != "migrate" else ():
            for probe in ("readinessProbe", "livenessProbe", *(["startupProbe"] if pod.ours else [])):
                if probe not in container:
                    yield f"{pod.owner}, container {container['name']}: has no {probe}"
            alive = container.get("livenessProbe", {})
            if pod.ours and alive.get("exec", {}).get("command") != ["brandq", "probe"]:
                yield f"{pod.owner}: its liveness must be local: brandq probe, which asks no other server"
        waits = pod.spec.get("initContainers", [{}])[0].get("args", [])[:2] == ["migrate", "--wait"]
        if pod.ours and pod.component != "migrate" and not waits:
            yield f"{pod.owner}: does not wait for the migration"
        for volume in pod.spec.get("volumes", []) if pod.ours else ():
            if "sizeLimit" not in volume.get("emptyDir", {"sizeLimit": None}):
                yield f"{pod.owner}: its volume {volume['name']} may fill the node's disk"


def least_secrets(objects: Objects) -> Iterator[str]:
    """A Secret is mounted by those alone who need it, as files, never put into the environment."""
    for pod in pods(objects):
        for volume in pod.spec.get("volumes", []) if pod.ours else ():
            for kind, name, *_ in _sources(volume):
                if kind == "Secret" and pod.component not in MOUNTED_BY.get(name, ()):
                    yield f"{pod.owner}: mounts Secret {name}, which is not its business"
        for container in pod.containers(all=True) if pod.ours else ():
            names = [each["name"] for each in container.get("env", []) if "secretKeyRef" in each.get("valueFrom", {})]
            if names or any("secretRef" in source for source in container.get("envFrom", [])):
                yield f"{pod.owner}, container {container['name']}: has a Secret in its environment"
            secret = {known.variable for known in settings.KNOWN if known.secret}
            for variable in environment(objects, container):
                if variable in secret or variable.endswith("_API_KEY"):
                    yield f"{pod.owner}, container {container['name']}: {variable} stands in clear; it belongs into a file"


def one_clock(objects: Objects) -> Iterator[str]:
    """There is one clock, and never two at once."""
    clocks = [one for one in of_kind(objects, "Deployment") if one["metadata"]["name"] == "brandq-clock"]
    if len(clocks) != 1 or clocks[0]["spec"].get("replicas") != 1:
        yield "there must be one Deployment brandq-clock, of one pod"
    elif clocks[0]["spec"]["strategy"].get("type") != "Recreate":
        yield "Deployment brandq-clock: two clocks at once while it is replaced; its strategy must be Recreate"


def namespaces(objects: Objects) -> Iterator[str]:
    """All stands in one namespace, which enforces the restricted standard."""
    made = list(of_kind(objects, "Namespace"))
    if len(made) != 1:
        yield "there must be one Namespace"
        return
    if made[0]["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
        yield f"{title(made[0])}: does not enforce the restricted standard"
    for one in objects:
        given = one["metadata"].get("namespace")
        if one["kind"] not in ("Namespace", "Secret") and given != made[0]["metadata"]["name"]:
            yield f"{title(one)}: stands in namespace {given}"


def spread(objects: Objects) -> Iterator[str]:
    """Pods of one kind are spread over nodes and zones, and a drain takes one of them at a time."""
    everybody = [pod for pod in pods(objects) if pod.ours and pod.component != "migrate"]
    for pod in everybody:
        keys = {each["topologyKey"] for each in pod.spec.get("topologySpreadConstraints", [])}
        if keys != {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}:
            yield f"{pod.owner}: is not spread over nodes and zones"
        if not any(selects(one["spec"]["selector"], pod.labels) for one in of_kind(objects, "PodDisruptionBudget")):
            yield f"{pod.owner}: has no PodDisruptionBudget"
    for one in of_kind(objects, "PodDisruptionBudget"):
        if one["spec"].get("maxUnavailable") != 1 or "minAvailable" in one["spec"]:
            yield f"{title(one)}: must say maxUnavailable 1; with one pod, minAvailable 1 would hold up every drain"


# -- what only an API server would refuse


def removed_kinds(objects: Objects) -> Iterator[str]:
    """No object is of a version that the API server does not serve any more."""
    for one in objects:
        if (one["apiVersion"], one["kind"]) in REMOVED:
            yield f"{title(one)}: {one['apiVersion']} is not served any more"


def own_selectors(objects: Objects) -> Iterator[str]:
    """A workload selects the pods that it makes, and no other's."""
    for one in of_kind(objects, "Deployment", "StatefulSet"):
        if not selects(one["spec"]["selector"], one["spec"]["template"]["metadata"].get("labels", {})):
            yield f"{title(one)}: its selector does not match its own pods"
        for other in pods(objects):
            if other.owner != title(one) and selects(one["spec"]["selector"], other.labels):
                yield f"{title(one)}: its selector also matches the pods of {other.owner}"


def quantities(objects: Objects) -> Iterator[str]:
    """Every amount of cpu, memory and disk is one, and no request exceeds its limit."""
    for pod in pods(objects):
        for volume in pod.spec.get("volumes", []):
            yield from _bad_quantities(pod.owner, volume.get("emptyDir", {}))
        for container in pod.containers(all=True):
            resources = container.get("resources", {})
            requests, limits = resources.get("requests", {}), resources.get("limits", {})
            faults = [*_bad_quantities(pod.owner, requests), *_bad_quantities(pod.owner, limits)]
            yield from faults
            for name in requests.keys() & limits.keys() if not faults else ():
                if quantity(requests[name]) > quantity(limits[name]):
                    yield f"{pod.owner}, container {container['name']}: requests more {name} than its limit"


def _bad_quantities(owner: str, amounts: Object) -> Iterator[str]:
    for name, text in amounts.items():
        if name in ("cpu", "memory", "sizeLimit", "ephemeral-storage"):
            try:
                quantity(text)
            except ValueError as error:
                yield f"{owner}: {name}: {error}"


def no_duplicates(objects: Objects) -> Iterator[str]:
    """Nothing stands twice: objects, variables, ports, mounts, volumes, containers."""
    for (kind, name), count in Counter((one["kind"], one["metadata"]["name"]) for one in objects).items():
        if count > 1:
            yield f"{kind} {name}: stands there {count} times"
    for pod in pods(objects):
        lists = [("volume", [each["name"] for each in pod.spec.get("volumes", [])])]
        lists.append(("container", [each["name"] for each in pod.containers(all=True)]))
        for container in pod.containers(all=True):
            lists.append(("variable", [each["name"] for each in container.get("env", [])]))
            lists.append(("port", [each["name"] for each in container.get("ports", [])]))
            lists.append(("mount", [each["mountPath"] for each in container.get("volumeMounts", [])]))
        for what, names in lists:
            yield from (f"{pod.owner}: {what} {name} stands there twice" for name, n in Counter(names).items() if n > 1)


def volumes(objects: Objects) -> Iterator[str]:
    """What a container mounts, its pod has; and each volume of a pod is mounted."""
    claims = {
        title(one): {each["metadata"]["name"] for each in one["spec"].get("volumeClaimTemplates", [])}
        for one in workloads(objects)
    }
    for pod in pods(objects):
        there = {volume["name"] for volume in pod.spec.get("volumes", [])} | claims.get(pod.owner, set())
        mounted = {mount["name"] for each in pod.containers(all=True) for mount in each.get("volumeMounts", [])}
        yield from (f"{pod.owner}: mounts {name}, which is no volume of it" for name in sorted(mounted - there))
        yield from (f"{pod.owner}: has the volume {name}, which nobody mounts" for name in sorted(there - mounted))


def cidrs(objects: Objects) -> Iterator[str]:
    """Every block of addresses is one, and what is left out of it lies in it."""
    for policy in of_kind(objects, "NetworkPolicy"):
        for peer in _peers(policy["spec"]):
            block = peer.get("ipBlock")
            if block is None:
                continue
            try:
                whole = ipaddress.ip_network(block["cidr"])
                for each in map(ipaddress.ip_network, block.get("except", [])):
                    if each.version != whole.version or each == whole or not each.subnet_of(whole):  # type: ignore[arg-type]
                        yield f"{title(policy)}: {each} is no part of {whole}"
            except ValueError as error:
                yield f"{title(policy)}: {error}"


_LABEL = re.compile(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?")
_OBJECT_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def labels_and_names(objects: Objects) -> Iterator[str]:
    """Names and labels are of the characters and the length that they may have."""
    for one in objects:
        if not _OBJECT_NAME.fullmatch(one["metadata"]["name"]):
            yield f"{title(one)}: cannot be called so"
        places = [one["metadata"].get("labels", {})]
        if isinstance(template := one.get("spec", {}).get("template"), dict):
            places.append(template.get("metadata", {}).get("labels", {}))
        for key, value in (pair for labels in places for pair in labels.items()):
            if not _LABEL_KEY.fullmatch(key) or not isinstance(value, str) or not _LABEL.fullmatch(value):
                yield f"{title(one)}: {key}={value} cannot be a label"
    for pod in pods(objects):
        for name in pod.ports:
            if len(name) > 15 or not re.fullmatch(r"[a-z0-9-]*[a-z][a-z0-9-]*", name):
                yield f"{pod.owner}: a port cannot be called {name}"


def restart_policy(objects: Objects) -> Iterator[str]:
    """A Job's pods restart never or on failure; all others always."""
    for one in workloads(objects):
        given = one["spec"]["template"]["spec"].get("restartPolicy", "Always")
        if (given == "Always") == (one["kind"] == "Job"):
            yield f"{title(one)}: cannot have restartPolicy {given}"


def handlers(objects: Objects) -> Iterator[str]:
    """A probe or a hook does one thing."""
    for pod in pods(objects):
        for container in pod.containers(all=True):
            hooks = {**container.get("lifecycle", {})}
            hooks |= {
                name: container[name]
                for name in ("startupProbe", "livenessProbe", "readinessProbe")
                if name in container
            }
            for name, hook in hooks.items():
                kinds = hook.keys() & {"exec", "httpGet", "tcpSocket", "grpc", "sleep"}
                if len(kinds) != 1:
                    yield f"{pod.owner}, container {container['name']}: {name} must do one thing, not {len(kinds)}"


RULES: tuple[Rule, ...] = (
    port_names,
    references,
    objects_named,
    service_accounts,
    selectors,
    scale_targets,
    keda_triggers,
    queues,
    grace_chain,
    network,
    settings_known,
    arguments,
    connections,
    images,
    every_container,
    least_secrets,
    one_clock,
    namespaces,
    spread,
    removed_kinds,
    own_selectors,
    quantities,
    no_duplicates,
    volumes,
    cidrs,
    labels_and_names,
    restart_policy,
    handlers,
)


def faults(objects: Objects, rules: Iterable[Rule] = RULES) -> list[str]:
    """Everything that is wrong with these objects."""
    return [sentence for rule in rules for sentence in rule(objects)]

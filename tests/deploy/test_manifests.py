"""deploy/kubernetes is looked at without a cluster: by schemas, by checkov, and by rules of our own, each of which sees its fault."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from brandq import settings
from brandq.providers import registry
from tests.deploy import custom_resources, rendering, rules, tools
from tests.deploy.rendering import (
    DEPLOY,
    KUBERNETES,
    OLDEST,
    OVERLAYS,
    checkov,
    custom_faults,
    newest,
    objects,
    validated,
)
from tests.deploy.rules import Object, Objects


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _written(tmp_path: Path, found: Objects | str) -> Path:
    path = tmp_path / "rendered.yaml"
    path.write_text(found if isinstance(found, str) else yaml.dump_all(found), encoding="utf-8")
    return path


# -- every overlay


@pytest.mark.parametrize("rule", rules.RULES, ids=[rule.__name__ for rule in rules.RULES])
def test_an_overlay_keeps_the_rule(overlay: str, rule: rules.Rule) -> None:
    """Given an overlay as kustomize renders it, when a rule looks at its objects, then it finds no fault."""
    assert list(rule(objects(overlay))) == []


@pytest.mark.parametrize("version", ["oldest", "newest"])
def test_an_overlay_is_what_kubernetes_knows(overlay: str, version: str, tmp_path: Path) -> None:
    """Given an overlay, when each object is held to the strict schema of the oldest and the newest version, then it fits."""
    path = _written(tmp_path, rendering.rendered(overlay))
    assert validated(path, OLDEST if version == "oldest" else newest()) == []


def test_the_objects_of_operators_are_what_we_know_of_them(overlay: str) -> None:
    """Given an overlay, when the objects of operators are held to our schemas, then they use no field that is not there."""
    assert list(custom_faults(objects(overlay))) == []


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    """What checkov says against each overlay, and against three Deployments with faults that no rule of ours looks for."""
    folder = tmp_path_factory.mktemp("checkov")
    planted = [
        _one(objects("production"), "Deployment", name) for name in ("brandq-web", "brandq-clock", "brandq-fetch")
    ]
    _set(_spec(planted, "brandq-web"), hostNetwork=True)
    _set(_spec(planted, "brandq-clock"), hostPID=True)
    _set(_container(planted, "brandq-fetch")["ports"][0], hostPort=9191)
    paths = []
    for name, text in (*((each, rendering.rendered(each)) for each in OVERLAYS), ("planted", yaml.dump_all(planted))):
        paths.append(folder / f"{name}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
    return checkov(paths)


def test_checkov_finds_nothing_but_what_has_a_reason(overlay: str, checked: dict[str, dict[str, set[str]]]) -> None:
    """Given the list of skips, when checkov looks at an overlay, then it fails on these and on nothing else, and each is needed."""
    skips = tomllib.loads((tools.ROOT / "tests/deploy/checkov_skips.toml").read_text(encoding="utf-8"))
    known = {**skips["every"], **skips.get(overlay, {})}
    failed = checked[f"{overlay}.yaml"]
    assert {check: failed[check] for check in failed if check not in known} == {}
    assert [check for check in known if check not in failed] == [], "these skips are not needed any more"
    assert all(known.values())


def test_the_yaml_is_clean() -> None:
    """Given every file of YAML under deploy/, when yamllint reads it strictly, then it has nothing to say."""
    said = tools.run([tools.tool("yamllint"), "--strict", "-c", "tests/deploy/yamllint.yaml", "deploy"])
    assert (said.returncode, said.stdout) == (0, "")


def test_the_base_is_the_same_everywhere() -> None:
    """Given the overlays, when their workloads of brandq are compared, then each has all of the base's, under the same names."""
    names = [
        sorted(one["metadata"]["name"] for one in rules.of_kind(objects(each), "Deployment", "Job"))
        for each in OVERLAYS
    ]
    assert names[0] == names[1] == names[2]
    assert {f"brandq-{queue.removeprefix('brandq.')}" for queue in rules.QUEUES} <= set(names[0])


def test_every_component_is_used() -> None:
    """Given the folder of components, when the overlays are read, then each component stands in one of them, so is looked at."""
    used = {
        Path(path).name
        for each in OVERLAYS
        for path in yaml.safe_load((KUBERNETES / f"overlays/{each}/kustomization.yaml").read_text()).get(
            "components", []
        )
    }
    assert used == {path.name for path in (KUBERNETES / "components").iterdir()}


def test_production_asks_real_engines() -> None:
    """Given production, when its settings are read, then nothing is simulated and logs are JSON; in dev all is simulated."""
    found = {
        each: next(
            one["data"]
            for one in rules.of_kind(objects(each), "ConfigMap")
            if one["metadata"]["name"].startswith("brandq-settings")
        )
        for each in OVERLAYS
    }
    assert "BRANDQ_SIMULATE" not in found["production"]
    assert found["production"]["BRANDQ_LOG_FORMAT"] == "json"
    assert found["dev"]["BRANDQ_SIMULATE"] == found["staging"]["BRANDQ_SIMULATE"] == "all"


def test_the_page_does_the_same_arithmetic() -> None:
    """Given docs/deploying.md, when its sum of connections is compared with the manifests', then it is the same."""
    found = objects("production")
    each = [
        most * (rules._threads(found, component) + rules.STORE_THREADS)
        for component, most in rules.most_pods(found).items()
    ]
    given = _one(found, "Cluster", "brandq")["spec"]["postgresql"]["parameters"]["max_connections"]
    page = (tools.ROOT / "docs/deploying.md").read_text(encoding="utf-8")
    assert f"= {sum(each)}, twice = {2 * sum(each)}" in page
    assert f"= {2 * sum(each) + rules.RESERVED_CONNECTIONS} ≤ {given}" in page


def test_every_provider_has_a_place_for_its_key() -> None:
    """Given the registry's rows, when provider-keys.env is read, then it has each of their variables and no other."""
    text = (KUBERNETES / "base/provider-keys.env").read_text(encoding="utf-8")
    named = re.findall(r"^(\w+)_FILE=/run/brandq/providers/(\w+)$", text, re.MULTILINE)
    assert {variable for variable, _ in named} == set(registry.key_names(registry.load(None)))
    assert all(variable == file for variable, file in named)


# -- the Secrets that are made by hand


def test_the_secrets_made_by_hand_are_those_of_the_store() -> None:
    """Given first_secrets.py, when it makes the Secrets for servers with TLS, then they have the names, keys and URLs of the store's."""
    made = {one["metadata"]["name"]: one for one in rendering.first_secrets("tls")}
    stored = {one["spec"]["target"]["name"]: one for one in rules.of_kind(objects("production"), "ExternalSecret")}
    assert set(made) == set(stored)
    keys = rules.secret_keys([*stored.values()])
    for name, one in made.items():
        if keys[name] is not None:
            assert set(one["stringData"]) == keys[name], name
        templates = stored[name]["spec"]["target"].get("template", {}).get("data", {})
        for key, template in templates.items():
            wanted = re.escape(re.sub(r"\{\{.*?\}\}", "PASSWORD", template)).replace("PASSWORD", r"[\w-]{32}")
            assert re.fullmatch(wanted, one["stringData"][key]), (name, key)
        assert one["type"] == stored[name]["spec"]["target"].get("template", {}).get("type", "Opaque")


def test_passwords_are_made_anew_and_hashed_for_rabbitmq() -> None:
    """Given first_secrets.py, when it is called twice, then no password is the same, and RabbitMQ is told hashes alone."""
    first, second = (
        {one["metadata"]["name"]: one["stringData"] for one in rendering.first_secrets("plain")} for _ in range(2)
    )
    for name in ("brandq-web", "brandq-worker", "brandq-migrate", "brandq-first-key"):
        assert not set(first[name].values()) & set(second[name].values())
    definitions = yaml.safe_load(first["brandq-rabbitmq-start"]["definitions.json"])
    assert all(user["password_hash"] for user in definitions["users"])
    password = re.search(r"//brandq-worker:([^@]+)@", first["brandq-worker"]["broker-url"])[1]  # type: ignore[index]
    assert password not in first["brandq-rabbitmq-start"]["definitions.json"]
    assert re.fullmatch(r"bq_[0-9a-f]{12}_[\w-]{43}", first["brandq-first-key"]["key"])


def test_a_key_of_nobody_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given a folder of keys with a file of another name, or of two lines, when Secrets are made, then the file is named."""
    module = rendering.first_secrets_module()
    (tmp_path / "openai.txt").write_text("key")
    assert module.main(["tls", "--providers", str(tmp_path)]) == 2
    assert "openai.txt" in capsys.readouterr().err
    (tmp_path / "openai.txt").rename(tmp_path / "OPENAI_API_KEY")
    (tmp_path / "OPENAI_API_KEY").write_text("two\nlines")
    assert module.main(["tls", "--providers", str(tmp_path)]) == 2
    assert "one key on one line" in capsys.readouterr().err


def test_the_operators_rabbitmq_is_that_of_definitions_json() -> None:
    """Given deploy/rabbitmq/definitions.json, when the objects for the topology operator are read, then they say the same."""
    wanted = yaml.safe_load((DEPLOY / "rabbitmq/definitions.json").read_text(encoding="utf-8"))
    found: dict[str, list[Object]] = {}
    for one in objects("production"):
        if one["apiVersion"] == "rabbitmq.com/v1beta1":
            found.setdefault(one["kind"], []).append(one)
    users = {one["metadata"]["name"]: ",".join(one["spec"].get("tags", [])) for one in found["User"]}
    assert users == {one["name"]: one["tags"] for one in wanted["users"]}
    permissions = {one["spec"]["userReference"]["name"]: one["spec"]["permissions"] for one in found["Permission"]}
    assert permissions == {
        one["user"]: {right: one[right] for right in ("configure", "write", "read")} for one in wanted["permissions"]
    }
    policies = {
        one["spec"]["name"]: (one["spec"]["pattern"], one["spec"]["applyTo"], one["spec"]["definition"])
        for one in found["Policy"]
    }
    assert policies == {one["name"]: (one["pattern"], one["apply-to"], one["definition"]) for one in wanted["policies"]}
    declared = {
        one["spec"]["name"]: {"x-queue-type": one["spec"]["type"], **one["spec"]["arguments"]} for one in found["Queue"]
    }
    assert declared == {one["name"]: one["arguments"] for one in wanted["queues"]}
    limits = {one["name"]: one["value"] for one in wanted["parameters"]}["limits"]
    vhost = found["Vhost"][0]["spec"]
    assert vhost["limits"] == {"connections": limits["max-connections"], "queues": limits["max-queues"]}
    assert vhost["defaultQueueType"] == wanted["vhosts"][0]["default_queue_type"]


# -- each fault is seen: by a rule of ours, or by the tool that is named


def _one(found: Objects, kind: str, name: str) -> Object:
    return next(one for one in found if one["kind"] == kind and one["metadata"]["name"].startswith(name))


def _spec(found: Objects, name: str, kind: str = "Deployment") -> Any:
    return _one(found, kind, name)["spec"]["template"]["spec"]


def _container(found: Objects, name: str, kind: str = "Deployment") -> Any:
    return _spec(found, name, kind)["containers"][0]


def _env(found: Objects, name: str, variable: str) -> Any:
    return next(each for each in _container(found, name)["env"] if each["name"] == variable)


def _trigger(found: Objects, name: str, number: int = 0) -> Any:
    return _one(found, "ScaledObject", name)["spec"]["triggers"][number]


def _set(target: Any, **values: Any) -> None:
    target.update(values)


def _internet(found: Objects) -> Any:
    return _one(found, "NetworkPolicy", "to-internet")["spec"]["egress"][0]["to"][0]["ipBlock"]


def _to_broker(found: Objects) -> Any:
    return _one(found, "NetworkPolicy", "to-broker")["spec"]["egress"][0]


def _volume(found: Objects, name: str, volume: str) -> Any:
    return next(each for each in _spec(found, name)["volumes"] if each["name"] == volume)


Plant = Callable[[Objects], Any]
#: name, what is planted into production, the rule that sees it, and a part of its sentence
SEEN_BY_RULES: list[tuple[str, Plant, rules.Rule, str]] = [
    # the nine blind spots
    (
        "1 a probe asks a port that is not there",
        lambda o: _set(_container(o, "brandq-web")["readinessProbe"]["httpGet"], port="api"),
        rules.port_names,
        "asks port 'api'",
    ),
    (
        "1 a Service leads to no port",
        lambda o: _set(_one(o, "Service", "brandq-web")["spec"]["ports"][0], targetPort="api"),
        rules.port_names,
        "leads to port 'api'",
    ),
    (
        "1 a PodMonitor scrapes no port",
        lambda o: _set(_one(o, "PodMonitor", "brandq")["spec"]["podMetricsEndpoints"][0], port="metric"),
        rules.port_names,
        "scrapes port 'metric'",
    ),
    (
        "1 the Ingress leads to no Service",
        lambda o: _set(
            _one(o, "Ingress", "brandq-web")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"],
            name="brandq-api",
        ),
        rules.port_names,
        "which no Service has",
    ),
    (
        "2 a ConfigMap that is not there",
        lambda o: _set(_container(o, "brandq-fetch")["envFrom"][0]["configMapRef"], name="brandq-setting"),
        rules.references,
        "wants ConfigMap brandq-setting",
    ),
    (
        "2 a Secret that nobody makes",
        lambda o: _set(_volume(o, "brandq-web", "secrets")["secret"], secretName="brandq-webb"),
        rules.references,
        "wants Secret brandq-webb",
    ),
    (
        "2 a key that the Secret has not",
        lambda o: _set(_volume(o, "brandq-report", "webhook")["secret"]["items"][0], key="address"),
        rules.references,
        "wants address of Secret brandq-webhook",
    ),
    (
        "2 an operator's user without its Secret",
        lambda o: o.remove(_one(o, "ExternalSecret", "brandq-rabbitmq-worker")),
        rules.references,
        "wants Secret brandq-rabbitmq-worker",
    ),
    (
        "2 KEDA's Secret lacks a key",
        lambda o: _one(o, "ExternalSecret", "brandq-keda")["spec"]["target"]["template"]["data"].pop("tls"),
        rules.references,
        "wants tls of Secret brandq-keda",
    ),
    (
        "2 a broker that is not there",
        lambda o: o.remove(_one(o, "RabbitmqCluster", "brandq-rabbitmq")),
        rules.objects_named,
        "names RabbitmqCluster brandq-rabbitmq",
    ),
    (
        "3 a ServiceAccount that is not there",
        lambda o: _set(_spec(o, "brandq-web"), serviceAccountName="web"),
        rules.service_accounts,
        "ServiceAccount web",
    ),
    (
        "4 a Service selects nobody",
        lambda o: _set(_one(o, "Service", "brandq-web")["spec"]["selector"], **{rules.COMPONENT: "api"}),
        rules.selectors,
        "Service brandq-web: selects no pod",
    ),
    (
        "4 a PodDisruptionBudget selects nobody",
        lambda o: _set(
            _one(o, "PodDisruptionBudget", "brandq-fetch")["spec"]["selector"]["matchLabels"],
            **{rules.COMPONENT: "fetcher"},
        ),
        rules.selectors,
        "PodDisruptionBudget brandq-fetch: selects no pod",
    ),
    (
        "4 a NetworkPolicy selects nobody",
        lambda o: _set(
            _one(o, "NetworkPolicy", "to-web")["spec"]["podSelector"]["matchLabels"], **{rules.COMPONENT: "api"}
        ),
        rules.selectors,
        "NetworkPolicy to-web: selects no pod",
    ),
    (
        "4 a PodMonitor selects nobody",
        lambda o: _set(_one(o, "PodMonitor", "brandq")["spec"]["selector"]["matchLabels"], **{rules.NAME: "brand"}),
        rules.selectors,
        "PodMonitor brandq: selects no pod",
    ),
    (
        "4 two budgets for one pod",
        lambda o: _one(o, "PodDisruptionBudget", "brandq-web")["spec"]["selector"]["matchLabels"].pop(rules.COMPONENT),
        rules.selectors,
        "has 2 PodDisruptionBudgets",
    ),
    (
        "5 what is scaled is not there",
        lambda o: _set(_one(o, "ScaledObject", "brandq-fetch")["spec"]["scaleTargetRef"], name="brandq-fetcher"),
        rules.scale_targets,
        "brandq-fetcher, which is not there",
    ),
    (
        "5 what is scaled says replicas",
        lambda o: _set(_one(o, "Deployment", "brandq-fetch")["spec"], replicas=2),
        rules.scale_targets,
        "says replicas itself",
    ),
    (
        "5 it is scaled by two",
        lambda o: _set(_one(o, "HorizontalPodAutoscaler", "brandq-web")["spec"]["scaleTargetRef"], name="brandq-fetch"),
        rules.scale_targets,
        "is scaled by 2",
    ),
    (
        "5 it may be scaled to none",
        lambda o: _set(_one(o, "ScaledObject", "brandq-fetch")["spec"], minReplicaCount=0),
        rules.scale_targets,
        "at least one must live",
    ),
    (
        "5 the least exceeds the most",
        lambda o: _set(_one(o, "HorizontalPodAutoscaler", "brandq-web")["spec"], minReplicas=9),
        rules.scale_targets,
        "scales from 9",
    ),
    (
        "6 a mode that KEDA has not",
        lambda o: _set(_trigger(o, "brandq-fetch")["metadata"], mode="QueueSize"),
        rules.keda_triggers,
        "mode 'QueueSize'",
    ),
    (
        "6 the protocol that misses messages in work",
        lambda o: _set(_trigger(o, "brandq-fetch")["metadata"], protocol="amqp"),
        rules.keda_triggers,
        "protocol http",
    ),
    (
        "6 a number instead of a string",
        lambda o: _set(_trigger(o, "brandq-fetch")["metadata"], value=8),
        rules.keda_triggers,
        "which is no string",
    ),
    (
        "6 an address that is not of the management API",
        lambda o: _set(_trigger(o, "brandq-fetch")["metadata"], host="amqps://brandq-rabbitmq.brandq.svc:5671"),
        rules.keda_triggers,
        "no address of the management API",
    ),
    (
        "6 no fallback",
        lambda o: _one(o, "ScaledObject", "brandq-fetch")["spec"].pop("fallback"),
        rules.keda_triggers,
        "has no fallback",
    ),
    (
        "7 a worker of a queue that is not there",
        lambda o: _set(_container(o, "brandq-report"), args=["work", "--queues", "reports"]),
        rules.queues,
        "serves brandq.reports",
    ),
    (
        "7 a queue that nobody serves",
        lambda o: o.remove(_one(o, "Deployment", "brandq-notify")),
        rules.queues,
        "nobody serves brandq.notify",
    ),
    (
        "7 KEDA counts another queue",
        lambda o: _set(_trigger(o, "brandq-fetch")["metadata"], queueName="fetch"),
        rules.queues,
        "instead of brandq.fetch",
    ),
    (
        "7 KEDA does not count what is put off",
        lambda o: _one(o, "ScaledObject", "brandq-fetch")["spec"]["triggers"].pop(1),
        rules.queues,
        "instead of brandq.fetch and brandq.fetch.DQ",
    ),
    (
        "7 KEDA takes a pod for more than it does",
        lambda o: _set(_trigger(o, "brandq-fetch")["metadata"], value="80"),
        rules.queues,
        "one pod takes 8",
    ),
    (
        "7 a policy of no queue",
        lambda o: _set(_one(o, "Policy", "brandq-queues")["spec"], pattern="^fetch$"),
        rules.queues,
        "is of no queue",
    ),
    (
        "7 an alert on a queue that is not there",
        lambda o: _one(o, "PrometheusRule", "brandq")["spec"]["groups"][0]["rules"].append(
            {"alert": "A", "expr": 'brandq_queue_messages{queue="brandq.fetching"} > 0'}
        ),
        rules.queues,
        "names the queue brandq.fetching",
    ),
    (
        "7 the broker lacks a queue",
        lambda o: o.remove(_one(o, "Queue", "brandq-fetch-dq")),
        rules.queues,
        "other queues than the code has: brandq.fetch.DQ",
    ),
    (
        "8 a worker ends before its actors may",
        lambda o: _set(_env(o, "brandq-fetch", "BRANDQ_GRACE_SECONDS"), value="120"),
        rules.grace_chain,
        "an actor may take 600 s",
    ),
    (
        "8 a pod is killed before its worker ends",
        lambda o: _set(_spec(o, "brandq-fetch"), terminationGracePeriodSeconds=600),
        rules.grace_chain,
        "is killed after 600 s; 20 s to spare",
    ),
    (
        "8 nobody says when a pod is killed",
        lambda o: _spec(o, "brandq-fetch").pop("terminationGracePeriodSeconds"),
        rules.grace_chain,
        "is killed after 30 s",
    ),
    (
        "8 RabbitMQ takes messages away sooner",
        lambda o: _set(
            _one(o, "RabbitmqCluster", "brandq")["spec"]["rabbitmq"], additionalConfig="consumer_timeout = 600000\n"
        ),
        rules.grace_chain,
        "takes its messages away after 600 s",
    ),
    (
        "8 web stops while requests come",
        lambda o: _container(o, "brandq-web").pop("lifecycle"),
        rules.grace_chain,
        "has no preStop sleep",
    ),
    (
        "9 no way to the broker's port",
        lambda o: _set(_to_broker(o)["ports"][0], port=5672),
        rules.network,
        "lets it out to brandq-rabbitmq:5671",
    ),
    (
        "9 a URL with another port",
        lambda o: _set(
            _one(o, "ExternalSecret", "brandq-worker")["spec"]["target"]["template"]["data"],
            **{"broker-url": "amqps://brandq-worker:x@brandq-rabbitmq:5672/brandq"},
        ),
        rules.network,
        "a port that RabbitmqCluster brandq-rabbitmq does not have",
    ),
    (
        "9 a URL with a host that is not there",
        lambda o: _set(
            _one(o, "ExternalSecret", "brandq-migrate")["spec"]["target"]["template"]["data"],
            **{"database-url": "postgresql://o:x@postgres:5432/brandq"},
        ),
        rules.network,
        "postgresql://postgres, which no Service",
    ),
    (
        "9 the broker lets nobody in",
        lambda o: o.remove(_one(o, "NetworkPolicy", "broker")),
        rules.network,
        "lets Deployment brandq-web in on 5671",
    ),
    (
        "9 the monitoring is kept out",
        lambda o: o.remove(_one(o, "NetworkPolicy", "to-metrics")),
        rules.network,
        "lets the monitoring in",
    ),
    (
        "9 KEDA is kept out",
        lambda o: _one(o, "NetworkPolicy", "broker")["spec"]["ingress"].pop(1),
        rules.network,
        "lets KEDA in",
    ),
    (
        "9 web may reach the Internet",
        lambda o: _one(o, "NetworkPolicy", "to-internet")["spec"]["podSelector"]["matchExpressions"][0][
            "values"
        ].append("web"),
        rules.network,
        "Deployment brandq-web: may reach the Internet",
    ),
    (
        "9 fetch may reach who the cloud says it is",
        lambda o: _internet(o)["except"].remove("169.254.0.0/16"),
        rules.network,
        "may reach 169.254.169.254",
    ),
    (
        "9 fetch may reach the private network",
        lambda o: _internet(o)["except"].remove("10.0.0.0/8"),
        rules.network,
        "may reach 10.1.2.3",
    ),
    (
        "9 the Internet on any port",
        lambda o: _one(o, "NetworkPolicy", "to-internet")["spec"]["egress"][0]["ports"].append({"port": 25}),
        rules.network,
        "on other ports than 443",
    ),
    (
        "9 nothing is forbidden",
        lambda o: o.remove(_one(o, "NetworkPolicy", "default-deny")),
        rules.network,
        "no NetworkPolicy forbids",
    ),
    # the rest of section 5.4
    (
        "an image by its tag",
        lambda o: _set(_container(o, "brandq-web"), image="registry.example.com/brandq:1"),
        rules.images,
        "not pinned",
    ),
    (
        "a digest of 62 digits",
        lambda o: _set(_container(o, "brandq-web"), image="registry.example.com/brandq@sha256:" + "0" * 62),
        rules.images,
        "not pinned",
    ),
    (
        "no bound of memory",
        lambda o: _container(o, "brandq-web")["resources"].pop("limits"),
        rules.every_container,
        "has no limits.memory",
    ),
    (
        "no liveness probe",
        lambda o: _container(o, "brandq-clock").pop("livenessProbe"),
        rules.every_container,
        "has no livenessProbe",
    ),
    (
        "a liveness probe that asks the database",
        lambda o: _set(_container(o, "brandq-web"), livenessProbe={"httpGet": {"path": "/readyz", "port": "http"}}),
        rules.every_container,
        "its liveness must be local",
    ),
    (
        "a writable image",
        lambda o: _set(_container(o, "brandq-web")["securityContext"], readOnlyRootFilesystem=False),
        rules.every_container,
        "write to its image",
    ),
    (
        "a /tmp that may fill the disk",
        lambda o: _volume(o, "brandq-web", "tmp")["emptyDir"].pop("sizeLimit"),
        rules.every_container,
        "may fill the node's disk",
    ),
    (
        "a pod that may be root",
        lambda o: _spec(o, "brandq-web")["securityContext"].pop("runAsNonRoot"),
        rules.every_container,
        "may run as root",
    ),
    (
        "a pod with a token of the API server",
        lambda o: _set(_spec(o, "brandq-web"), automountServiceAccountToken=True),
        rules.every_container,
        "token of the API server",
    ),
    (
        "a pod that does not wait for its tables",
        lambda o: _spec(o, "brandq-web").pop("initContainers"),
        rules.every_container,
        "does not wait for the migration",
    ),
    (
        "a version that is not served any more",
        lambda o: _set(_one(o, "PodDisruptionBudget", "brandq-web"), apiVersion="policy/v1beta1"),
        rules.removed_kinds,
        "policy/v1beta1 is not served",
    ),
    (
        "more pods than the database has connections",
        lambda o: _set(_one(o, "ScaledObject", "brandq-fetch")["spec"], maxReplicaCount=40),
        rules.connections,
        "max_connections is 560",
    ),
    (
        "more threads than the database has connections",
        lambda o: _set(_env(o, "brandq-fetch", "BRANDQ_THREADS"), value="64"),
        rules.connections,
        "max_connections is 560",
    ),
    (
        "more pods than the broker has connections",
        lambda o: _set(_one(o, "Vhost", "brandq")["spec"]["limits"], connections=50),
        rules.connections,
        "allows 50 connections",
    ),
    # of our own
    (
        "a setting that is misspelt",
        lambda o: _set(_env(o, "brandq-fetch", "BRANDQ_THREADS"), name="BRANDQ_THREAD"),
        rules.settings_known,
        "BRANDQ_THREAD is no setting",
    ),
    (
        "a setting that does not fit",
        lambda o: _set(_env(o, "brandq-fetch", "BRANDQ_GRACE_SECONDS"), value="3600"),
        rules.settings_known,
        "is not a whole number from 0 to 590",
    ),
    (
        "a file that is not mounted",
        lambda o: _set(_env(o, "brandq-fetch", "BRANDQ_BROKER_URL_FILE"), value="/run/brandq/secret/broker-url"),
        rules.settings_known,
        "which is not mounted",
    ),
    (
        "a command that brandq does not have",
        lambda o: _set(_container(o, "brandq-clock"), args=["ticker"]),
        rules.arguments,
        "brandq ticker",
    ),
    (
        "a probe that runs something else",
        lambda o: _set(_container(o, "brandq-clock")["livenessProbe"]["exec"], command=["cat", "/tmp/alive"]),
        rules.arguments,
        "not brandq probe",
    ),
    (
        "web holds the providers' keys",
        lambda o: _set(_volume(o, "brandq-web", "engines")["secret"], secretName="brandq-providers"),
        rules.least_secrets,
        "mounts Secret brandq-providers",
    ),
    (
        "a worker holds the owner's password",
        lambda o: _set(_volume(o, "brandq-fetch", "secrets")["secret"], secretName="brandq-migrate"),
        rules.least_secrets,
        "mounts Secret brandq-migrate",
    ),
    (
        "a Secret in the environment",
        lambda o: _container(o, "brandq-fetch")["env"].append(
            {
                "name": "OPENAI_API_KEY",
                "valueFrom": {"secretKeyRef": {"name": "brandq-providers", "key": "OPENAI_API_KEY"}},
            }
        ),
        rules.least_secrets,
        "has a Secret in its environment",
    ),
    (
        "a password in clear",
        lambda o: _container(o, "brandq-fetch")["env"].append(
            {"name": "BRANDQ_BROKER_URL", "value": "amqps://u:p@h/v"}
        ),
        rules.least_secrets,
        "stands in clear",
    ),
    (
        "two clocks",
        lambda o: _set(_one(o, "Deployment", "brandq-clock")["spec"], replicas=2),
        rules.one_clock,
        "of one pod",
    ),
    (
        "two clocks while it is replaced",
        lambda o: _set(_one(o, "Deployment", "brandq-clock")["spec"], strategy={"type": "RollingUpdate"}),
        rules.one_clock,
        "must be Recreate",
    ),
    (
        "a namespace that allows anything",
        lambda o: _one(o, "Namespace", "brandq")["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce"),
        rules.namespaces,
        "does not enforce",
    ),
    (
        "an object in another namespace",
        lambda o: _set(_one(o, "Service", "brandq-web")["metadata"], namespace="default"),
        rules.namespaces,
        "stands in namespace default",
    ),
    (
        "pods that are not spread",
        lambda o: _spec(o, "brandq-web").pop("topologySpreadConstraints"),
        rules.spread,
        "is not spread",
    ),
    (
        "a budget that holds up every drain",
        lambda o: _set(
            _one(o, "PodDisruptionBudget", "brandq-web"),
            spec={"minAvailable": 1, "selector": {"matchLabels": {rules.NAME: "brandq", rules.COMPONENT: "web"}}},
        ),
        rules.spread,
        "would hold up every drain",
    ),
    # what only a real API server would refuse
    (
        "a selector that misses its own pods",
        lambda o: _set(
            _one(o, "Deployment", "brandq-web")["spec"]["selector"]["matchLabels"], **{rules.COMPONENT: "api"}
        ),
        rules.own_selectors,
        "does not match its own pods",
    ),
    (
        "a selector that takes others' pods",
        lambda o: _one(o, "Deployment", "brandq-web")["spec"]["selector"]["matchLabels"].pop(rules.COMPONENT),
        rules.own_selectors,
        "also matches the pods",
    ),
    (
        "a request over its limit",
        lambda o: _set(_container(o, "brandq-web")["resources"]["requests"], memory="4Gi"),
        rules.quantities,
        "requests more memory",
    ),
    (
        "a quantity that is none",
        lambda o: _set(_container(o, "brandq-web")["resources"]["limits"], memory="512MB"),
        rules.quantities,
        "'512MB' is no quantity",
    ),
    (
        "a variable twice",
        lambda o: _container(o, "brandq-web")["env"].append({"name": "BRANDQ_HOST", "value": "::"}),
        rules.no_duplicates,
        "variable BRANDQ_HOST stands there twice",
    ),
    (
        "an object twice",
        lambda o: o.append(_one(o, "Service", "brandq-web")),
        rules.no_duplicates,
        "stands there 2 times",
    ),
    (
        "a volume that is not there",
        lambda o: _container(o, "brandq-web")["volumeMounts"].append({"name": "data", "mountPath": "/data"}),
        rules.volumes,
        "mounts data, which is no volume",
    ),
    ("a block of addresses that is none", lambda o: _set(_internet(o), cidr="0.0.0.0/33"), rules.cidrs, "0.0.0.0/33"),
    (
        "an exception outside of its block",
        lambda o: _internet(o)["except"].append("fe80::/10"),
        rules.cidrs,
        "is no part of",
    ),
    (
        "a label of 64 characters",
        lambda o: _set(_one(o, "Deployment", "brandq-web")["metadata"]["labels"], x="y" * 64),
        rules.labels_and_names,
        "cannot be a label",
    ),
    (
        "a port of 16 characters",
        lambda o: _set(_container(o, "brandq-web")["ports"][0], name="a-port-of-brandq"),
        rules.labels_and_names,
        "cannot be called a-port-of-brandq",
    ),
    (
        "a Job that restarts always",
        lambda o: _set(_spec(o, "brandq-migrate", "Job"), restartPolicy="Always"),
        rules.restart_policy,
        "cannot have restartPolicy Always",
    ),
    (
        "two handlers in one hook",
        lambda o: _set(_container(o, "brandq-web")["lifecycle"]["preStop"], exec={"command": ["true"]}),
        rules.handlers,
        "must do one thing, not 2",
    ),
]


@pytest.mark.parametrize(
    ("plant", "rule", "words"), [case[1:] for case in SEEN_BY_RULES], ids=[case[0] for case in SEEN_BY_RULES]
)
def test_a_planted_fault_is_seen_by_a_rule(plant: Plant, rule: rules.Rule, words: str) -> None:
    """Given production with one fault in it, when the rule looks, then it says so; without the fault it says nothing."""
    found = objects("production")
    plant(found)
    said = list(rule(found))
    assert any(words in sentence for sentence in said), said


def test_every_rule_has_its_fault() -> None:
    """Given the rules, when the planted faults are counted, then there is one for each rule at least."""
    assert {rule for _, _, rule, _ in SEEN_BY_RULES} == set(rules.RULES)


#: the same for what a schema of Kubernetes sees
SEEN_BY_VALIDATION: list[tuple[str, Plant]] = [
    ("a misspelt field", lambda o: _set(_container(o, "brandq-web"), livenesProbe={})),
    ("a wrong type", lambda o: _set(_one(o, "Deployment", "brandq-web")["spec"], minReadySeconds="5")),
    ("a kind that does not exist", lambda o: _set(_one(o, "Deployment", "brandq-web"), kind="Deploiment")),
    ("a version that does not exist", lambda o: _set(_one(o, "Deployment", "brandq-web"), apiVersion="apps/v1beta2")),
    ("a number instead of a string", lambda o: _set(_env(o, "brandq-web", "BRANDQ_PORT"), value=8000)),
]


@pytest.mark.parametrize(
    "plant", [case[1] for case in SEEN_BY_VALIDATION], ids=[case[0] for case in SEEN_BY_VALIDATION]
)
def test_a_planted_fault_is_seen_by_validation(plant: Plant, tmp_path: Path) -> None:
    """Given web's Deployment with one fault in it, when kubernetes-validate reads it, then it refuses it."""
    found = [_one(objects("production"), "Deployment", "brandq-web")]
    assert validated(_written(tmp_path, found), OLDEST) == []
    plant(found)
    assert validated(_written(tmp_path, found), OLDEST)


#: the same for our schemas of the operators' objects
SEEN_BY_SCHEMAS: list[tuple[str, Plant, str]] = [
    (
        "a misspelt field of a ScaledObject",
        lambda o: _set(_one(o, "ScaledObject", "brandq-fetch")["spec"], maxReplicas=3),
        "'maxReplicas' was unexpected",
    ),
    (
        "a number in a trigger's metadata",
        lambda o: _set(_trigger(o, "brandq-fetch")["metadata"], value=8),
        "8 is not of type 'string'",
    ),
    (
        "a misspelt field of a PodMonitor",
        lambda o: _set(_one(o, "PodMonitor", "brandq")["spec"], podMetricEndpoints=[]),
        "'podMetricEndpoints' was unexpected",
    ),
    (
        "a policy that applies to what there is not",
        lambda o: _set(_one(o, "Policy", "brandq-queues")["spec"], applyTo="queue"),
        "'queue' is not one of",
    ),
    (
        "a rule without words",
        lambda o: _one(o, "PrometheusRule", "brandq")["spec"]["groups"][0]["rules"].append(
            {"alert": "A", "expr": "up"}
        ),
        "is not valid under any of the given schemas",
    ),
    (
        "an old template of a Secret",
        lambda o: _set(_one(o, "ExternalSecret", "brandq-web")["spec"]["target"]["template"], engineVersion="v1"),
        "'v1' is not one of",
    ),
    (
        "a parameter of Postgres that is no string",
        lambda o: _set(_one(o, "Cluster", "brandq")["spec"]["postgresql"]["parameters"], max_connections=560),
        "560 is not of type 'string'",
    ),
    (
        "TLS that is misspelt",
        lambda o: _set(_one(o, "RabbitmqCluster", "brandq")["spec"]["tls"], disableNonTlsListeners=True),
        "'disableNonTlsListeners' was unexpected",
    ),
]


@pytest.mark.parametrize(
    ("plant", "words"), [case[1:] for case in SEEN_BY_SCHEMAS], ids=[case[0] for case in SEEN_BY_SCHEMAS]
)
def test_a_planted_fault_is_seen_by_a_schema_of_ours(plant: Plant, words: str) -> None:
    """Given production with one fault in an operator's object, when it is held to our schema, then the fault is named."""
    found = objects("production")
    plant(found)
    said = list(custom_faults(found))
    assert any(words in sentence for sentence in said), said


def test_an_object_of_an_operator_that_we_do_not_know_is_seen(tmp_path: Path) -> None:
    """Given an object of an operator that we have no schema for, when it is validated, then that is a fault and no warning."""
    unknown = {"apiVersion": "kafka.example/v1", "kind": "Topic", "metadata": {"name": "x"}, "spec": {}}
    assert custom_resources.schema("kafka.example/v1", "Topic") is None
    assert validated(_written(tmp_path, [unknown]), OLDEST)


def test_what_only_checkov_sees_is_seen(checked: dict[str, dict[str, set[str]]]) -> None:
    """Given pods with faults that no rule of ours looks for, when checkov reads them, then it names each."""
    for check, name in (("CKV_K8S_19", "web"), ("CKV_K8S_17", "clock"), ("CKV_K8S_26", "fetch")):
        failed = checked["planted.yaml"].get(check, set())
        assert any(f"brandq-{name}" in resource for resource in failed), (check, failed)


def test_what_yamllint_sees_is_seen(tmp_path: Path) -> None:
    """Given YAML with a key that stands twice, when yamllint reads it, then it says so."""
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\na: 2\n", encoding="utf-8")
    said = tools.run([tools.tool("yamllint"), "--strict", "-c", "tests/deploy/yamllint.yaml", path])
    assert "duplication of key" in said.stdout


def test_a_plain_server_needs_its_secret() -> None:
    """Given dev without the Secrets that are made by hand, when references are looked at, then each that is missing is named."""
    bare = [one for one in objects("dev") if one["kind"] != "Secret"]
    said = "\n".join(rules.references(bare))
    for name in (
        "brandq-web",
        "brandq-worker",
        "brandq-migrate",
        "brandq-first-key",
        "brandq-postgres-start",
        "brandq-rabbitmq-start",
    ):
        assert f"wants Secret {name}" in said


def test_the_image_tag_of_dev_may_not_be_latest() -> None:
    """Given dev, whose images are tags, when one is called latest or has none, then that is named."""
    found = objects("dev")
    _set(_container(found, "brandq-web"), image="localhost/brandq:latest")
    assert any("brandq:latest is not pinned" in sentence for sentence in rules.images(found))


def test_the_settings_that_the_rules_know_are_the_codes() -> None:
    """Given the code's settings, when the rules read threads and grace, then both are settings with a number for a default."""
    defaults = {known.variable: known.default for known in settings.KNOWN}
    assert defaults["BRANDQ_THREADS"].isdecimal()
    assert defaults["BRANDQ_GRACE_SECONDS"].isdecimal()

"""What we use of the operators' objects, as strict JSON schemas written by hand: a field that is not here is not ours to use.

The definitions themselves come with each operator and are not copied into this repository. Whoever uses another field adds
it here, out of the operator's reference.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
TEXTS: Schema = {"type": "array", "items": TEXT, "minItems": 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
#: Go's way to write a duration
DURATION: Schema = {"type": "string", "pattern": r"^(\d+(ms|s|m|h))+$"}
LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def one_of(*values: str) -> Schema:
    return {"enum": list(values)}


def many(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1}


def fields(_needs: str = "", /, **known: Schema) -> Schema:
    """An object of these fields and no other; ``_needs`` lists those that must be there."""
    return {"type": "object", "properties": known, "required": _needs.split(), "additionalProperties": False}


NAMED = fields("name", name=TEXT)
KEY_OF = fields("name key", name=TEXT, key=TEXT)
SELECTOR = fields(matchLabels=LABELS, matchExpressions=many({"type": "object"}))
RESOURCES = fields(requests=LABELS, limits=LABELS)
OF_RABBITMQ = {"rabbitmqClusterReference": NAMED}

_SCALING = fields(
    stabilizationWindowSeconds=COUNT,
    policies=many(fields("type value periodSeconds", type=one_of("Pods", "Percent"), value=COUNT, periodSeconds=COUNT)),
)
_TLS = fields(serverName=TEXT, ca=fields("secret", secret=KEY_OF))

SPECS: dict[tuple[str, str], Schema] = {
    ("keda.sh/v1alpha1", "ScaledObject"): fields(
        "scaleTargetRef triggers",
        scaleTargetRef=NAMED,
        pollingInterval=COUNT,
        minReplicaCount=COUNT,
        maxReplicaCount=COUNT,
        fallback=fields(
            "failureThreshold replicas",
            failureThreshold=COUNT,
            replicas=COUNT,
            behavior=one_of("static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"),
        ),
        advanced=fields(
            horizontalPodAutoscalerConfig=fields(behavior=fields(scaleUp=_SCALING, scaleDown=_SCALING)),
        ),
        triggers=many(
            fields("type metadata authenticationRef", type=TEXT, metadata=LABELS, authenticationRef=NAMED),
        ),
    ),
    ("keda.sh/v1alpha1", "TriggerAuthentication"): fields(
        "secretTargetRef",
        secretTargetRef=many(
            fields(
                "parameter name key", parameter=one_of("username", "password", "tls", "ca", "host"), name=TEXT, key=TEXT
            )
        ),
    ),
    ("monitoring.coreos.com/v1", "PodMonitor"): fields(
        "selector podMetricsEndpoints",
        selector=SELECTOR,
        podTargetLabels=TEXTS,
        podMetricsEndpoints=many(
            fields(
                "port",
                port=TEXT,
                path=TEXT,
                scheme=one_of("http", "https"),
                params={"type": "object", "additionalProperties": TEXTS},
                interval=DURATION,
                scrapeTimeout=DURATION,
                tlsConfig=_TLS,
            )
        ),
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): fields(
        "groups",
        groups=many(
            fields(
                "name rules",
                name=TEXT,
                interval=DURATION,
                rules=many(
                    {
                        "oneOf": [
                            fields("record expr", record=TEXT, expr=TEXT, labels=LABELS),
                            fields(
                                "alert expr labels annotations",
                                alert=TEXT,
                                expr=TEXT,
                                labels=LABELS,
                                annotations=LABELS,
                                **{"for": DURATION, "keep_firing_for": DURATION},
                            ),
                        ]
                    }
                ),
            )
        ),
    ),
    ("external-secrets.io/v1", "ExternalSecret"): fields(
        "refreshInterval secretStoreRef target",
        refreshInterval=DURATION,
        secretStoreRef=fields("kind name", kind=one_of("SecretStore", "ClusterSecretStore"), name=TEXT),
        target=fields(
            "name creationPolicy",
            name=TEXT,
            creationPolicy=one_of("Owner"),
            template=fields(
                "engineVersion",
                engineVersion=one_of("v2"),
                type=TEXT,
                metadata=fields(labels=LABELS),
                data=LABELS,
                templateFrom=many(fields("target literal", target=one_of("Data"), literal=TEXT)),
            ),
        ),
        data=many(
            fields("secretKey remoteRef", secretKey=TEXT, remoteRef=fields("key property", key=TEXT, property=TEXT))
        ),
        dataFrom=many(fields("extract", extract=fields("key", key=TEXT))),
    ),
    ("rabbitmq.com/v1beta1", "RabbitmqCluster"): fields(
        "replicas tls",
        replicas=COUNT,
        resources=RESOURCES,
        persistence=fields("storage", storage=TEXT, storageClassName=TEXT),
        terminationGracePeriodSeconds=COUNT,
        tls=fields("secretName", secretName=TEXT, caSecretName=TEXT, disableNonTLSListeners=FLAG),
        rabbitmq=fields(additionalConfig=TEXT, additionalPlugins=TEXTS),
        # any part of a StatefulSet
        override=fields(statefulSet={"type": "object"}),
    ),
    ("rabbitmq.com/v1beta1", "Vhost"): fields(
        "name rabbitmqClusterReference",
        name=TEXT,
        defaultQueueType=one_of("classic", "quorum", "stream"),
        limits=fields(connections=COUNT, queues=COUNT),
        **OF_RABBITMQ,
    ),
    ("rabbitmq.com/v1beta1", "User"): fields(
        "importCredentialsSecret rabbitmqClusterReference",
        tags=many(one_of("management", "policymaker", "monitoring", "administrator")),
        importCredentialsSecret=NAMED,
        **OF_RABBITMQ,
    ),
    ("rabbitmq.com/v1beta1", "Permission"): fields(
        "vhost userReference permissions rabbitmqClusterReference",
        vhost=TEXT,
        userReference=NAMED,
        permissions=fields("configure write read", configure=TEXT, write=TEXT, read=TEXT),
        **OF_RABBITMQ,
    ),
    ("rabbitmq.com/v1beta1", "Policy"): fields(
        "name vhost pattern applyTo definition rabbitmqClusterReference",
        name=TEXT,
        vhost=TEXT,
        pattern=TEXT,
        applyTo=one_of("queues", "classic_queues", "quorum_queues", "streams", "exchanges", "all"),
        priority=COUNT,
        definition={"type": "object", "minProperties": 1},
        **OF_RABBITMQ,
    ),
    ("rabbitmq.com/v1beta1", "Queue"): fields(
        "name vhost type durable rabbitmqClusterReference",
        name=TEXT,
        vhost=TEXT,
        type=one_of("classic", "quorum"),
        durable=FLAG,
        autoDelete=FLAG,
        arguments={"type": "object"},
        **OF_RABBITMQ,
    ),
    ("postgresql.cnpg.io/v1", "Cluster"): fields(
        "instances storage postgresql bootstrap",
        instances={"type": "integer", "minimum": 1},
        inheritedMetadata=fields(labels=LABELS),
        enableSuperuserAccess=FLAG,
        storage=fields("size", size=TEXT, storageClass=TEXT),
        walStorage=fields("size", size=TEXT, storageClass=TEXT),
        resources=RESOURCES,
        affinity=fields(podAntiAffinityType=one_of("preferred", "required"), topologyKey=TEXT),
        postgresql=fields("parameters", parameters=LABELS),
        bootstrap=fields(
            "initdb",
            initdb=fields(
                "database owner secret",
                database=TEXT,
                owner=TEXT,
                secret=NAMED,
                postInitApplicationSQLRefs=fields(configMapRefs=many(KEY_OF)),
            ),
        ),
        managed=fields(
            roles=many(
                fields(
                    "name ensure passwordSecret",
                    name=TEXT,
                    ensure=one_of("present", "absent"),
                    login=FLAG,
                    superuser=FLAG,
                    createdb=FLAG,
                    createrole=FLAG,
                    passwordSecret=NAMED,
                )
            )
        ),
    ),
    ("cert-manager.io/v1", "Issuer"): {
        "oneOf": [fields("selfSigned", selfSigned=fields()), fields("ca", ca=fields("secretName", secretName=TEXT))]
    },
    ("cert-manager.io/v1", "Certificate"): fields(
        "secretName issuerRef",
        secretName=TEXT,
        isCA=FLAG,
        commonName=TEXT,
        dnsNames=TEXTS,
        duration=DURATION,
        renewBefore=DURATION,
        usages=many(one_of("server auth", "client auth", "digital signature", "key encipherment")),
        privateKey=fields(
            algorithm=one_of("RSA", "ECDSA", "Ed25519"), size=COUNT, rotationPolicy=one_of("Always", "Never")
        ),
        issuerRef=fields("kind name", kind=one_of("Issuer", "ClusterIssuer"), name=TEXT),
    ),
}


def schema(api_version: str, kind: str) -> Schema | None:
    """The schema of a whole object; None where it is not an operator's that we use."""
    spec = SPECS.get((api_version, kind))
    if spec is None:
        return None
    metadata = fields("name namespace", name=TEXT, namespace=TEXT, labels=LABELS, annotations=LABELS)
    return fields("apiVersion kind metadata spec", apiVersion=TEXT, kind=TEXT, metadata=metadata, spec=spec)

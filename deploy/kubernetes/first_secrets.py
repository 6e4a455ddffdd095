#!/usr/bin/env python3
"""Prints the Secrets that brandq's pods mount, with passwords made now, for kubectl. Needs nothing but Python.

    python3 deploy/kubernetes/first_secrets.py plain | kubectl -n brandq-dev create -f -
    python3 deploy/kubernetes/first_secrets.py tls --providers keys/ --webhook https://… | kubectl -n brandq create -f -

`plain` is for the servers of components/plain-servers, `tls` for those of the operators, where no External Secrets
operator makes the Secrets. `create`, not `apply`: a second set of passwords must not replace the one that the servers
already know.

--providers FOLDER holds one file for each key, called like its variable, such as OPENAI_API_KEY. Standard error says
how the API key of the first administrator is read back; nothing is kept here.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

DEPLOY = Path(__file__).resolve().parents[1]
RABBITMQ = DEPLOY / "rabbitmq"
sys.path.insert(0, str(RABBITMQ))

from passwords import hashed  # noqa: E402 - it stands beside the definitions that it completes

#: where components/tls mounts the authority that signed the database's certificate
DATABASE_CA = "/run/brandq/authorities/database.crt"
#: users of RabbitMQ, without the `brandq-` before them
USERS = ("web", "worker", "monitoring", "admin")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*_API_KEY")


class BadFolder(Exception):
    """The folder of providers' keys cannot be used; the words say which file, and what to do."""


def made_secrets(
    servers: str, keys: Mapping[str, str], webhook_url: str = "", webhook_secret: str = ""
) -> dict[str, dict[str, str]]:
    """Every Secret by its name: texts by keys. ``servers``: plain or tls. Passwords are made anew at each call."""
    tls = servers == "tls"
    owner, app = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    broker = {user: secrets.token_urlsafe(24) for user in USERS}

    def database_url(role: str, password: str) -> str:
        host = "brandq-postgres-rw" if tls else "brandq-postgres"
        how = f"?sslmode=verify-full&sslrootcert={DATABASE_CA}" if tls else ""
        return f"postgresql://{role}:{quote(password, safe='')}@{host}:5432/brandq{how}"

    def broker_url(user: str) -> str:
        scheme, port = ("amqps", 5671) if tls else ("amqp", 5672)
        return f"{scheme}://brandq-{user}:{quote(broker[user], safe='')}@brandq-rabbitmq:{port}/brandq"

    made = {
        "brandq-web": {"database-url": database_url("brandq_app", app), "broker-url": broker_url("web")},
        "brandq-worker": {"database-url": database_url("brandq_app", app), "broker-url": broker_url("worker")},
        "brandq-migrate": {"database-url": database_url("brandq_owner", owner)},
        "brandq-first-key": {"key": f"bq_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"},
    }
    if keys:
        made["brandq-providers"] = dict(keys)
        made["brandq-engines"] = dict.fromkeys(keys, "held-by-fetch")
    if webhook_url:
        made["brandq-webhook"] = {"url": webhook_url, "secret": webhook_secret or secrets.token_urlsafe(32)}
    if tls:
        made["brandq-postgres-owner"] = {"username": "brandq_owner", "password": owner}
        made["brandq-postgres-app"] = {"username": "brandq_app", "password": app}
        for user in USERS:
            made[f"brandq-rabbitmq-{user}"] = {"username": f"brandq-{user}", "password": broker[user]}
        made["brandq-keda"] = {"username": "brandq-monitoring", "password": broker["monitoring"], "tls": "enable"}
    else:
        made["brandq-postgres-start"] = {
            "password": secrets.token_urlsafe(24),
            # run in this order, by the superuser, when the database is made
            "10-roles.sql": (DEPLOY / "postgres/roles.sql").read_text(encoding="utf-8"),
            # what token_urlsafe makes has no quote in it
            "20-passwords.sql": (
                f"ALTER ROLE brandq_owner PASSWORD '{owner}';\nALTER ROLE brandq_app PASSWORD '{app}';\n"
            ),
        }
        made["brandq-rabbitmq-start"] = {
            "rabbitmq.conf": (RABBITMQ / "rabbitmq.conf").read_text(encoding="utf-8"),
            "enabled_plugins": (RABBITMQ / "enabled_plugins").read_text(encoding="utf-8"),
            "definitions.json": _definitions(broker),
        }
    return made


def _definitions(passwords: Mapping[str, str]) -> str:
    definitions = json.loads((RABBITMQ / "definitions.json").read_text(encoding="utf-8"))
    for user in definitions["users"]:
        user["password_hash"] = hashed(passwords[user["name"].removeprefix("brandq-")])
    return json.dumps(definitions, indent=2) + "\n"


def read_keys(folder: Path | None) -> dict[str, str]:
    """The providers' keys in this folder by their variables. BadFolder where a file is none, or holds none."""
    keys: dict[str, str] = {}
    for path in sorted(folder.iterdir()) if folder else ():
        if not _VARIABLE.fullmatch(path.name):
            raise BadFolder(f"{path}: called like no provider's variable; `brandq engines` lists them")
        keys[path.name] = path.read_text(encoding="utf-8").strip()
        if not keys[path.name] or any(char.isspace() for char in keys[path.name]):
            raise BadFolder(f"{path}: one key on one line is wanted")
    if folder and not keys:
        raise BadFolder(f"{folder}: holds no file; put one for each key there, called like its variable")
    return keys


def as_list(made: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    """The Secrets as one object that kubectl takes."""
    items = []
    for name, texts in made.items():
        kind = "kubernetes.io/basic-auth" if name.startswith("brandq-postgres-") and "username" in texts else "Opaque"
        labels = {"app.kubernetes.io/name": "brandq", "app.kubernetes.io/part-of": "brandq"}
        if name == "brandq-postgres-app":
            labels["cnpg.io/reload"] = "true"
        items.append(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "labels": labels},
                "type": kind,
                "stringData": dict(texts),
            }
        )
    return {"apiVersion": "v1", "kind": "List", "items": items}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("servers", choices=("plain", "tls"))
    parser.add_argument("--providers", type=Path, metavar="FOLDER", help="files called like the providers' variables")
    parser.add_argument("--webhook", default="", metavar="URL", help="who is told of each ended execution")
    arguments = parser.parse_args(argv)
    try:
        keys = read_keys(arguments.providers)
        made = made_secrets(arguments.servers, keys, arguments.webhook)
    except (BadFolder, OSError) as error:
        sys.stderr.write(f"first_secrets: {error}\n")
        return 2
    json.dump(as_list(made), sys.stdout, indent=2, ensure_ascii=False)
    sys.stderr.write(
        "The administrator's API key is in the Secret brandq-first-key:\n"
        "  kubectl get secret brandq-first-key -o jsonpath='{.data.key}' | base64 -d\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

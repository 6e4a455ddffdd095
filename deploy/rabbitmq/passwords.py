#!/usr/bin/env python3
"""Puts the hashes of passwords into a copy of definitions.json, for RabbitMQ to load. Needs nothing but Python.

    python3 deploy/rabbitmq/passwords.py FOLDER                     definitions.json with hashes, to standard output
    python3 deploy/rabbitmq/passwords.py FOLDER -o secrets/definitions.json
    python3 deploy/rabbitmq/passwords.py FOLDER -o … --make         makes the passwords that are missing first

FOLDER holds one file per user, named after it: brandq-web, brandq-worker, brandq-monitoring, brandq-admin. What stands
in such a file, without the line end behind it, is the password. A user without a file keeps its empty hash, with which
nobody can log in; --require-all refuses instead. The copy has hashes only, but belongs with the secrets all the same.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

DEFINITIONS = Path(__file__).with_name("definitions.json")
#: RabbitMQ's rabbit_password_hashing_sha256 puts so many random bytes before the password
SALT_BYTES = 4
#: a salt of four bytes slows nobody down who guesses: the password itself must be long
LEAST_CHARS = 16
#: of the passwords made here; 32 characters that need no escape in a URL
MADE_BYTES = 24


class BadPassword(Exception):
    """A password that cannot be used; the words name its file and say what to do."""


def hashed(password: str, salt: bytes | None = None) -> str:
    """The hash as RabbitMQ's definitions carry it: base64 of the salt and SHA-256 over salt and password."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def read_password(path: Path) -> str:
    """The password in this file. BadPassword where it is short, or of several lines."""
    password = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    if len(password) < LEAST_CHARS or password.strip() != password or "\n" in password:
        raise BadPassword(f"{path}: one line of at least {LEAST_CHARS} characters, without blanks around it, is wanted")
    return password


def make_missing(users: list[str], folder: Path) -> list[Path]:
    """Makes a random password for each user that has no file, readable by its owner only; the files made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = [folder / user for user in users if not (folder / user).exists()]
    for path in made:
        _write(path, secrets.token_urlsafe(MADE_BYTES) + "\n", 0o600)
    return made


def with_hashes(definitions: dict[str, Any], folder: Path, *, require_all: bool = False) -> dict[str, Any]:
    """A copy of the definitions with the hash of every password in the folder. BadPassword where none is there."""
    users = []
    for user in definitions["users"]:
        path = folder / user["name"]
        if path.is_file():
            user = {**user, "password_hash": hashed(read_password(path))}
        elif require_all:
            raise BadPassword(f"{path}: no such file; write the password of {user['name']} there, or use --make")
        users.append(user)
    if not any(user["password_hash"] for user in users):
        raise BadPassword(f"{folder}: no file is named after one of {', '.join(user['name'] for user in users)}")
    return {**definitions, "users": users}


def main(argv: list[str] | None = None) -> int:
    """0; 2 where a password cannot be used."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="one file per user, named after it, with its password")
    parser.add_argument("-o", "--out", type=Path, help="where to write; standard output otherwise")
    parser.add_argument("--mode", type=lambda text: int(text, 8), default=0o600, help="permissions of OUT, 600")
    parser.add_argument("--definitions", type=Path, default=DEFINITIONS, help="the definitions to copy")
    parser.add_argument("--make", action="store_true", help="make the passwords that are missing")
    parser.add_argument("--require-all", action="store_true", help="refuse where a user has no file")
    given = parser.parse_args(argv)
    definitions = json.loads(given.definitions.read_text(encoding="utf-8"))
    try:
        if given.make:
            for path in make_missing([user["name"] for user in definitions["users"]], given.folder):
                sys.stderr.write(f"made {path}\n")
        text = json.dumps(with_hashes(definitions, given.folder, require_all=given.require_all), indent=2) + "\n"
        if given.out is None:
            sys.stdout.write(text)
        else:
            _write(given.out, text, given.mode)
    except (BadPassword, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _write(path: Path, text: str, mode: int) -> None:
    """Replaces the file at once, and never lets more people read it than the mode says."""
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        os.fchmod(out.fileno(), mode)
    partial.replace(path)


if __name__ == "__main__":
    raise SystemExit(main())

"""What a process says about itself every few seconds, and what ``brandq probe`` reads out of it.

A probe looks at this process and at nothing else: an outage of RabbitMQ or Postgres is no reason to start it again, and
would be none that helps. It is made every few seconds in each container, so nothing heavy is imported here: neither
``pathlib`` nor ``dataclasses``, and no module of brandq that does more than read the environment.

The file is one JSON object. Instants are seconds of CLOCK_MONOTONIC, which all processes of a machine share:

    pid, started        the process; ``started`` tells it from another one with the same number (null where unknown)
    role, version       for people who read it
    written, every_s    when, and how often
    stopping            true once it ends: from then on threads end as they should, and it takes nothing new
    threads             by kind: [expected, alive]
    loops               by name: {at: when it last came round, every_s: how often it should}
    message             the one whose time limit passes first: {actor, message_id, began, time_limit_s}; null if none
    waiting_for         what is still missing until it does its work: [] is ready
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from brandq.environment import own, read_variable

VARIABLE = "BRANDQ_HEARTBEAT_FILE"
#: what `brandq probe` ends with: well, not well, cannot be told
WELL, UNWELL, CANNOT_TELL = 0, 1, 2


class Limits(NamedTuple):
    """How long something may be silent, seconds."""

    #: the file was not written: the process hangs or is stopped. Many times the 2 s between two writings, because a
    #: machine that is overloaded should not lose its processes as well
    stale_s: float = 30.0
    #: a loop has not come round, beyond the time it takes anyway; nothing of ours blocks one for a second
    loop_s: float = 60.0
    #: a message runs on after its time limit: an actor that its limit could not interrupt
    overtime_s: float = 60.0


LIMITS = Limits()


class NoHeartbeat(Exception):
    """There is no heartbeat to read here; the words say why."""


def read(path: str) -> Any:
    """The heartbeat in this file. NoHeartbeat where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        raise NoHeartbeat(f"{path} is not there: the process has not started, or has ended") from None
    except (OSError, ValueError) as error:
        raise NoHeartbeat(f"{path} cannot be read: {error}") from error


def started(pid: int) -> int | None:
    """When this process started, in ticks since its machine did. None where it does not run, or nobody can tell."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def runs(pid: int, since: int | None) -> bool:
    """Whether the process lives that had this number and started then; one that only waits to be buried does not."""
    fields = _stat(pid)
    if fields:
        return fields[0] not in ("Z", "X") and since in (None, int(fields[19]))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None where there is no such file."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # the name before it stands in brackets and may hold anything
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def fault(beat: Any, *, now: float, ready: bool = False, limits: Limits = LIMITS) -> str | None:
    """Why the process that wrote this is not well at this instant, in a line; None where it is.

    ``ready``: also what it waits for counts, and that it is stopping.
    """
    try:
        return _fault(beat, now, ready, limits)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        return f"the heartbeat is of another shape ({type(error).__name__}: {error}): another version wrote it?"


def _fault(beat: Mapping[str, Any], now: float, ready: bool, limits: Limits) -> str | None:
    who = f"{beat['role']} (pid {beat['pid']})"
    if not runs(int(beat["pid"]), beat["started"]):
        return f"{who} does not run any more"
    age_s = now - float(beat["written"])
    if age_s < 0:
        return f"the heartbeat of {who} was written before this machine started"
    if age_s > limits.stale_s:
        return f"{who} hangs or is stopped: no heartbeat for {age_s:.0f} s, and {limits.stale_s:g} s is the most"
    if not beat["stopping"]:
        for kind, (expected, alive) in sorted(beat["threads"].items()):
            if alive < expected:
                return f"{who} has {alive} of {expected} {kind} threads"
        for name, loop in sorted(beat["loops"].items()):
            silent_s = float(beat["written"]) - float(loop["at"])
            if silent_s > float(loop["every_s"]) + limits.loop_s:
                return f"{who}: {name} has not come round for {silent_s:.0f} s: something blocks it"
    message = beat["message"]
    if message is not None:
        over_s = now - float(message["began"]) - float(message["time_limit_s"])
        if over_s > limits.overtime_s:
            name, limit_s = f"{message['actor']} ({message['message_id']})", float(message["time_limit_s"])
            return f"{who}: {name} runs {over_s:.0f} s beyond its limit of {limit_s:g} s"
    if ready and beat["stopping"]:
        return f"{who} is stopping"
    if ready and beat["waiting_for"]:
        return f"{who} still waits for {', '.join(beat['waiting_for'])}"
    return None


class Asked(NamedTuple):
    """What a local probe was asked for."""

    ready: bool
    limits: Limits


def asked(arguments: Sequence[str]) -> Asked | None:
    """What ``brandq ARGUMENTS`` asks of the process of this container; None for any other command, and for a fault."""
    if not arguments or arguments[0] != "probe":
        return None
    ready, limits = False, LIMITS
    rest = list(arguments[1:])
    while rest:
        word = rest.pop(0)
        if word == "--ready":
            ready = True
        elif word == "--stale-after" and rest and rest[0].isdecimal():
            limits = limits._replace(stale_s=float(rest.pop(0)))
        else:
            return None
    return Asked(ready, limits)


def probe(wanted: Asked) -> int:
    """Say on one line how the process of this container is; WELL, UNWELL or CANNOT_TELL."""
    faults: list[str] = []
    path = read_variable(own(), VARIABLE, faults)
    if path is None:
        unset = f"{VARIABLE} is not set: give the process and its probe the same file"
        sys.stderr.write("; ".join(faults or [unset]) + "\n")
        return CANNOT_TELL
    try:
        beat = read(path)
        found = fault(beat, now=time.monotonic(), ready=wanted.ready, limits=wanted.limits)
    except NoHeartbeat as error:
        found = str(error)
    well = found or f"{beat['role']} (pid {beat['pid']}) is {'ready' if wanted.ready else 'well'}"
    sys.stdout.write(f"{well}\n")
    return UNWELL if found else WELL

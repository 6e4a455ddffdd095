"""Messages are a contract between versions: what one version sends, the next one must be able to work on.

    python -m tests.actors.contract      writes down actors and arguments that are new; it removes nothing

``messages.json`` holds every actor with its queue and its arguments, in order. Messages of that form lie in queues while
workers are replaced, wait in ``.DQ`` for up to 15 minutes, and are still sent by processes of the version before. So an
actor that stands there stays, on its queue, with these arguments first, and every further one has a default, for good.

For another form, make another actor: leave ``analyze`` as it is, add ``analyze_v2`` beside it, and send that from now on.
The release after, when the old queue has no ``analyze`` any more, takes the old one out of the code and out of this file.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from brandq.actors import ACTORS
from brandq.actors.declare import declared
from brandq.actors.fitting import KINDS

FILE = Path(__file__).with_name("messages.json")
ANOTHER_FORM = "messages of the version before no longer fit; leave it and add {name}_v2 (docs/upgrading.md)"

#: what follows the kind of an argument that a message may leave out; it may never be lost again
DEFAULT = ", with a default"

#: actor -> queue and arguments, each with its kind
Contract = Mapping[str, Mapping[str, Any]]


def contract_of(functions: Iterable[Callable[..., Any]]) -> dict[str, dict[str, Any]]:
    """The queue of each function, and its arguments behind the desk, in order, each with its kind."""
    made: dict[str, dict[str, Any]] = {}
    for fn in functions:
        known = declared(fn)
        arguments = {one.name: _kind(one) for one in _parameters(fn)}
        made[known.actor_name] = {"queue": known.queue_name, "arguments": arguments}
    return made


def broken(contract: Contract, functions: Iterable[Callable[..., Any]]) -> Iterator[str]:
    """Each promise of the contract that these functions do not keep, and each that it does not hold yet."""
    by_name = {declared(fn).actor_name: fn for fn in functions}
    for name, promised in contract.items():
        if name not in by_name:
            yield f"{name} is gone: {ANOTHER_FORM.format(name=name)}, or nobody may send it any more: take it out here"
            continue
        fn = by_name[name]
        if declared(fn).queue_name != promised["queue"]:
            yield f"{name} moved to {declared(fn).queue_name}: {ANOTHER_FORM.format(name=name)}"
        for fault in _misfits(promised["arguments"], _parameters(fn)):
            yield f"{name}: {fault}: {ANOTHER_FORM.format(name=name)}"
        for one in _parameters(fn)[len(promised["arguments"]) :]:
            if _has_default(one):
                yield f"{name}: its argument {one.name} is new: write it down, `python -m tests.actors.contract`"
    for name in by_name:
        if name not in contract:
            yield f"{name} is new: write it down, `python -m tests.actors.contract`"


def _misfits(promised: Mapping[str, str], parameters: list[inspect.Parameter]) -> Iterator[str]:
    for place, (argument, kind) in enumerate(promised.items()):
        if place >= len(parameters):
            yield f"its argument {argument} is gone"
        elif parameters[place].name != argument:
            yield f"its argument {argument} is now {parameters[place].name}"
        elif _kind(parameters[place]) not in (kind, kind + DEFAULT):
            yield f"its argument {argument} was {kind} and is {_kind(parameters[place])}"
    for one in parameters[len(promised) :]:
        if not _has_default(one):
            yield f"its new argument {one.name} has no default"


def _parameters(fn: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(fn).parameters.values())[1:]


def _kind(parameter: inspect.Parameter) -> str:
    written = parameter.annotation
    kind = written if isinstance(written, str) else inspect.formatannotation(written)
    # a kind that no worker checks would be no promise
    if kind not in KINDS:
        raise ValueError(f"{parameter.name}: {kind} is none of {', '.join(KINDS)}, see fitting.py")
    return kind + DEFAULT if _has_default(parameter) else kind


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not inspect.Parameter.empty


def read_contract() -> dict[str, dict[str, Any]]:
    """The contract as it is written down."""
    written: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return written


def main() -> None:
    """Write down what is new; the test says what is broken."""
    now = contract_of(ACTORS)
    kept = read_contract() if FILE.exists() else {}
    for name, actor in now.items():
        there = kept.setdefault(name, actor)
        there["arguments"] |= {one: kind for one, kind in actor["arguments"].items() if one not in there["arguments"]}
    FILE.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

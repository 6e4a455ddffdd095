"""What must be seen wherever numbers are: that they were simulated, or came out of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from brandq.words import Words


def banners(document: Mapping[str, Any], words: Words, written: Callable[[str], str] = str) -> list[str]:
    """A sentence for each mark that the report has. ``written`` makes the names of engines safe for the form."""
    told = []
    for kind in ("simulated", "imported"):
        marked = document[kind]
        if not marked["any"]:
            continue
        engines = ", ".join(written(engine) for engine in marked["engines"]) or words.say("an engine")
        if kind == "simulated":
            told.append(
                words.say(
                    "SIMULATED: {samples} samples of {engines} were answered by a simulator. "
                    "Its numbers say nothing about any brand.",
                    samples=marked["samples"],
                    engines=engines,
                )
            )
        else:
            told.append(
                words.say(
                    "IMPORTED: {samples} samples of {engines} came out of a file; nobody was asked by brandq.",
                    samples=marked["samples"],
                    engines=engines,
                )
            )
    return told


def marks(block: Mapping[str, Any], words: Words) -> list[str]:
    """The marks of one engine's or one brand's numbers, in capitals."""
    simulated, imported = words.say("SIMULATED"), words.say("IMPORTED")
    return [mark for mark, marked in ((simulated, block["simulated"]), (imported, block["imported"])) if marked]

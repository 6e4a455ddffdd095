"""A message of the version before can be worked on by this one; a change that breaks this is seen here."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import dramatiq
import pytest

from brandq.actors import ACTORS
from brandq.actors.declare import actor, declared
from brandq.actors.fitting import KINDS, Unfit, read_message, require_fit
from tests.actors.contract import DEFAULT, broken, contract_of, read_contract

_EXAMPLES = {"int": 7, "str": "5f0c3a52", "bool": True, "list[int]": [1, 2]}


def _sent(name: str, promised: dict[str, Any]) -> dramatiq.Message[Any]:
    """A message as the written version sends it, as it lies in its queue."""
    arguments = tuple(_EXAMPLES[kind.removesuffix(DEFAULT)] for kind in promised["arguments"].values())
    sent: dramatiq.Message[Any] = dramatiq.Message(
        promised["queue"], name, arguments, {}, {"broker_priority": 5}, "m1", int(time.time() * 1000)
    )
    return read_message(sent.encode())


def test_this_version_keeps_the_contract() -> None:
    """Given the actors as they are written down, when they are compared with those of the code, then nothing is broken."""
    assert list(broken(read_contract(), ACTORS)) == []


def test_messages_of_the_written_version_fit() -> None:
    """Given a message for each actor as it is written down, when a worker of this version reads it, then it takes it."""
    functions = {declared(fn).actor_name: fn for fn in ACTORS}
    for name, promised in read_contract().items():
        require_fit(_sent(name, promised), promised["queue"], functions)
    assert set(_EXAMPLES) == set(KINDS)


def _analyze(**changes: Any) -> Callable[..., Any]:
    def analyze(desk: object, execution_id: str, sample_ids: list[int]) -> None: ...

    return actor(queue_name="brandq.analyze", **changes)(analyze)


def _of(*functions: Callable[..., Any]) -> list[str]:
    """What is broken when the written version has one actor and the code has these."""
    return list(broken(contract_of([_analyze()]), functions))


def test_an_actor_that_is_as_it_was_breaks_nothing() -> None:
    """Given the actor as it was, then nothing is broken."""
    assert _of(_analyze()) == []


def test_a_planted_change_of_name_or_queue_is_found() -> None:
    """Given an actor that is gone, renamed or moved, when it is compared, then that is told, and what to do instead."""
    (gone,) = _of()
    assert "analyze is gone" in gone
    assert "analyze_v2" in gone
    renamed = _of(_analyze(actor_name="read"))
    assert any("analyze is gone" in fault for fault in renamed)
    assert any("read is new" in fault for fault in renamed)

    @actor(queue_name="brandq.report")
    def analyze(desk: object, execution_id: str, sample_ids: list[int]) -> None: ...

    assert ["moved to brandq.report" in fault for fault in _of(analyze)] == [True]


def _changed() -> dict[str, Callable[..., Any]]:
    @actor(queue_name="brandq.analyze", actor_name="analyze")
    def fewer(desk: object, execution_id: str) -> None: ...

    @actor(queue_name="brandq.analyze", actor_name="analyze")
    def renamed(desk: object, execution_id: str, ids: list[int]) -> None: ...

    @actor(queue_name="brandq.analyze", actor_name="analyze")
    def of_another_kind(desk: object, execution_id: int, sample_ids: list[int]) -> None: ...

    @actor(queue_name="brandq.analyze", actor_name="analyze")
    def swapped(desk: object, sample_ids: list[int], execution_id: str) -> None: ...

    @actor(queue_name="brandq.analyze", actor_name="analyze")
    def more(desk: object, execution_id: str, sample_ids: list[int], again: bool) -> None: ...

    return {
        "sample_ids is gone": fewer,
        "sample_ids is now ids": renamed,
        "execution_id was str and is int": of_another_kind,
        "execution_id is now sample_ids": swapped,
        "new argument again has no default": more,
    }


@pytest.mark.parametrize("words", list(_changed()))
def test_a_planted_change_of_arguments_is_found(words: str) -> None:
    """Given arguments of which one is gone, renamed, of another kind, moved, or new without a default, then that is told."""
    found = _of(_changed()[words])
    assert any(words in fault and "analyze_v2" in fault for fault in found), found


def test_a_new_argument_with_a_default_is_only_to_be_written_down() -> None:
    """Given a further argument that has a default, then old messages fit, and the file is to name it before it is relied on."""

    @actor(queue_name="brandq.analyze", actor_name="analyze")
    def analyze(desk: object, execution_id: str, sample_ids: list[int], again: bool = False) -> None: ...

    (told,) = _of(analyze)
    assert "again is new: write it down" in told
    promised = contract_of([_analyze()])["analyze"]
    require_fit(_sent("analyze", promised), "brandq.analyze", {"analyze": analyze})

    # and once it is written down, its default may not be lost: messages without it are still about
    written = contract_of([analyze])
    assert list(broken(written, [analyze])) == []
    (lost,) = broken(written, [_changed()["new argument again has no default"]])
    assert "again was bool, with a default and is bool" in lost


def test_what_the_contract_calls_broken_a_worker_refuses() -> None:
    """Given arguments that are fewer or of another kind, when an old message meets a worker, then it is a dead letter: what the
    contract says before a release, the worker says after it."""
    promised = copy.deepcopy(contract_of([_analyze()])["analyze"])
    for words in ("sample_ids is gone", "execution_id was str and is int", "new argument again has no default"):
        with pytest.raises(Unfit, match="arguments do not fit"):
            require_fit(_sent("analyze", promised), "brandq.analyze", {"analyze": _changed()[words]})

"""How long an execution still takes is told from its own last minutes, or it is said why nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from brandq.time_left import BELIEVED_S, ENOUGH, WINDOW_S, EngineRest, time_left
from brandq.words import words_in

FAR_S = 7200.0


def rest(engine: str = "doubao", to_ask: int = 10, settled: int = 30, over_s: float = 60, **more: Any) -> EngineRest:
    return EngineRest(engine, to_ask, settled, over_s, **more)


def left(*rests: EngineRest, started: bool = True, deadline_s: float = FAR_S) -> tuple[int | None, str]:
    told = time_left(rests, started=started, deadline_s=deadline_s)
    return told.seconds, told.why


def test_the_slowest_engine_decides() -> None:
    """Given one engine that settles 30 in a minute and one that settles 3, when each has ten to go, then it takes as long as the slower one."""
    seconds, why = left(rest(), rest("qwen", settled=3))
    assert seconds == 200
    assert why == "qwen settled 3 samples in the last 60 s and has 10 to go; the slowest engine decides"


def test_an_engine_that_has_nothing_to_go_does_not_count() -> None:
    """Given a slow engine that is through, when another one has some to go, then only that one counts."""
    assert left(rest(), rest("qwen", to_ask=0, settled=0, over_s=180))[0] == 20


def test_before_there_is_a_pace_earlier_answers_count() -> None:
    """Given an engine that has just begun, when its earlier answers took 20 s and 4 are asked at a time, then ten take three times that; not when it has been silent for much longer than that."""
    begun = rest(settled=ENOUGH - 1, over_s=10, latency_ms=20_000, in_flight=4)
    assert left(begun)[0] == 60
    silent = rest(settled=0, over_s=BELIEVED_S + 1, latency_ms=20_000, in_flight=4)
    assert left(silent) == (None, "doubao has settled no sample in the last 61 s")
    slow = rest(settled=0, over_s=BELIEVED_S + 1, latency_ms=60_000, in_flight=4)
    assert left(slow)[0] == 180, "an engine whose answers take a minute is not silent after one"


def test_few_samples_in_a_full_window_are_a_pace() -> None:
    """Given an engine that settled one sample in three minutes, when two are to go, then that takes six."""
    assert left(rest(to_ask=2, settled=1, over_s=WINDOW_S))[0] == 2 * WINDOW_S


def test_a_retry_is_waited_for() -> None:
    """Given a quick engine with one sample to go, when that may not be asked before a minute, then it takes a minute."""
    assert left(rest(to_ask=1, waits_s=60))[0] == 60


@pytest.mark.parametrize(
    ("rests", "started", "why"),
    [
        ((rest(to_ask=0),), True, "everything was asked; the last answers are read and the report is built"),
        ((rest(settled=0, over_s=0),), False, "it waits for a worker; nothing was asked yet"),
        (
            (rest(paused="auth"), rest("qwen", paused="no_money")),
            True,
            "all that is left waits for doubao, qwen, which are paused until somebody acts",
        ),
        ((rest(), rest("qwen", settled=1, over_s=20)), True, "qwen has settled too few samples yet to tell"),
    ],
)
def test_what_nobody_knows_has_a_reason(rests: tuple[EngineRest, ...], started: bool, why: str) -> None:
    """Given something that cannot be told, when it is asked for, then there is no number, and the reason is said."""
    assert left(*rests, started=started) == (None, why)


def test_what_waits_for_people_takes_no_time_of_its_own() -> None:
    """Given a paused engine beside one that is asked, when the other one is through, the paused one's samples are given up; so the other one decides."""
    assert left(rest(), rest("qwen", settled=0, paused="auth", waits_s=3600))[0] == 20


def test_it_ends_at_its_deadline() -> None:
    """Given more to go than there is time, when it is asked for, then the deadline is the answer."""
    assert left(rest(to_ask=1000), deadline_s=90) == (90, "its deadline comes first; it ends then with what it has")


def test_every_reason_is_told_in_chinese() -> None:
    """Given each sentence that may be said, when it is told in Chinese, then none of its words is left in English."""
    told = [
        left(rest()),
        left(rest(settled=0, over_s=5, latency_ms=1500)),
        left(rest(settled=1, over_s=5)),
        left(rest(settled=0, over_s=90)),
        left(rest(to_ask=0)),
        left(rest(), started=False),
        left(rest(paused="auth")),
        left(rest(to_ask=1000), deadline_s=90),
    ]
    for _, why in told:
        chinese = words_in("zh").told(why).replace("doubao", "").replace("AI", "")
        assert chinese
        assert not any(char.isascii() and char.isalpha() for char in chinese), chinese

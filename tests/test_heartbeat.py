"""What a process writes about itself, and what ``brandq probe`` makes of it: nobody else is asked."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dramatiq.middleware.threading import raise_thread_exception
from dramatiq.middleware.time_limit import TimeLimitExceeded

from brandq import heartbeat
from brandq.__main__ import main
from brandq.actors.declare import actor, message
from brandq.actors.embedded import EmbeddedBroker
from brandq.actors.middleware import RollCall
from brandq.beating import Heart, beating, watch_worker
from brandq.errors import BadSettings
from brandq.heartbeat import LIMITS, asked, fault, started
from tests.actors.working import SOON_S, NotingDesk, opened, working
from tests.servers.rabbitmq import RabbitmqServer
from tests.waiting import wait_until
from tests.walk.site import Process, Site, site

NOW = 1_000.0
FETCH = "brandq.fetch"


def beat(**changes: Any) -> dict[str, Any]:
    """The heartbeat of this very process, well and ready at NOW."""
    return {
        "pid": os.getpid(),
        "started": started(os.getpid()),
        "role": "work fetch",
        "version": "1",
        "written": NOW - 1,
        "every_s": 2.0,
        "stopping": False,
        "threads": {"worker": [8, 8], "consumer": [2, 2], "loop": [1, 1]},
        "loops": {"the actors' loop": {"at": NOW - 3, "every_s": 2.0}},
        "message": {"actor": "fetch", "message_id": "m1", "began": NOW - 100, "time_limit_s": 600.0},
        "waiting_for": [],
        **changes,
    }


UNWELL = {
    "stale": ({"written": NOW - 31}, "hangs or is stopped: no heartbeat for 31 s"),
    "of another boot": ({"written": NOW + 500}, "before this machine started"),
    "a worker thread died": ({"threads": {"worker": [8, 7]}}, "7 of 8 worker threads"),
    "a consumer died": ({"threads": {"consumer": [2, 1]}}, "1 of 2 consumer threads"),
    "the loop's thread died": ({"threads": {"loop": [1, 0]}}, "0 of 1 loop threads"),
    "the loop is blocked": ({"loops": {"the loop": {"at": NOW - 64, "every_s": 2.0}}}, "the loop has not come round"),
    "the clock stands": ({"loops": {"the clock": {"at": NOW - 122, "every_s": 60.0}}}, "the clock has not come round"),
    "a message over its limit": (
        {"message": {"actor": "tick", "message_id": "m2", "began": NOW - 111, "time_limit_s": 50.0}},
        "tick (m2) runs 61 s beyond its limit of 50 s",
    ),
    "another process has its number": ({"started": 1}, "does not run any more"),
    "of another shape": ({"threads": 7}, "of another shape"),
}


@pytest.mark.parametrize("name", UNWELL)
def test_a_process_that_is_not_well_is_told_apart(name: str) -> None:
    """Given a heartbeat with one thing wrong in it, when it is judged, then that thing is named."""
    changes, words = UNWELL[name]
    assert words in (fault(beat(**changes), now=NOW) or "well")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"written": NOW - 29},
        {"loops": {"the clock": {"at": NOW - 100, "every_s": 60.0}}},
        {"message": None},
        {"message": {"actor": "fetch", "message_id": "m", "began": NOW - 655, "time_limit_s": 600.0}},
        {"waiting_for": ["a consumer of brandq.fetch"]},
        {"stopping": True, "threads": {"worker": [8, 0]}},
    ],
)
def test_a_process_that_is_well_is_left_alone(changes: dict[str, Any]) -> None:
    """Given a process that is well, waits for the broker, or is stopping, when it is judged, then nothing is wrong."""
    assert fault(beat(**changes), now=NOW) is None


def test_ready_asks_for_more_than_well() -> None:
    """Given a process that still waits for something, or is stopping, when its readiness is asked, then it is not ready."""
    waiting = beat(waiting_for=["a consumer of brandq.fetch", "a consumer of brandq.fetch.DQ"])
    assert "waits for a consumer of brandq.fetch, a con" in (fault(waiting, now=NOW, ready=True) or "")
    assert "is stopping" in (fault(beat(stopping=True), now=NOW, ready=True) or "")
    assert fault(beat(), now=NOW, ready=True) is None


def test_a_process_that_has_ended_is_not_well() -> None:
    """Given a process that was killed and that nobody has buried yet, when its heartbeat is judged, then it does not run."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    theirs = beat(pid=child.pid, started=started(child.pid))
    assert fault(theirs, now=NOW) is None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert "does not run" in (fault(theirs, now=NOW) or "")
    child.communicate()
    assert "does not run" in (fault(theirs, now=NOW) or "")


def test_only_a_probe_without_an_engine_is_local() -> None:
    """Given command lines, when they are looked at, then those that ask about this process are told from all others."""
    assert asked(["probe"]) == (False, LIMITS)
    assert asked(["probe", "--ready"]) == (True, LIMITS)
    assert asked(["probe", "--stale-after", "5"]) == (False, LIMITS._replace(stale_s=5.0))
    for other in ([], ["doctor"], ["probe", "kimi"], ["probe", "--help"], ["probe", "--stale-after", "x"]):
        assert asked(other) is None


# the command


def told(file: Path | None, *arguments: str) -> tuple[int, str]:
    """What ``brandq probe`` ends with and says."""
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    if file is not None:
        environment["BRANDQ_HEARTBEAT_FILE"] = str(file)
    done = subprocess.run(
        [sys.executable, "-m", "brandq", "probe", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_probe_imports_nothing_heavy() -> None:
    """Given a local probe, when it has run, then of brandq it has imported three small modules, and no library."""
    source = (
        "import sys; from brandq.__main__ import main; main(['probe']);"
        "print(*sorted({name.split('.')[0] for name in sys.modules} - {'__main__', *sys.stdlib_module_names}),"
        "*sorted(name for name in sys.modules if name.startswith('brandq.')), 'asyncio' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {source}"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [
        "brandq", "brandq.__main__", "brandq.environment", "brandq.heartbeat", "False"
    ]  # fmt: skip


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """Given no setting, no file or no heartbeat in it, when a probe is made, then it says which, by its status too."""
    code, words = told(None)
    assert (code, "BRANDQ_HEARTBEAT_FILE is not set" in words) == (2, True)
    code, words = told(tmp_path / "heartbeat")
    assert (code, "is not there: the process has not started" in words) == (1, True)
    (tmp_path / "heartbeat").write_text("{")
    code, words = told(tmp_path / "heartbeat")
    assert (code, "cannot be read" in words) == (1, True)


def test_the_help_explains_both_probes(capsys: pytest.CaptureFixture[str]) -> None:
    """Given `brandq probe --help`, when it is read, then it tells of this process and of engines."""
    with pytest.raises(SystemExit):
        main(["probe", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert [word for word in ("BRANDQ_HEARTBEAT_FILE", "--ready", "kimi/MODEL") if word not in shown] == []


# what is written


@pytest.fixture
def heart(tmp_path: Path) -> Iterator[Heart]:
    with beating(tmp_path / "heartbeat", "work test", every_s=0.05) as made:
        yield made


def found(heart: Heart, *, ready: bool = False, limits: heartbeat.Limits = LIMITS) -> str:
    """What a probe would say now."""
    written = json.loads(Path(str(heart.path)).read_text())
    return fault(written, now=time.monotonic(), ready=ready, limits=limits) or "well"


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with opened("embedded") as broker:
        assert isinstance(broker, EmbeddedBroker)
        yield broker


def test_the_file_goes_when_the_process_does(tmp_path: Path) -> None:
    """Given a heart, when its block begins and ends, then its file appears and vanishes, and nothing lies beside it."""
    with beating(tmp_path / "heartbeat", "web", every_s=0.05) as heart:
        assert found(heart) == "well"
        assert "its own start" in found(heart, ready=True)
        heart.up()
        assert found(heart, ready=True) == "well"
        written = heart.told()["written"]
        wait_until(lambda: json.loads((tmp_path / "heartbeat").read_text())["written"] > written, SOON_S, "another")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_a_bad_setting(tmp_path: Path) -> None:
    """Given a folder that is not there, when a heart starts, then the process says so and does not start."""
    with pytest.raises(BadSettings, match="cannot write"), beating(tmp_path / "no" / "heartbeat", "web"):
        pass


def test_a_file_that_cannot_be_written_any_more_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Given a folder that vanishes, when a heart beats on, then it says so in the log, and the process works on."""
    folder = tmp_path / "gone"
    folder.mkdir()
    with beating(folder / "heartbeat", "web", every_s=0.05):
        (folder / "heartbeat").unlink()
        wait_until((folder / "heartbeat").exists, SOON_S, "the next heartbeat")
        folder.rename(tmp_path / "elsewhere")
        wait_until(lambda: "cannot write the heartbeat" in caplog.text, SOON_S, "the log")


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    """Given no file, when a heart beats, then it does nothing, and its process needs to know of no difference."""
    with beating(None, "web") as heart:
        heart.up()
        heart.stopping()


def test_a_worker_is_well_and_ready(broker: EmbeddedBroker, heart: Heart) -> None:
    """Given a worker, when it is watched, then it is ready, and its message in progress has the limit of its actor."""
    release = threading.Event()

    @actor(queue_name=FETCH, time_limit=5_000)
    def fetch(desk: NotingDesk) -> None:
        desk.note("begun")
        release.wait(SOON_S)

    desk = NotingDesk()
    with working(broker, desk, fetch) as worker:
        watch_worker(heart, worker)
        heart.up()
        assert found(heart, ready=True) == "well"
        assert heart.told()["threads"] == {"worker": [4, 4], "consumer": [1, 1], "loop": [1, 1]}
        assert heart.told()["message"] is None
        broker.enqueue(message(fetch))
        desk.wait_for(1)
        assert heart.told()["message"]["actor"] == "fetch"
        assert heart.told()["message"]["time_limit_s"] == 5.0
        release.set()
        wait_until(lambda: heart.told()["message"] is None, SOON_S, "the message to be done")


def test_a_blocked_loop_is_not_well(broker: EmbeddedBroker, heart: Heart) -> None:
    """Given an actor that blocks the loop, when it has done so for too long, then the probe says so, and afterwards not."""
    release = threading.Event()

    @actor(queue_name=FETCH)
    async def fetch(desk: NotingDesk) -> None:
        desk.note("begun")
        release.wait(SOON_S)  # what no coroutine may do

    desk = NotingDesk()
    limits = LIMITS._replace(loop_s=0.3)
    with working(broker, desk, fetch) as worker:
        watch_worker(heart, worker)
        heart.up()
        broker.enqueue(message(fetch))
        desk.wait_for(1)
        wait_until(
            lambda: "the actors' loop has not come round" in found(heart, limits=limits), SOON_S, "it to be told"
        )
        release.set()
        wait_until(lambda: found(heart, limits=limits) == "well", SOON_S, "it to be well again")


def test_a_message_beyond_its_limit_is_not_well(broker: EmbeddedBroker, heart: Heart) -> None:
    """Given an actor that its time limit cannot interrupt, when it runs on for too long, then the probe says so."""
    release = threading.Event()

    @actor(queue_name=FETCH, time_limit=100, max_retries=0)
    def fetch(desk: NotingDesk) -> None:
        desk.note("begun")
        release.wait(SOON_S)

    desk = NotingDesk()
    limits = LIMITS._replace(overtime_s=0.2)
    with working(broker, desk, fetch) as worker:
        watch_worker(heart, worker)
        heart.up()
        broker.enqueue(message(fetch))
        desk.wait_for(1)
        wait_until(lambda: "beyond its limit of 0.1 s" in found(heart, limits=limits), SOON_S, "it to be told")
        release.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_not_well(broker: EmbeddedBroker, heart: Heart) -> None:
    """Given a worker thread that an error ended between two messages, when a probe is made, then it says so."""
    # a roll call that never comes, or it would end the process
    broker.middleware[:] = [RollCall(every_s=1_000) if isinstance(one, RollCall) else one for one in broker.middleware]

    @actor(queue_name=FETCH)
    def fetch(desk: NotingDesk) -> None: ...

    with working(broker, NotingDesk(), fetch) as worker:
        watch_worker(heart, worker)
        heart.up()
        ident = worker.workers[0].ident
        assert ident is not None
        raise_thread_exception(ident, TimeLimitExceeded)
        wait_until(lambda: "3 of 4 worker threads" in found(heart), SOON_S, "the dead thread to be told")
        heart.stopping()
        assert found(heart) == "well", "a process that stops loses its threads"


def test_a_loop_that_is_asked_comes_round(heart: Heart) -> None:
    """Given an event loop, when it runs, then each writing has it come round; when it does not, it stays behind."""
    loop = asyncio.new_event_loop()
    heart.watch_loop("a loop", loop)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    at = heart.told()["loops"]["a loop"]["at"]
    wait_until(lambda: heart.told()["loops"]["a loop"]["at"] > at, SOON_S, "the loop to come round")
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    wait_until(
        lambda: "a loop has not" in found(heart, limits=LIMITS._replace(loop_s=0.2)), SOON_S, "it to stay behind"
    )


# real processes


@pytest.fixture
def running(tmp_path: Path, postgres_url: str, rabbitmq_url: str) -> Iterator[Site]:
    with site(tmp_path, postgres_url, rabbitmq_url) as made:
        yield made


def until(file: Path, code: int, words: str, *arguments: str) -> None:
    """Wait until a probe ends and speaks like this."""
    said: list[tuple[int, str]] = []

    def right() -> bool:
        said[:] = [told(file, *arguments)]
        return said[0][0] == code and words in said[0][1]

    wait_until(right, 40, f"`brandq probe` to say {words!r}", every_s=0.2)


def test_an_outage_of_the_broker_is_no_reason_to_restart(
    running: Site, rabbitmq_server: RabbitmqServer, tmp_path: Path
) -> None:
    """Given a worker, a web and a clock on a broker, when it goes down, then all stay well, the worker is not ready, and it
    is again when the broker is back; a worker that is frozen is not well, nor one that was killed; who stops leaves no file."""
    files = {name: tmp_path / name for name in ("work", "web", "clock")}
    worker = running.worker("fetch", BRANDQ_HEARTBEAT_FILE=str(files["work"]))
    running.web(BRANDQ_HEARTBEAT_FILE=str(files["web"]))
    clock = running.start("clock", BRANDQ_HEARTBEAT_FILE=str(files["clock"]))
    for name, role in (("work", "work fetch"), ("web", "web"), ("clock", "clock")):
        until(files[name], 0, f"{role} (pid", "--ready")
    rabbitmq_server.kill()
    until(files["work"], 1, "waits for a consumer of brandq.fetch", "--ready")
    for file in files.values():
        assert told(file)[0] == 0
    rabbitmq_server.start()
    until(files["work"], 0, "is ready", "--ready")
    _frozen_then_killed(worker, files["work"])
    assert clock.stop() == 0
    assert told(files["clock"])[0] == 1
    assert not files["clock"].exists()


def _frozen_then_killed(worker: Process, file: Path) -> None:
    worker.pause()
    until(file, 1, "hangs or is stopped", "--stale-after", "3")
    worker.resume()
    until(file, 0, "is well", "--stale-after", "3")
    worker.kill()
    assert told(file) == (1, f"work fetch (pid {worker.popen.pid}) does not run any more\n")

"""How a process of each role starts and stops: the embedded pipeline, a worker, the web, the clock.

Here and nowhere else the parts meet: settings, desk, broker, worker, simulator, web server, signals.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import uvicorn

from brandq import store
from brandq.actors import ACTORS
from brandq.actors.broker import run_worker, stop_worker
from brandq.actors.clock import minute_by_minute
from brandq.actors.declare import QUEUES, bind
from brandq.actors.desk import Desk
from brandq.actors.upkeep import resume
from brandq.beating import Heart, beating, watch_publisher, watch_worker
from brandq.errors import BadSettings
from brandq.exporter import telling
from brandq.settings import Secret, Settings
from brandq.simulator import Simulator
from brandq.web.app import create_app
from brandq.web.events.streams import Streams

logger = logging.getLogger(__name__)

#: on top of the grace that running calls get: handing back, acknowledging, closing connections
STOP_SLACK_S = 10
#: a request that still runs when the web server stops gets so long; the longest reads a report
WEB_GRACE_S = 10
#: a client that acknowledges nothing, or takes nothing of what it is sent, for so long is cut off
DEAF_S = 60
#: threads of the embedded pipeline beside the fetching ones, so that slow assistants never hold up a report
EMBEDDED_THREADS = 12


@contextmanager
def simulated(settings: Settings) -> Iterator[Settings]:
    """The settings with the address of a simulator, started here when one may be needed and none was named."""
    if settings.simulate == "off" or settings.simulator_url is not None:
        yield settings
        return
    with Simulator(port=0) as simulator:
        yield replace(settings, simulator_url=simulator.url)


@contextmanager
def pipeline(settings: Settings, *, role: str, heart: Heart | None = None) -> Iterator[Desk]:
    """The whole pipeline inside this process: a migrated database, a worker on every queue, and the clock.

    Only for the embedded broker: its messages live in this process, and what is open in the tables is sent again here.
    """
    if not settings.embedded:
        raise BadSettings(
            ["BRANDQ_BROKER_URL names a broker: start `brandq web`, `brandq work` and `brandq clock` there"]
        )
    settings = replace(settings, threads=max(settings.threads, EMBEDDED_THREADS))
    # a command that comes and goes is not what a probe asks about
    heart = heart or Heart(None, role)
    store.migrate(settings.database_url.reveal())
    with simulated(settings) as settings:
        desk = Desk(settings, role=role)
        bind(desk.broker, desk, ACTORS)
        worker = run_worker(desk.broker, queues=set(QUEUES), threads=settings.threads)
        watch_worker(heart, worker)
        watch_publisher(heart, desk.publisher)
        stop_clock = minute_by_minute(desk, heart.came_round)
        try:
            with desk.database.read() as db:
                owners = store.lease_owners(db)
            resume(desk, dead=[owner for owner in owners if _is_dead(owner)])
            yield desk
        finally:
            heart.stopping()
            stop_clock()
            try:
                stop_worker(worker, (settings.grace_s + STOP_SLACK_S) * 1000)
            finally:
                desk.close()


def _is_dead(owner: str) -> bool:
    """Whether a worker of this host has ended; of other hosts nothing is known, and their leases are waited for."""
    host, _, pid = owner.rpartition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    # a claim under our own number was left by a process that had it before us: we have claimed nothing yet
    return int(pid) == os.getpid()


@contextmanager
def reaching(settings: Settings, *, role: str) -> Iterator[Desk]:
    """A desk that sends to the broker, whose workers are other processes."""
    desk = Desk(settings, role=role)
    bind(desk.broker, desk, ACTORS)
    try:
        store.require_served(desk.database)
        yield desk
    finally:
        desk.close()


def work(settings: Settings, queues: Sequence[str]) -> None:
    """Serve these queues of the broker until SIGTERM or SIGINT; a second signal ends at once."""
    if settings.embedded:
        raise BadSettings(["BRANDQ_BROKER_URL is `embedded`: there is no queue to work on; use `brandq serve`"])
    wanted = {f"brandq.{queue}" for queue in queues} or set(QUEUES)
    role = "work " + "+".join(sorted(queue.removeprefix("brandq.") for queue in wanted))
    with beating(settings.heartbeat_file, role) as heart, simulated(settings) as settings:
        desk = Desk(settings, role=role)
        exporter = telling(desk)
        heart.watch_threads("exporter", exporter.threads)
        store.require_served(desk.database)
        bind(desk.broker, desk, ACTORS)
        wait_for_signal = stop_on_signal()
        worker = run_worker(desk.broker, queues=wanted, threads=settings.threads)
        watch_worker(heart, worker)
        watch_publisher(heart, desk.publisher)
        heart.up()
        logger.info("%s with %d threads serves %s", desk.worker, settings.threads, ", ".join(sorted(wanted)))
        wait_for_signal()
        heart.stopping()
        logger.info("stopping; running calls have %d s", settings.grace_s)
        try:
            stop_worker(worker, (settings.grace_s + STOP_SLACK_S) * 1000)
        finally:
            desk.close()
            exporter.close()


def stop_on_signal() -> Callable[[], None]:
    """From now on SIGTERM and SIGINT only tell; the function that returns once the first has come.

    The second ends the process at once. A signal may be delivered to any thread, and to a process that was frozen it
    often is to another one than the main thread: that sleeps on, and Python's handler waits for it to wake up. So they
    are told through a socket, whoever gets them.
    """
    told, telling = socket.socketpair()
    telling.setblocking(False)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda _signum, _frame: None)
    # for good: closed, it would be told no more
    signal.set_wakeup_fd(telling.detach(), warn_on_full_buffer=False)

    def end_at_the_next() -> None:
        signum = told.recv(1)[0]
        # nothing is lost by this: leases pass and sweeps send again
        os._exit(128 + signum)

    def wait() -> None:
        told.recv(1)
        threading.Thread(target=end_at_the_next, name="brandq-second-signal", daemon=True).start()

    return wait


def web(desk: Desk, *, heart: Heart, on_start: Callable[[str], None] | None = None) -> None:
    """Serve the endpoints until SIGTERM or SIGINT. BadSettings where the address would let strangers in."""
    settings = desk.settings
    store.require_served(desk.database)
    with desk.database.read() as db:
        if not settings.on_loopback and not store.any_keys(db):
            raise BadSettings(
                [
                    f"BRANDQ_HOST is {settings.host}, which others can reach, and there is no API key: "
                    "create one with `brandq keys add NAME`, or listen on 127.0.0.1"
                ]
            )
    listening = _listen(settings)
    app = create_app(desk)
    exporter = telling(desk, app.state.metrics.told)
    heart.watch_threads("exporter", exporter.threads)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        # forwarded headers are believed only as far as BRANDQ_FORWARDED_HOPS says, see web/access.py
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=WEB_GRACE_S,
    )
    if on_start is not None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        on_start(f"http://{host}:{listening.getsockname()[1]}")
    # uvicorn raises the signal again once it has stopped; by then it must only end this function
    signal.signal(signal.SIGTERM, lambda _signum, _frame: None)
    try:
        Server(config, app.state.streams, heart).run(sockets=[listening])
    except KeyboardInterrupt:
        logger.info("stopped")
    finally:
        exporter.close()


class Server(uvicorn.Server):
    """One that ends its event streams before it waits for its requests, which they would keep it from."""

    def __init__(self, config: uvicorn.Config, streams: Streams, heart: Heart | None = None) -> None:
        super().__init__(config)
        self._streams = streams
        self._heart = heart or Heart(None, "web")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._heart.watch_loop("the web server's loop", asyncio.get_running_loop())
        if self.started:
            self._heart.up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._heart.stopping()
        self._streams.close()
        await super().shutdown(sockets)


def _listen(settings: Settings) -> socket.socket:
    """The socket to serve on. BadSettings where the address is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # for every connection: a client that takes nothing for so long holds its place and its socket no longer
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAF_S * 1000)
        return listening
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise BadSettings(
            [f"cannot listen on {where}: {error.strerror or error}; see BRANDQ_HOST and BRANDQ_PORT"]
        ) from error


def with_database(settings: Settings, path: str) -> Settings:
    """The settings with another SQLite file, for an execution that brings its own."""
    return replace(settings, database_url=Secret(f"sqlite:///{path}"), broker_url=Secret("embedded"))

"""The exporter: a thread of any process that tells Prometheus its counts, and ends the process when it dies.

It serves GET /metrics and nothing else, to whoever asks: which address that is, the operator says. However slowly a
client reads or writes, it holds up nobody else, and not for long.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST

from brandq.actors.desk import Desk
from brandq.actors.middleware import end_process
from brandq.errors import BadSettings

logger = logging.getLogger(__name__)

#: for one request and its reply together. Prometheus waits 10 s where it is not told otherwise
PATIENCE_S = 10.0
#: connections at once; several scrapers need one each, and what goes beyond is hung up on
MOST_OPEN = 64
#: a scrape's head has some 300 bytes
MAX_HEAD_BYTES = 8192
#: for the thread to end when it is told to
CLOSE_S = 2.0


class Exporter:
    """Has its address at once, and answers from ``start`` on; None: nowhere. BadSettings where it cannot be had.

    ``told`` makes the text, in a thread of its own; ``end`` is called once when the thread has died.
    """

    def __init__(
        self, address: tuple[str, int] | None, told: Callable[[], bytes], end: Callable[[], None] = end_process
    ) -> None:
        self.told = told
        self.end = end
        self.thread: threading.Thread | None = None
        #: the thread ended without being told to
        self.died = False
        self._closing = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        #: the connections that are being answered
        self._open: set[asyncio.Task[None]] = set()
        self._making = ThreadPoolExecutor(1, thread_name_prefix="brandq-metrics")
        self._listening = None if address is None else _listen(*address)

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it listens, with the port that it got."""
        return None if self._listening is None else self._listening.getsockname()[:2]

    def start(self) -> None:
        if self._listening is None:
            return
        self.thread = threading.Thread(target=self._serve, name="brandq-exporter", daemon=True)
        self.thread.start()
        threading.Thread(target=self._watch, args=(self.thread,), name="brandq-exporter-watch", daemon=True).start()

    def threads(self) -> tuple[int, int]:
        """How many threads there should be, and how many live."""
        expected = self._listening is not None and not self._closing.is_set()
        return int(expected), int(expected and self.thread is not None and self.thread.is_alive())

    def close(self) -> None:
        """Stop listening. The process ends with status 3 where the thread had died, so that it is started again."""
        self._closing.set()
        if self.thread is not None and self.thread.is_alive():
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._stopping.set)
            self.thread.join(CLOSE_S)
        if self._listening is not None:
            self._listening.close()
        self._making.shutdown(wait=False, cancel_futures=True)
        if self.died:
            raise SystemExit(3)

    def _watch(self, thread: threading.Thread) -> None:
        thread.join()
        if not self._closing.is_set():
            self.died = True
            logger.critical("the exporter's thread died: nobody would see this process any more, which ends now")
            self.end()

    def _serve(self) -> None:
        asyncio.run(self._listen_on())

    async def _listen_on(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._answer, sock=self._listening, limit=MAX_HEAD_BYTES)
        if self._closing.is_set():
            self._stopping.set()
        await self._stopping.wait()
        server.close()
        for answering in tuple(self._open):
            answering.cancel()
        if self._open:
            await asyncio.wait(tuple(self._open), timeout=CLOSE_S / 2)
        # for connections that are hung up on to be closed
        await asyncio.sleep(0)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one reply. A client that asks for nothing, or takes nothing, is hung up on in the end."""
        answering = asyncio.current_task()
        if answering is None or len(self._open) >= MOST_OPEN:
            writer.transport.abort()
            return
        self._open.add(answering)
        try:
            async with asyncio.timeout(PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._reply(head))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            logger.debug("a scrape was not answered: %s", type(error).__name__)
        except asyncio.CancelledError:
            # by ``_listen_on``, for the last time: asyncio would log it as a fault of ours
            logger.debug("a scrape was not answered: the exporter ends")
        finally:
            self._open.discard(answering)
            writer.transport.abort()

    async def _reply(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
        if method != b"GET":
            return _reply(HTTPStatus.METHOD_NOT_ALLOWED, b"GET /metrics is all there is\n", "Allow: GET\r\n")
        if rest.partition(b" ")[0].partition(b"?")[0] != b"/metrics":
            return _reply(HTTPStatus.NOT_FOUND, b"GET /metrics is all there is\n")
        # however many ask, one text is made at a time
        text = await asyncio.get_running_loop().run_in_executor(self._making, self.told)
        return _reply(HTTPStatus.OK, text, content_type=CONTENT_TYPE_LATEST)


def telling(desk: Desk, told: Callable[[], bytes] | None = None) -> Exporter:
    """The exporter of a process, if it is to have one. ``told`` makes its text; None: its meters alone make it."""
    exporter = Exporter(desk.settings.metrics_address, told or desk.meters.told)
    if exporter.address is not None:
        desk.meters.watch_threads("exporter", exporter.threads)
    exporter.start()
    return exporter


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        where = f"{host}:{port}"
        raise BadSettings(
            [f"cannot tell metrics on {where}: {error.strerror or error}; see BRANDQ_METRICS_ADDRESS"]
        ) from error


def _reply(
    status: HTTPStatus, body: bytes, more: str = "", *, content_type: str = "text/plain; charset=utf-8"
) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\nCache-Control: no-store\r\n{more}\r\n"
    )
    return head.encode() + body

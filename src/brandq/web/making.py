"""Pages, workbooks and PDFs, made by a process of their own, one at a time: this file is both ends of it.

They take seconds of one processor and, for large reports, hundreds of megabytes. In this process each request would
wait for the interpreter meanwhile, and the memory would stay. That one ends with its file, and is killed when whoever
asked for it leaves.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from brandq import store
from brandq.errors import BrandqError, CannotMake, Conflict, DatabaseNotReady
from brandq.exports import html, pdf, xlsx
from brandq.exports.spreadsheets import read_by
from brandq.reports.facts import SampleWithText
from brandq.words import words_in

#: answers in memory at once
PAGE = 100
#: no report that can be asked for takes as long; one that does would keep the others from being made
MOST_S = 300.0
_CHUNK_BYTES = 64 * 1024
#: errors that mean to the caller what they mean here
_TOLD: Mapping[str, type[BrandqError]] = {kind.__name__: kind for kind in (CannotMake, Conflict, DatabaseNotReady)}
_TOLD_STATUS = 3

_turns: RunVar[CapacityLimiter] = RunVar("brandq.web.making.turns")


def _turn() -> CapacityLimiter:
    try:
        return _turns.get()
    except LookupError:
        _turns.set(CapacityLimiter(1))
        return _turns.get()


def samples_of(database: store.Database, document: Mapping[str, Any]) -> Iterator[SampleWithText]:
    """The samples that a report was made of, read page by page; no transaction is open while they are used.

    Conflict where answers were read by another method meanwhile.
    """
    execution_id, method_version = document["execution_id"], read_by(document)
    after = store.FIRST_PLACE
    while True:
        with database.read() as db:
            page = store.samples_with_text(db, execution_id, after, PAGE, method_version=method_version)
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1].facts
        after = (last.prompt_no, last.engine, last.repeat_no)


class Made(StreamingResponse):
    """A file that is made when its turn comes, then sent, then gone; nothing of it is left if anything goes wrong.

    What is wrong with it is an error like any other, since nothing is sent before it is whole. ``order`` is what
    ``main`` takes.
    """

    def __init__(self, order: Mapping[str, Any], *, headers: Mapping[str, str], media_type: str) -> None:
        super().__init__((), headers=headers, media_type=media_type)
        self._order = order

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with await self._unless_gone(receive) as file:
            self.headers["Content-Length"] = str(os.fstat(file.fileno()).st_size)
            self.body_iterator = iterate_in_threadpool(iter(partial(file.read, _CHUNK_BYTES), b""))
            await super().__call__(scope, receive, send)

    async def _unless_gone(self, receive: Receive) -> IO[bytes]:
        """The file. ClientDisconnect where the caller left before it was there."""
        making = asyncio.ensure_future(_made(self._order))
        leaving = asyncio.ensure_future(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({making, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if making.done():
                return making.result()
            raise ClientDisconnect
        finally:
            for task in (making, leaving):
                task.cancel()
            await asyncio.wait({making, leaving})


async def _made(order: Mapping[str, Any]) -> IO[bytes]:
    with TemporaryDirectory(prefix="brandq-") as folder:
        path = Path(folder) / "made"
        try:
            async with _turn(), asyncio.timeout(MOST_S):
                await _by_a_process({**order, "path": str(path)})
        except TimeoutError as error:
            raise CannotMake(f"it takes more than {MOST_S:g} seconds; take csv, html or json instead") from error
        # it has no name from here on, and is gone when it is closed
        return path.open("rb")


async def _by_a_process(order: Mapping[str, Any]) -> None:
    # the path of this process is not in its environment where it is a checkout's or a test's
    program = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        told, _ = await process.communicate(json.dumps(order).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == _TOLD_STATUS:
        name, detail = json.loads(told)
        raise _TOLD[name](detail)
    if process.returncode:
        raise RuntimeError(
            f"the process that makes a {order['form']} ended with {process.returncode}; its log says why"
        )


# -- in that process


def main() -> None:
    """Make what the order on stdin asks for. An error that the caller is told goes to stdout, with a status of its own.

    An order has the ``form``, html, pdf or xlsx, the ``document``, the ``language``, the ``path`` of the file, and
    the ``database_url``, from which a workbook's answers come.
    """
    order = json.loads(sys.stdin.buffer.read())
    path, document, words = Path(order["path"]), order["document"], words_in(order["language"])
    try:
        if order["form"] == "pdf":
            path.write_bytes(pdf.made(document, words=words))
        elif order["form"] == "html":
            page = html.render(document, words=words)
            path.write_text(page, encoding="utf-8", errors="replace")
        else:
            database = store.Database(order["database_url"], pool_size=1, name="brandq export")
            try:
                xlsx.write(document, samples_of(database, document), path, words=words)
            finally:
                database.dispose()
    except tuple(_TOLD.values()) as error:
        name = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _TOLD)
        sys.stdout.write(json.dumps([name, str(error)]))
        sys.stdout.flush()
        raise SystemExit(_TOLD_STATUS) from error

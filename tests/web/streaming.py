"""A real HTTP server over a desk, and clients that read event streams from it as a browser does."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import uvicorn

from brandq.actors.desk import Desk
from brandq.running import Server
from brandq.web.app import create_app
from brandq.web.schemas import EVENTS, SCHEMAS
from tests.waiting import wait_until

#: seconds within which an event comes, or a stream ends, on a busy machine
SOON_S = 30


@dataclass
class Served:
    """A desk's application, served over HTTP on this machine."""

    url: str
    server: Server
    streams: Any

    def stream(self, execution_id: str, **options: Any) -> Stream:
        return Stream(f"{self.url}/api/executions/{execution_id}/events", **options)


@contextmanager
def served(desk: Desk, port: int = 0) -> Iterator[Served]:
    app = create_app(desk)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="on")
    server = Server(config, app.state.streams)
    running = threading.Thread(target=server.run, name="served")
    running.start()
    wait_until(lambda: server.started, SOON_S, "the server to start")
    port = port or server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{port}", server, app.state.streams)
    finally:
        server.should_exit = True
        running.join(SOON_S)
        assert not running.is_alive()


@dataclass(frozen=True)
class Happened:
    """One event as it came."""

    name: str
    id: str | None
    data: Any


class Stream:
    """One client of an event stream; what it is told is read as it comes and checked against its schema."""

    def __init__(
        self, url: str, *, query: str = "", last_event_id: str | None = None, key: str | None = None, reads: bool = True
    ) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=SOON_S)
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._connection.request("GET", f"{parts.path}{query}", headers=headers)
        self._socket = self._connection.sock
        self._reply = self._connection.getresponse()
        self.status = self._reply.status
        self.headers = self._reply.headers
        self.events: list[Happened] = []
        self.comments: list[str] = []
        self.closed = threading.Event()
        self.broken: Exception | None = None
        self._reading = threading.Thread(target=self._read, name="stream", daemon=True)
        if self.status == 200 and reads:
            self._reading.start()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Break the connection off, as somebody does who closes the page."""
        if self._reading.is_alive():
            # the reader is woken up by it
            self._socket.shutdown(2)
            self._reading.join(SOON_S)
        self._reply.close()
        self._connection.close()

    def body(self) -> Any:
        """The JSON body of a refusal."""
        return json.loads(self._reply.read())

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in iter(self._reply.readline, b""):
                text = line.decode("utf-8").rstrip("\n")
                if text.startswith(":"):
                    self.comments.append(text[1:].strip())
                elif text:
                    name, _, value = text.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    self._happened(fields)
                    fields = {}
                else:
                    fields = {}
        except (OSError, http.client.HTTPException, jsonschema.ValidationError, AttributeError) as error:
            self.broken = error
        finally:
            self.closed.set()

    def _happened(self, fields: Mapping[str, str]) -> None:
        data = json.loads(fields["data"])
        schema = {**EVENTS[fields["event"]], "components": {"schemas": SCHEMAS}}
        jsonschema.Draft202012Validator(schema).validate(data)
        self.events.append(Happened(fields["event"], fields.get("id"), data))

    # -- what was told

    @property
    def last_id(self) -> str | None:
        return next((one.id for one in reversed(list(self.events)) if one.id is not None), None)

    def told(self, name: str) -> list[Any]:
        """The data of every event of this name so far."""
        return [one.data for one in list(self.events) if one.name == name]

    def samples(self, name: str) -> list[int]:
        return [data["sample_id"] for data in self.told(name)]

    def wait_for(self, name: str, times: int = 1) -> Any:
        """The data of the so manieth event of this name, once it came."""
        wait_until(
            lambda: len(self.told(name)) >= times or self.closed.is_set(), SOON_S, f"{times} × {name} in the stream"
        )
        found = self.told(name)
        assert len(found) >= times, f"the stream ended before: {[one.name for one in self.events]}, {self.broken!r}"
        return found[times - 1]

    def wait_until_closed(self) -> None:
        """Until the server has ended it in order."""
        wait_until(self.closed.is_set, SOON_S, "the stream to end")
        assert self.broken is None, self.broken

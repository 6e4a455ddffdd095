"""Traces: which piece of work led to which, from a request through its messages and calls to the report.

Off, which is the default, nothing is imported, nothing is added to a message, and each function here returns at once.
On, spans go to a collector by OpenTelemetry's own exporter, from a thread of its own: whoever works never waits for it,
and a collector that is away costs spans and a line in the log. The usual OTEL_ variables say where it is, what is
sampled and how the service is called; OpenTelemetry reads them itself.

A span carries ids, names and counts of ours. It never carries a prompt, an answer, an owner, a key, or the words of an
error, which may repeat any of them.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from brandq import __version__
from brandq.errors import BadSettings
from brandq.settings import Settings

logger = logging.getLogger(__name__)

Kind = Literal["server", "producer", "consumer", "client", "internal"]
Value = str | int | float | bool
#: what a message or a request carries so that its trace goes on: ``traceparent`` and maybe ``tracestate``, as W3C says
Carrier = dict[str, str]

#: what the end of a process may wait for its last spans
FLUSH_S = 2.0
#: between two lines about a collector that takes nothing
COMPLAIN_S = 60.0
#: this is what OpenTelemetry's exporter complains by, several times for each try
_EXPORTER_LOG = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
#: W3C asks that so many characters of it be kept
_MOST_STATE = 512


class Running:
    """A span that goes on. Until it ends, what begins in this thread or task belongs to it, if it was entered."""

    def __init__(self, tracer: _Tracer, span: Any, token: Any = None) -> None:
        self._tracer = tracer
        self._span = span
        self._token = token

    def add(self, more: Mapping[str, Value | None]) -> None:
        """Note this as well; what is None is not known."""
        for name, value in more.items():
            if value is not None:
                self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, error: str) -> None:
        """``error``: the class of what went wrong, never its words."""
        self._span.set_attribute("error.type", error)
        self._span.set_status(self._tracer.failed)

    def end(self, error: str | None = None, *, at_ns: int | None = None) -> None:
        """``error``: as for ``fail``. ``at_ns``: when it ended, in ns since 1970, if not now."""
        if self._token is not None:
            self._tracer.context.detach(self._token)
            self._token = None
        if error is not None:
            self.fail(error)
        self._span.end(at_ns)

    def end_when_sent(self, sent: Future[bool]) -> None:
        self.end(None if sent.result() else "lost")


class _Tracer:
    """OpenTelemetry, imported. BadSettings where it is not installed, or is asked for what it cannot do here."""

    def __init__(self, settings: Settings, role: str) -> None:
        try:
            from opentelemetry import context, trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import OTELResourceDetector, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise BadSettings(
                ["BRANDQ_TRACES is `on`, and OpenTelemetry is not installed: install `brandq[traces]`"]
            ) from error
        ours = {
            "service.name": "brandq",
            "service.version": __version__,
            "service.instance.id": settings.worker,
            "brandq.role": role,
        }
        # shut down by ``stop``: its own way waits half a minute for a collector that hangs
        self.provider = TracerProvider(
            resource=Resource(ours).merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        exporter: Any = _Exporter(OTLPSpanExporter(), SpanExportResult.SUCCESS)
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer = self.provider.get_tracer("brandq", __version__)
        self.context = context
        self.trace = trace
        self.failed = trace.Status(trace.StatusCode.ERROR)
        self.propagator = TraceContextTextMapPropagator()
        self.kinds = {kind.name.lower(): kind for kind in trace.SpanKind}

    def begin(
        self, name: str, kind: Kind, attributes: Mapping[str, Value | None], parent: Any = None, *, enter: bool = True
    ) -> Running:
        known = {key: value for key, value in attributes.items() if value is not None}
        span = self.tracer.start_span(name, context=parent, kind=self.kinds[kind], attributes=known)
        if not enter:
            return Running(self, span)
        return Running(self, span, self.context.attach(self.trace.set_span_in_context(span, parent)))

    def carried(self, carrier: object) -> Any:
        """The context that goes on from there; an empty one, in which a new trace begins, where nothing usable is."""
        return self.propagator.extract(usable(carrier) or {}, context=self.context.Context())

    def carrier(self, context: Any = None) -> Carrier | None:
        carrier: Carrier = {}
        self.propagator.inject(carrier, context=context)
        return carrier or None


class _Exporter:
    """OpenTelemetry's exporter with its complaints in one line now and then."""

    def __init__(self, inner: Any, success: object) -> None:
        self._inner = inner
        self._success = success
        self._lost = 0
        self._complain_at = 0.0
        self._last_words = "no reason was given"
        log = logging.getLogger(_EXPORTER_LOG)
        for filter_ in list(log.filters):
            log.removeFilter(filter_)
        log.addFilter(self._hear)

    def _hear(self, record: logging.LogRecord) -> bool:
        self._last_words = record.getMessage()
        return False

    def export(self, spans: Sequence[Any]) -> Any:
        result = self._inner.export(spans)
        if result is not self._success:
            self._lost += len(spans)
            if time.monotonic() >= self._complain_at:
                logger.warning(
                    "%d spans are lost, the collector does not take them: %s; see OTEL_EXPORTER_OTLP_ENDPOINT",
                    self._lost,
                    self._last_words[:300],
                )
                self._lost = 0
                self._complain_at = time.monotonic() + COMPLAIN_S
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return bool(self._inner.force_flush(timeout_millis))


@dataclass
class _State:
    #: None while nothing is traced
    tracer: _Tracer | None = None


_state = _State()


def start(settings: Settings, *, role: str) -> None:
    """Send spans from now on, if the settings ask for it; once in a process. BadSettings where that cannot be done."""
    if not settings.traces or is_on():
        return
    protocol = settings.environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or settings.environment.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    )
    if protocol != "http/protobuf":
        raise BadSettings([f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}, and only `http/protobuf` is spoken here"])
    _state.tracer = _Tracer(settings, role)
    # its lines about each connection would be more than all others
    logging.getLogger("urllib3").setLevel(logging.WARNING)


def stop() -> None:
    """Send what is left, for at most FLUSH_S seconds, and nothing after that."""
    stopped, _state.tracer = _state.tracer, None
    if stopped is None:
        return
    flushing = threading.Thread(target=stopped.provider.shutdown, name="brandq-last-spans", daemon=True)
    flushing.start()
    flushing.join(FLUSH_S)
    if flushing.is_alive():
        logger.warning("the collector did not take the last spans within %g s; they are lost", FLUSH_S)


def is_on() -> bool:
    return _state.tracer is not None


def usable(carrier: object) -> Carrier | None:
    """What of this can carry a trace on; None where it is of another shape, whoever wrote it."""
    if not isinstance(carrier, Mapping):
        return None
    parent, state = carrier.get("traceparent"), carrier.get("tracestate")
    if not isinstance(parent, str) or not _TRACEPARENT.fullmatch(parent):
        return None
    if isinstance(state, str) and 0 < len(state) <= _MOST_STATE and state.isascii() and state.isprintable():
        return {"traceparent": parent, "tracestate": state}
    return {"traceparent": parent}


def carrier() -> Carrier | None:
    """What carries the trace of this moment on; None where there is none."""
    return None if _state.tracer is None else _state.tracer.carrier()


def trace_id() -> str | None:
    """The trace that this moment belongs to, as 32 hexadecimal digits."""
    if _state.tracer is None:
        return None
    found = _state.tracer.trace.get_current_span().get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else None


def note(more: Mapping[str, Value | None]) -> None:
    """Note this in the span of this moment."""
    if _state.tracer is not None:
        Running(_state.tracer, _state.tracer.trace.get_current_span()).add(more)


@contextmanager
def going_on_from(carrier: Carrier | None) -> Iterator[None]:
    """What begins in this block belongs to the trace that is carried; to a new one each where none is."""
    if _state.tracer is None:
        yield
        return
    tracer = _state.tracer
    token = tracer.context.attach(tracer.carried(carrier))
    try:
        yield
    finally:
        tracer.context.detach(token)


@contextmanager
def span(name: str, kind: Kind, attributes: Mapping[str, Value | None]) -> Iterator[Running | None]:
    """A piece of work. What is raised in it is noted by its class."""
    if _state.tracer is None:
        yield None
        return
    running = _state.tracer.begin(name, kind, attributes)
    error: str | None = None
    try:
        yield running
    except BaseException as raised:
        error = type(raised).__name__
        raise
    finally:
        running.end(error)


def serving(method: str, headers: Mapping[str, str]) -> Running | None:
    """A request; it goes on with the trace of its caller. None where nothing is traced."""
    if _state.tracer is None:
        return None
    return _state.tracer.begin(method, "server", {"http.request.method": method}, _state.tracer.carried(headers))


def sending(
    queue_name: str, message_id: str, options: dict[str, Any], execution_id: Value | None, delay_ms: int
) -> Running | None:
    """A message, from here until the broker has it; from now on its options carry the trace on."""
    if _state.tracer is None:
        return None
    attributes: dict[str, Value | None] = {
        **_message(queue_name, message_id, execution_id),
        "messaging.operation.type": "send",
        "brandq.delay_ms": delay_ms or None,
    }
    running = _state.tracer.begin(f"send {queue_name}", "producer", attributes, enter=False)
    # none where OTEL_SDK_DISABLED has the last word
    if (carrier := _state.tracer.carrier(_state.tracer.trace.set_span_in_context(running._span))) is not None:
        options["trace"] = carrier
    return running


def receiving(
    actor_name: str, queue_name: str, message_id: str, options: Mapping[str, Any], execution_id: str | None
) -> Running | None:
    """The work on a message; it goes on with the trace that its options carry."""
    if _state.tracer is None:
        return None
    attributes: dict[str, Value | None] = {
        **_message(queue_name, message_id, execution_id),
        "messaging.operation.type": "process",
        "brandq.retries": options.get("retries") or None,
    }
    return _state.tracer.begin(actor_name, "consumer", attributes, _state.tracer.carried(options.get("trace")))


def _message(queue_name: str, message_id: str, execution_id: Value | None) -> dict[str, Value | None]:
    return {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": queue_name,
        "messaging.message.id": message_id,
        "brandq.execution_id": execution_id,
    }


def place(url: str) -> dict[str, Value | None]:
    """Host and port of an address, and nothing else of it."""
    parts = urlsplit(url)
    return {"server.address": parts.hostname, "server.port": parts.port}

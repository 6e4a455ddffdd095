"""The only reader of the environment: one frozen object, one error that lists every fault.

Each setting is one line of ``KNOWN``; ``docs/settings.md`` and ``brandq doctor`` are that table printed. A value may
stand in a file instead: NAME_FILE holds its path. Provider keys are read by the names that the registry rows give.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import parse_qs, quote, urlsplit

from brandq.environment import own, read_variable
from brandq.errors import BadSettings
from brandq.plan import CostLimit, read_cost_limit
from brandq.words import LANGUAGES, Language

Simulate = Literal["off", "missing", "all"]
LogFormat = Literal["text", "json"]
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Secret:
    """A text that hides in repr, logs and messages; ``reveal`` is called where it is used."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True)
class Known:
    """One setting: its variable, its default as written in the environment, what it means, and whether it is secret."""

    variable: str
    default: str
    meaning: str
    secret: bool = False


KNOWN: tuple[Known, ...] = (
    Known(
        "BRANDQ_DATABASE_URL",
        "",
        "where the truth is kept: `postgresql://user:password@host/name`, or `sqlite:////path`. Several hosts, for "
        "failover, and TLS: docs/tls.md. Empty: the file `brandq.db` in the data folder",
        secret=True,
    ),
    Known(
        "BRANDQ_BROKER_URL",
        "embedded",
        "`amqp://user:password@host/vhost` or `amqps://…`, several with `;` between them for failover; "
        "`embedded`: messages stay inside one process",
        secret=True,
    ),
    Known(
        "BRANDQ_BROKER_CA",
        "",
        "certificates (PEM) of the authority that signed the broker's; with BRANDQ_BROKER_CA_FILE their file. "
        "Empty: those that this system trusts. Of `amqps` only",
    ),
    Known("BRANDQ_DATA_DIR", "data", "folder for the SQLite file of embedded mode"),
    Known(
        "BRANDQ_HOST", "127.0.0.1", "address that `serve` and `web` listen on; any but loopback needs an API key first"
    ),
    Known("BRANDQ_PORT", "8000", "port that `serve` and `web` listen on"),
    Known(
        "BRANDQ_ENGINES_FILE",
        "",
        "TOML file with `[engines.NAME]` tables: each overrides a row of the registry, or adds one",
    ),
    Known(
        "BRANDQ_SIMULATE",
        "off",
        "`off`; `missing`: engines without a key are answered by the simulator; `all`: every engine is. "
        "What was simulated says so everywhere",
    ),
    Known("BRANDQ_SIMULATOR_URL", "", "a simulator that already runs; empty: each worker process brings its own"),
    Known("BRANDQ_MAX_SAMPLES", "10000", "most samples (prompts × engines × repeats) in one execution"),
    Known(
        "BRANDQ_MAX_OPEN_SAMPLES",
        "200000",
        "most samples of running and queued executions, of all owners together; a plan that goes beyond is refused "
        "with 429 until others have ended. 0: no bound",
    ),
    Known("BRANDQ_MAX_OPEN_SAMPLES_PER_OWNER", "100000", "the same for each owner. 0: no bound"),
    Known(
        "BRANDQ_DAILY_COST_LIMIT",
        "",
        "what all executions of one owner may cost in one UTC day, such as `20 USD`; empty: no limit. "
        "Every engine that is asked then needs a known cost in that currency",
    ),
    Known(
        "BRANDQ_THREADS", "8", "worker threads per process; each fetch message holds one while its samples are asked"
    ),
    Known(
        "BRANDQ_LEASE_SECONDS",
        "60",
        "a worker that has not renewed a claim for so long has lost it; it renews every quarter",
    ),
    Known(
        "BRANDQ_LOST_AFTER_SECONDS",
        "30",
        "a message that nobody took for so long counts as lost if its queue is empty, and after ten times as long "
        "if not; then it is sent again",
    ),
    Known("BRANDQ_DEADLINE_MINUTES", "120", "an execution that has not ended by then is closed with what it has"),
    Known("BRANDQ_RETENTION_DAYS", "30", "ended executions are removed after so many days; 0 keeps them for ever"),
    Known("BRANDQ_GRACE_SECONDS", "25", "after SIGTERM, calls still running are given so long, then handed back"),
    Known(
        "BRANDQ_FORWARDED_HOPS",
        "0",
        "number of own proxies in front whose X-Forwarded-For is believed; 0: the peer's address counts",
    ),
    Known(
        "BRANDQ_MAX_STREAMS_PER_OWNER",
        "20",
        "event streams of one owner that one API process keeps open; beyond it, the status is to be asked for",
    ),
    Known("BRANDQ_MAX_STREAMS", "500", "the same of all owners together. Each is a connection that stays open"),
    Known("BRANDQ_WEBHOOK_URL", "", "told of each ended execution by a POST of JSON; empty: nobody is"),
    Known("BRANDQ_WEBHOOK_SECRET", "", "signs that POST: X-Brandq-Signature is HMAC-SHA256 over the body", secret=True),
    Known(
        "BRANDQ_LANGUAGE",
        "auto",
        "of what the command line says: `en`, `zh`, or `auto`: as LC_ALL, LC_MESSAGES or LANG has it",
    ),
    Known("BRANDQ_LOG_LEVEL", "INFO", "`DEBUG`, `INFO`, `WARNING` or `ERROR`"),
    Known(
        "BRANDQ_LOG_FORMAT",
        "text",
        "`text`: lines for people; `json`: one object for each line, see docs/logs-and-traces.md",
    ),
    Known(
        "BRANDQ_METRICS_ADDRESS",
        "",
        "HOST:PORT on which this process tells Prometheus its counts, whatever its role; empty: on none. "
        "`web` and `serve` also tell them under `/metrics`. It asks for no key: keep it away from strangers",
    ),
    Known(
        "BRANDQ_HEARTBEAT_FILE",
        "",
        "file into which a process writes every few seconds how it is, for `brandq probe`; one process, one file. "
        "Empty: none",
    ),
    Known(
        "BRANDQ_TRACES",
        "off",
        "`on`: spans go to the OpenTelemetry collector that the usual OTEL_ variables name; needs `brandq[traces]`",
    ),
)


@dataclass(frozen=True)
class Settings:
    """Everything a process was told, checked. ``environment`` is what it was read from and is never shown."""

    database_url: Secret
    broker_url: Secret
    #: PEM
    broker_ca: str | None
    data_dir: Path
    host: str
    port: int
    engines_file: Path | None
    simulate: Simulate
    simulator_url: str | None
    max_samples: int
    max_open_samples: int
    max_open_samples_per_owner: int
    daily_cost_limit: CostLimit | None
    threads: int
    lease_s: int
    lost_after_s: int
    deadline_s: int
    retention_days: int
    grace_s: int
    forwarded_hops: int
    max_streams_per_owner: int
    max_streams: int
    webhook_url: str | None
    webhook_secret: Secret | None
    language: Language
    log_level: str
    log_format: LogFormat
    #: host and port; None where nobody asks
    metrics_address: tuple[str, int] | None
    heartbeat_file: Path | None
    traces: bool
    #: host:pid, by which a claim, an attempt and a broker connection name this process
    worker: str
    environment: Mapping[str, str] = field(repr=False, compare=False, default_factory=dict)

    @property
    def embedded(self) -> bool:
        return self.broker_url.reveal() == "embedded"

    @property
    def on_loopback(self) -> bool:
        return self.host in LOOPBACK

    @property
    def broker_in_plain(self) -> bool:
        """Whether the broker, or one of several, is spoken to without TLS although it may be another machine."""
        parts = [] if self.embedded else [urlsplit(part) for part in _servers(self.broker_url.reveal())]
        return any(part.scheme == "amqp" and (part.hostname or "localhost") not in LOOPBACK for part in parts)

    @property
    def database_unchecked(self) -> bool:
        """Whether the database may be another machine, and whose it is stays unchecked."""
        parts = urlsplit(self.database_url.reveal())
        query = parse_qs(parts.query)
        hosts = [parts.hostname or "", *(host.rpartition(":")[0] or host for host in query.get("host", []))]
        # a path is that of a socket
        far = any(host and not host.startswith("/") and host not in LOOPBACK for host in hosts)
        return far and query.get("sslmode", [""])[0] not in ("verify-full", "verify-ca")

    def key(self, variable: str) -> str | None:
        """A provider's key by the variable that its registry row names, None where neither it nor its file is there.

        BadSettings where its file is there and cannot be read, or is empty.
        """
        if self.lacks_key_file(variable):
            return None
        faults: list[str] = []
        found = read_variable(self.environment, variable, faults)
        if faults:
            raise BadSettings(faults)
        return found

    def lacks_key_file(self, variable: str) -> bool:
        """Whether a provider's key would come from a file that is not there: a folder of keys need not hold all."""
        path = self.environment.get(f"{variable}_FILE", "").strip()
        return bool(path) and not self.environment.get(variable, "").strip() and not Path(path).exists()

    def shown(self) -> list[tuple[Known, str, bool]]:
        """Each setting, its value as it may be shown, and whether it was set."""
        rows = []
        for known in KNOWN:
            faults: list[str] = []
            given = read_variable(self.environment, known.variable, faults)
            shown = known.default if given is None else given
            if known.secret:
                shown = ";".join(_hide_password(part) for part in _servers(shown))
            elif _PEM in shown:
                shown = f"({shown.count(_PEM)} in PEM)"
            rows.append((known, shown, given is not None))
        return rows


#: how each certificate begins
_PEM = "-----BEGIN CERTIFICATE-----"
#: of a URL's query, what says where and how safely one connects; all else may be a password
_SHOWN = frozenset(
    {"host", "port", "sslmode", "sslrootcert", "sslcert", "target_session_attrs", "certfile", "heartbeat"}
)


def _servers(url: str) -> list[str]:
    """The servers of a broker's URL, which has ``;`` between them."""
    return re.split(r";(?=amqps?://)", url)


def _hide_password(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return "…"
    if not parts.scheme or "://" not in text:
        return text if text in ("", "embedded") else "…"
    if "@" in parts.path + parts.query + parts.fragment:
        # a password with an unescaped / ? or # in it ends up behind the host
        return f"{parts.scheme}://…"
    place = parts.netloc.rsplit("@", 1)
    user = f"{place[0].split(':')[0]}:…@" if len(place) == 2 else ""
    told = "&".join(one for one in parts.query.split("&") if one.partition("=")[0] in _SHOWN)
    return f"{parts.scheme}://{user}{place[-1]}{parts.path}" + (f"?{told}" if told else "")


def read_settings(environment: Mapping[str, str] | None = None, *, over: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; ``over`` goes over its environment. BadSettings lists everything that is wrong."""
    environment = {**(own() if environment is None else environment), **(over or {})}
    faults: list[str] = []
    defaults = {known.variable: known.default for known in KNOWN}
    allowed = set(defaults) | {f"{variable}_FILE" for variable in defaults}
    for variable in sorted(environment):
        if variable.startswith("BRANDQ_") and variable not in allowed:
            faults.append(f"{variable}: no such setting; `brandq doctor` lists them")

    def text(variable: str) -> str:
        return read_variable(environment, variable, faults) or defaults[variable]

    def number(variable: str, low: int, high: int) -> int:
        return _checked(faults, variable, text(variable), low, high)

    def one_of(variable: str, choices: tuple[str, ...], fold: Callable[[str], str]) -> str:
        given = fold(text(variable))
        if given not in choices:
            faults.append(f"{variable}: {text(variable)!r} is none of {', '.join(choices)}")
        return given

    data_dir = Path(text("BRANDQ_DATA_DIR")).expanduser()
    engines_file = text("BRANDQ_ENGINES_FILE")
    if engines_file and not Path(engines_file).is_file():
        faults.append(f"BRANDQ_ENGINES_FILE: there is no file {engines_file}")
    heartbeat_file = text("BRANDQ_HEARTBEAT_FILE")
    secret = read_variable(environment, "BRANDQ_WEBHOOK_SECRET", faults)
    settings = Settings(
        database_url=Secret(_database_url(text("BRANDQ_DATABASE_URL"), data_dir, faults)),
        broker_url=Secret(_broker_url(text("BRANDQ_BROKER_URL"), faults)),
        broker_ca=text("BRANDQ_BROKER_CA") or None,
        data_dir=data_dir,
        host=text("BRANDQ_HOST"),
        port=number("BRANDQ_PORT", 0, 65535),
        engines_file=Path(engines_file) if engines_file else None,
        simulate=cast(Simulate, one_of("BRANDQ_SIMULATE", ("off", "missing", "all"), str.lower)),
        simulator_url=_http_url(text("BRANDQ_SIMULATOR_URL"), "BRANDQ_SIMULATOR_URL", faults),
        max_samples=number("BRANDQ_MAX_SAMPLES", 1, 1_000_000),
        max_open_samples=number("BRANDQ_MAX_OPEN_SAMPLES", 0, 1_000_000_000),
        max_open_samples_per_owner=number("BRANDQ_MAX_OPEN_SAMPLES_PER_OWNER", 0, 1_000_000_000),
        daily_cost_limit=_cost_limit(text("BRANDQ_DAILY_COST_LIMIT"), "BRANDQ_DAILY_COST_LIMIT", faults),
        threads=number("BRANDQ_THREADS", 1, 256),
        lease_s=number("BRANDQ_LEASE_SECONDS", 4, 1500),
        lost_after_s=number("BRANDQ_LOST_AFTER_SECONDS", 1, 86_400),
        deadline_s=60 * number("BRANDQ_DEADLINE_MINUTES", 1, 60 * 24 * 7),
        retention_days=number("BRANDQ_RETENTION_DAYS", 0, 36500),
        grace_s=number("BRANDQ_GRACE_SECONDS", 0, 590),
        forwarded_hops=number("BRANDQ_FORWARDED_HOPS", 0, 10),
        max_streams_per_owner=number("BRANDQ_MAX_STREAMS_PER_OWNER", 0, 100_000),
        max_streams=number("BRANDQ_MAX_STREAMS", 0, 100_000),
        webhook_url=_http_url(text("BRANDQ_WEBHOOK_URL"), "BRANDQ_WEBHOOK_URL", faults),
        webhook_secret=Secret(secret) if secret else None,
        language=_language(one_of("BRANDQ_LANGUAGE", ("auto", *LANGUAGES), str.lower), environment),
        log_level=one_of("BRANDQ_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), str.upper),
        log_format=cast(LogFormat, one_of("BRANDQ_LOG_FORMAT", ("text", "json"), str.lower)),
        metrics_address=_address(text("BRANDQ_METRICS_ADDRESS"), "BRANDQ_METRICS_ADDRESS", faults),
        heartbeat_file=Path(heartbeat_file) if heartbeat_file else None,
        traces=one_of("BRANDQ_TRACES", ("on", "off"), str.lower) == "on",
        worker=f"{socket.gethostname()}:{os.getpid()}",
        environment=environment,
    )
    if not settings.embedded and settings.database_url.reveal().startswith("sqlite"):
        faults.append(
            "BRANDQ_BROKER_URL names a broker, so several processes share the work: "
            "set BRANDQ_DATABASE_URL to a Postgres database as well"
        )
    if settings.broker_ca and not all(part.startswith("amqps://") for part in _servers(settings.broker_url.reveal())):
        faults.append(
            "BRANDQ_BROKER_CA is given, and BRANDQ_BROKER_URL does not speak TLS: use amqps:// for every server of it"
        )
    if faults:
        raise BadSettings(faults)
    return settings


def language(environment: Mapping[str, str] | None = None) -> Language:
    """The language in which this process speaks to whoever started it; never a fault, which would have to be told."""
    environment = own() if environment is None else environment
    return _language((read_variable(environment, "BRANDQ_LANGUAGE", []) or "auto").lower(), environment)


def _language(chosen: str, environment: Mapping[str, str]) -> Language:
    locale = next((given for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (given := environment.get(name))), "")
    wanted = locale.partition(".")[0].partition("_")[0].lower() if chosen == "auto" else chosen
    return next((known for known in LANGUAGES if known == wanted), "en")


def _checked(faults: list[str], variable: str, given: str, low: int, high: int) -> int:
    if given.lstrip("-").isdecimal() and low <= int(given) <= high:
        return int(given)
    faults.append(f"{variable}: {given!r} is not a whole number from {low} to {high}")
    return low


def _cost_limit(given: str, variable: str, faults: list[str]) -> CostLimit | None:
    if not given:
        return None
    try:
        return read_cost_limit(given)
    except ValueError as error:
        faults.append(f"{variable}: {given!r}: {error}")
        return None


def _address(given: str, variable: str, faults: list[str]) -> tuple[str, int] | None:
    if not given:
        return None
    host, _, port = given.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if host and port.isdecimal() and int(port) <= 65535:
        return host, int(port)
    faults.append(f"{variable}: {given!r} is not HOST:PORT, such as 127.0.0.1:9191")
    return None


def _http_url(given: str, variable: str, faults: list[str]) -> str | None:
    if not given:
        return None
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        faults.append(f"{variable}: expected http://… or https://…")
    return given.rstrip("/")


def _database_url(given: str, data_dir: Path, faults: list[str]) -> str:
    if not given:
        return f"sqlite:///{data_dir.absolute() / 'brandq.db'}"
    scheme, rest = given.split("://", 1) if "://" in given else ("", given)
    if scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        url = f"postgresql+psycopg://{_each_host(rest)}"
        try:
            urlsplit(url).port  # noqa: B018  it is read here to be refused here
        except ValueError:
            faults.append(
                "BRANDQ_DATABASE_URL: its port is no number; in user and password `/` is written %2F, `?` %3F, `#` %23"
            )
        return url
    if scheme != "sqlite":
        faults.append("BRANDQ_DATABASE_URL: expected postgresql://… or sqlite:///…")
    return given


def _each_host(rest: str) -> str:
    """Of ``user@a:5432,b:5432/name``, as libpq writes several hosts, what SQLAlchemy reads: ``?host=a:5432&host=b``."""
    place, slash, path = rest.partition("/")
    user, at, hosts = place.rpartition("@")
    if "," not in hosts or not slash:
        return rest
    name, _, query = path.partition("?")
    told = "&".join([*(f"host={quote(host, safe=':[]')}" for host in hosts.split(",")), *([query] if query else [])])
    return f"{user}{at}/{name}?{told}"


def _broker_url(given: str, faults: list[str]) -> str:
    if given != "embedded" and not given.startswith(("amqp://", "amqps://")):
        faults.append("BRANDQ_BROKER_URL: expected amqp://…, amqps://… or `embedded`")
    return given


def as_markdown() -> str:
    """The text of docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Generated from `src/brandq/settings.py` by `make docs`; do not edit.",
        "",
        "All are environment variables, read once at the start; `brandq doctor` shows the values in force.",
        "Any of them may stand in a file instead: `NAME_FILE` holds its path; it is read at the start as well.",
        "Provider keys are read by the names that `brandq engines` prints.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for known in KNOWN:
        default = f"`{known.default}`" if known.default else "(empty)"
        lines.append(f"| `{known.variable}` | {default} | {known.meaning} |")
    return "\n".join(lines) + "\n"

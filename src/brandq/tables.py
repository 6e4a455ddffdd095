"""All tables, one naming convention, CHECKs made from states.py.

The migrations create them; ``tests/store`` checks that both agree. Times are UTC and aware, money is Decimal.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from brandq.analysis.findings import AnswerType
from brandq.providers.dialect import AnswerKind
from brandq.states import EXECUTION_FINAL, SAMPLE_FINAL, SAMPLE_OPEN, ExecutionState, SampleState

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class Utc(sa.types.TypeDecorator[datetime]):
    """An instant. Aware in Python; timestamptz in Postgres, naive UTC text (which sorts) in SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; every stored time is aware")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(sa.types.TypeDecorator[Decimal]):
    """An amount. Numeric in Postgres; decimal text in SQLite, which has only floats."""

    impl = sa.Numeric(18, 9)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.String(40) if dialect.name == "sqlite" else sa.Numeric(18, 9))

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> Decimal | str | None:
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


#: SQLite numbers rows by itself only for a column that is exactly INTEGER
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(str(word) for word in words))


def _ends(column: str, ended: str, finals: Iterable[str]) -> sa.CheckConstraint:
    """A final state has its end, an open one has none."""
    return sa.CheckConstraint(f"({column} IN ({_listed(finals)})) = ({ended} IS NOT NULL)", name="ends")


executions = sa.Table(
    "executions",
    metadata,
    sa.Column("execution_id", sa.String(36), primary_key=True),
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("task_type", sa.String(40), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    #: SHA-256 of the plan; tells a repeated request from another one under the same idempotency key
    sa.Column("plan_digest", sa.String(64), nullable=False),
    sa.Column("planned", sa.Integer, nullable=False),
    sa.Column("idempotency_key", sa.String(200)),
    sa.Column("retry_of", sa.String(36)),
    sa.Column("error_code", sa.String(40)),
    sa.Column("error_message", sa.Text),
    #: how often its report was begun; one that ends its worker each time is given up
    sa.Column("builds", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("deadline_at", Utc, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("started_at", Utc),
    sa.Column("ended_at", Utc),
    sa.Column("updated_at", Utc, nullable=False),
    sa.CheckConstraint(f"status IN ({_listed(ExecutionState)})", name="status"),
    sa.CheckConstraint("priority BETWEEN 0 AND 10", name="priority"),
    sa.CheckConstraint("planned > 0", name="planned"),
    _ends("status", "ended_at", EXECUTION_FINAL),
    sa.UniqueConstraint("owner", "idempotency_key"),
    sa.Index("ix_executions_owner_created", "owner", "created_at", "execution_id"),
    sa.Index("ix_executions_open", "status", "deadline_at"),
)

execution_brands = sa.Table(
    "execution_brands",
    metadata,
    sa.Column(
        "execution_id", sa.ForeignKey("executions.execution_id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    #: plan.name_key of each brand's name, by which executions are filtered
    sa.Column("name_key", sa.String(200), primary_key=True, nullable=False),
    sa.Index("ix_execution_brands_name_key", "name_key"),
)

_UNSETTLED = sa.text(f"state IN ({_listed(SAMPLE_OPEN)})")

samples = sa.Table(
    "samples",
    metadata,
    sa.Column("sample_id", Serial, primary_key=True),
    sa.Column("execution_id", sa.ForeignKey("executions.execution_id", ondelete="CASCADE"), nullable=False),
    sa.Column("prompt_no", sa.SmallInteger, nullable=False),
    sa.Column("engine", sa.String(200), nullable=False),
    sa.Column("repeat_no", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempt", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("lease_owner", sa.String(200)),
    sa.Column("lease_until", Utc),
    sa.Column("next_attempt_at", Utc),
    #: when the message that moves this sample on was sent, or is due; the sweeps send again what is long past
    sa.Column("sent_at", Utc),
    sa.Column("error_code", sa.String(40)),
    sa.Column("error_message", sa.Text),
    sa.Column("http_status", sa.SmallInteger),
    sa.Column("settled_at", Utc),
    #: how often the reading of its answer was begun; one that ends its worker each time is given up
    sa.Column("reads", sa.SmallInteger, nullable=False, server_default="0"),
    sa.UniqueConstraint("execution_id", "prompt_no", "engine", "repeat_no"),
    sa.CheckConstraint(f"state IN ({_listed(SampleState)})", name="state"),
    sa.CheckConstraint("attempt >= 0", name="attempt"),
    sa.CheckConstraint("(state = 'asking') = (lease_until IS NOT NULL)", name="lease"),
    sa.CheckConstraint("state <> 'failed' OR error_code IS NOT NULL", name="failed"),
    sa.CheckConstraint(f"state NOT IN ({_listed(SAMPLE_FINAL)}) OR settled_at IS NOT NULL", name="ends"),
    sa.Index("ix_samples_open", "state", "sent_at"),
    sa.Index("ix_samples_lease", "state", "lease_until"),
    #: the last answers of one engine, for estimates
    sa.Index("ix_samples_engine", "engine", "sample_id"),
    #: whether an execution has an open sample is asked after each batch, however many it has had
    sa.Index("ix_samples_unsettled", "execution_id", postgresql_where=_UNSETTLED, sqlite_where=_UNSETTLED),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("sample_id", sa.ForeignKey("samples.sample_id", ondelete="CASCADE"), primary_key=True, nullable=False),
    sa.Column("attempt", sa.SmallInteger, primary_key=True, nullable=False),
    sa.Column("worker", sa.String(200), nullable=False),
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("ended_at", Utc),
    #: the answer's kind, the error class, `lost` (its worker died), `handed_back` (its worker stopped),
    #: or `late` (answered after its sample was settled otherwise)
    sa.Column("outcome", sa.String(40)),
    sa.Column("cost", Money),
    sa.Column("currency", sa.String(3)),
    #: what was set aside for it under a cost limit, in that limit's currency; it stands for the cost where that is
    #: not known
    sa.Column("reserved", Money),
    #: HTTP requests that it took; more than one where the provider asks for rounds
    sa.Column("posts", sa.SmallInteger),
)

engine_state = sa.Table(
    "engine_state",
    metadata,
    #: a provider, or one of its models: `kimi`, `kimi/kimi-k3`; `kimi?simulated` where the simulator answers
    sa.Column("scope", sa.String(250), primary_key=True),
    #: digest of address and key under which all this was learnt; under another one it counts for nothing
    sa.Column("settings", sa.String(32)),
    #: the pacing clock: when the next call may start, microseconds since 1970
    sa.Column("next_at_us", sa.BigInteger, nullable=False),
    #: the gap between two calls since the provider last said "too many", microseconds; 0: as its row says
    sa.Column("slowed_us", sa.BigInteger, nullable=False),
    sa.Column("slowed_at", Utc),
    #: slots that the last reservation got; only the statement that reserved reads it
    sa.Column("granted", sa.Integer, nullable=False),
    #: not asked until then; null: asked
    sa.Column("open_until", Utc),
    sa.Column("open_reason", sa.String(40)),
    sa.Column("open_message", sa.Text),
    sa.Column("opened_at", Utc),
    #: openings in a row; each lasts longer than the one before
    sa.Column("openings", sa.SmallInteger, nullable=False),
    #: the one call that finds out whether it is better again is in flight until then
    sa.Column("probe_until", Utc),
    #: calls that failed since the last that did not, and the first of them
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("failing_since", Utc),
    sa.Column("answered_at", Utc),
    sa.Column("latency_ms", sa.Integer),
    sa.Column("updated_at", Utc, nullable=False),
    sa.CheckConstraint("(open_until IS NULL) = (open_reason IS NULL)", name="open"),
)

budgets = sa.Table(
    "budgets",
    metadata,
    #: an execution's id, or owner and UTC day as in `local 2026-11-23`
    sa.Column("budget", sa.String(150), primary_key=True),
    sa.Column("currency", sa.String(3), nullable=False),
    #: amounts in billionths of the currency's unit, because SQLite cannot add decimals
    sa.Column("spent_nano", sa.BigInteger, nullable=False),
    #: set aside for the calls in flight
    sa.Column("reserved_nano", sa.BigInteger, nullable=False),
    #: calls that the last reservation could pay; only the statement that reserved reads it
    sa.Column("granted", sa.Integer, nullable=False),
    sa.Column("updated_at", Utc, nullable=False),
)

answers = sa.Table(
    "answers",
    metadata,
    sa.Column("sample_id", sa.ForeignKey("samples.sample_id", ondelete="CASCADE"), primary_key=True, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("finish", sa.String(100)),
    sa.Column("served_model", sa.String(200)),
    sa.Column("search_requested", sa.Boolean, nullable=False),
    sa.Column("search_executed", sa.Boolean),
    sa.Column("sources", sa.JSON, nullable=False),
    sa.Column("tokens_in", sa.Integer),
    sa.Column("tokens_out", sa.Integer),
    sa.Column("cost", Money),
    sa.Column("currency", sa.String(3)),
    sa.Column("cost_basis", sa.String(40), nullable=False),
    sa.Column("latency_ms", sa.Integer),
    sa.Column("asked_at", Utc),
    sa.Column("answered_at", Utc, nullable=False),
    sa.Column("http_status", sa.SmallInteger),
    #: what was sent, without key and headers
    sa.Column("request", sa.JSON),
    #: the reply's body as it came, zlib
    sa.Column("raw", sa.LargeBinary),
    #: SHA-256 over the request, the reply's body and what was read out of it; null: stored before there were chains
    sa.Column("content_digest", sa.String(64)),
    #: place in the chain of its execution, from 1
    sa.Column("chain_no", sa.Integer),
    #: SHA-256 over content_digest, where the answer stands in its plan, and the digest before it in the chain
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("simulated", sa.Boolean, nullable=False),
    sa.Column("imported", sa.Boolean, nullable=False),
    #: the sample of an earlier execution for which this answer was given
    sa.Column("taken_from", sa.BigInteger),
    sa.CheckConstraint(f"kind IN ({_listed(AnswerKind)})", name="kind"),
    sa.CheckConstraint("(cost IS NULL) = (currency IS NULL)", name="money"),
)

chains = sa.Table(
    "chains",
    metadata,
    sa.Column(
        "execution_id", sa.ForeignKey("executions.execution_id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    #: answers in it
    sa.Column("length", sa.Integer, nullable=False),
    #: the digest of the last one; who stores the next answer locks this row
    sa.Column("head", sa.String(64), nullable=False),
)

findings = sa.Table(
    "findings",
    metadata,
    sa.Column("sample_id", sa.ForeignKey("samples.sample_id", ondelete="CASCADE"), primary_key=True, nullable=False),
    sa.Column("brand", sa.String(200), primary_key=True, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("first_at", sa.Integer),
    sa.Column("position", sa.SmallInteger),
    sa.Column("rank", sa.Integer),
    sa.Column("rank_source", sa.String(40)),
    sa.Column("sentiment", sa.String(10)),
    sa.Column("caveat", sa.Boolean),
    sa.Column("strength", sa.SmallInteger),
    sa.Column("known", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("spans", sa.JSON, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("elsewhere", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("doubtful", sa.JSON, nullable=False, server_default="[]"),
    sa.CheckConstraint("(count = 0) = (first_at IS NULL)", name="first_at"),
    sa.CheckConstraint("rank IS NULL OR rank > 0", name="rank"),
)

readings = sa.Table(
    "readings",
    metadata,
    sa.Column("sample_id", sa.ForeignKey("samples.sample_id", ondelete="CASCADE"), primary_key=True, nullable=False),
    #: which rules the findings of this answer were made by
    sa.Column("method_version", sa.String(80), nullable=False),
    sa.Column("answer_type", sa.String(20), nullable=False),
    sa.Column("injection_suspected", sa.Boolean, nullable=False),
    #: names that nobody tracks, as analysis.findings.Candidate
    sa.Column("candidates", sa.JSON, nullable=False),
    sa.CheckConstraint(f"answer_type IN ({_listed(AnswerType)})", name="answer_type"),
)

citations = sa.Table(
    "citations",
    metadata,
    sa.Column("sample_id", sa.ForeignKey("samples.sample_id", ondelete="CASCADE"), primary_key=True, nullable=False),
    sa.Column("n", sa.Integer, primary_key=True, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("canonical_url", sa.Text, nullable=False),
    sa.Column("domain", sa.String(260), nullable=False),
    sa.Column("title", sa.Text),
    sa.Column("cited", sa.Boolean),
    sa.Column("owner", sa.String(200)),
    sa.Column("source_class", sa.String(20)),
    sa.Column("via", sa.String(60), nullable=False),
)

reports = sa.Table(
    "reports",
    metadata,
    sa.Column(
        "execution_id", sa.ForeignKey("executions.execution_id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    #: from 1; raised whenever the answers are read again. What it was before stands in earlier_reports
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("method_version", sa.String(80), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("built_at", Utc, nullable=False),
)

earlier_reports = sa.Table(
    "earlier_reports",
    metadata,
    sa.Column(
        "execution_id", sa.ForeignKey("executions.execution_id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    sa.Column("version", sa.Integer, primary_key=True, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("method_version", sa.String(80), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("built_at", Utc, nullable=False),
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    #: SHA-256 of what was judged and by what: the same content is judged once
    sa.Column("verdict_key", sa.String(64), primary_key=True),
    sa.Column("engine", sa.String(200), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("served_model", sa.String(200)),
    sa.Column("prompt_version", sa.String(20), nullable=False),
    #: what was accepted of each brand, and why the rest was dropped
    sa.Column("verdict", sa.JSON, nullable=False),
    sa.Column("request", sa.JSON),
    #: the reply's body as it came, zlib
    sa.Column("raw", sa.LargeBinary),
    sa.Column("cost", Money),
    sa.Column("currency", sa.String(3)),
    sa.Column("judged_at", Utc, nullable=False),
    sa.CheckConstraint("(cost IS NULL) = (currency IS NULL)", name="money"),
)

#: the revisions whose code works on this database. No migration makes it: `migrate` itself does, see store/migrating.py
served_revisions = sa.Table("served_revisions", metadata, sa.Column("revision", sa.String(32), primary_key=True))

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("owner", sa.String(100), nullable=False),
    #: SHA-256 of the secret half; 256 random bits need no slow hash
    sa.Column("hashed", sa.String(64), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("revoked_at", Utc),
)

sessions = sa.Table(
    "sessions",
    metadata,
    #: SHA-256 of the token in the browser's cookie
    sa.Column("hashed", sa.String(64), primary_key=True),
    #: what it stands for: a session can do what its key can, and ends with it
    sa.Column("key_id", sa.ForeignKey("api_keys.key_id", ondelete="CASCADE"), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("expires_at", Utc, nullable=False),
    sa.Index("ix_sessions_key_id", "key_id"),
)

saved_plans = sa.Table(
    "saved_plans",
    metadata,
    sa.Column("plan_id", Serial, primary_key=True),
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    #: as it was written, not as it was accepted: it is read again, and checked, when it is used
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("saved_at", Utc, nullable=False),
    sa.UniqueConstraint("owner", "name"),
)

limits = sa.Table(
    "limits",
    metadata,
    sa.Column("limit_key", sa.String(300), primary_key=True),
    #: instants of the calls in the last window, milliseconds since 1970, oldest first
    sa.Column("calls_ms", sa.JSON, nullable=False),
    sa.Column("updated_at", Utc, nullable=False),
)

sweeps = sa.Table(
    "sweeps",
    metadata,
    sa.Column("name", sa.String(60), primary_key=True),
    sa.Column("swept_at", Utc, nullable=False),
    #: how many rows it ever had to repair; a growing figure means that messages or workers are being lost
    sa.Column("repaired", sa.BigInteger, nullable=False),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column(
        "execution_id", sa.ForeignKey("executions.execution_id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    sa.Column("attempt", sa.SmallInteger, nullable=False),
    sa.Column("next_attempt_at", Utc, nullable=False),
    sa.Column("delivered_at", Utc),
    sa.Column("error_message", sa.Text),
    sa.Column("created_at", Utc, nullable=False),
    sa.Index("ix_deliveries_due", "delivered_at", "next_attempt_at"),
)

"""Create the tables of the first release, and the view that keeps the predecessor's SQL working.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
MONEY = sa.Numeric(18, 9).with_variant(sa.String(40), "sqlite")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TASK_QUEUE = """
CREATE VIEW task_queue AS
SELECT
    e.execution_id,
    e.task_type,
    e.priority,
    CASE e.status
        WHEN 'reporting' THEN 'running'
        WHEN 'completed' THEN 'success'
        WHEN 'partial' THEN 'success'
        WHEN 'failed' THEN CASE e.error_code WHEN 'deadline' THEN 'timeout' ELSE 'failed' END
        ELSE e.status
    END AS status,
    CAST(e.plan AS TEXT) AS payload,
    (SELECT CAST(r.document AS TEXT) FROM reports r WHERE r.execution_id = e.execution_id) AS result,
    e.error_message,
    (SELECT COALESCE(MAX(CASE WHEN s.attempt > 1 THEN s.attempt - 1 ELSE 0 END), 0)
       FROM samples s WHERE s.execution_id = e.execution_id) AS retry_count,
    3 AS max_retries,
    (SELECT MAX(s.lease_owner) FROM samples s WHERE s.execution_id = e.execution_id) AS worker_name,
    e.created_at,
    e.started_at,
    e.ended_at AS completed_at,
    e.updated_at
FROM executions e
"""


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("hashed", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "executions",
        sa.Column("execution_id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("task_type", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("plan_digest", sa.String(length=64), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("retry_of", sa.String(length=36), nullable=True),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("deadline_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'completed', 'failed', 'partial')) = (ended_at IS NOT NULL)",
            name=op.f("ck_executions_ends"),
        ),
        sa.CheckConstraint(
            "status IN ('cancelled', 'completed', 'failed', 'partial', 'queued', 'reporting', 'running')",
            name=op.f("ck_executions_status"),
        ),
        sa.CheckConstraint("planned > 0", name=op.f("ck_executions_planned")),
        sa.CheckConstraint("priority BETWEEN 0 AND 10", name=op.f("ck_executions_priority")),
        sa.PrimaryKeyConstraint("execution_id", name=op.f("pk_executions")),
        sa.UniqueConstraint("owner", "idempotency_key", name=op.f("uq_executions_owner_idempotency_key")),
    )
    op.create_index("ix_executions_open", "executions", ["status", "deadline_at"], unique=False)
    op.create_index("ix_executions_owner_created", "executions", ["owner", "created_at", "execution_id"], unique=False)
    op.create_table(
        "limits",
        sa.Column("limit_key", sa.String(length=300), nullable=False),
        sa.Column("calls_ms", sa.JSON(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("limit_key", name=op.f("pk_limits")),
    )
    op.create_table(
        "sweeps",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("swept_at", INSTANT, nullable=False),
        sa.Column("repaired", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sweeps")),
    )
    op.create_table(
        "deliveries",
        sa.Column("execution_id", sa.String(length=36), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=False),
        sa.Column("delivered_at", INSTANT, nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.execution_id"], name=op.f("fk_deliveries_execution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["delivered_at", "next_attempt_at"], unique=False)
    op.create_table(
        "execution_brands",
        sa.Column("execution_id", sa.String(length=36), nullable=False),
        sa.Column("name_key", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["executions.execution_id"],
            name=op.f("fk_execution_brands_execution_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("execution_id", "name_key", name=op.f("pk_execution_brands")),
    )
    op.create_index("ix_execution_brands_name_key", "execution_brands", ["name_key"], unique=False)
    op.create_table(
        "reports",
        sa.Column("execution_id", sa.String(length=36), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("method_version", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("built_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.execution_id"], name=op.f("fk_reports_execution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", name=op.f("pk_reports")),
    )
    op.create_table(
        "samples",
        sa.Column("sample_id", SERIAL, nullable=False),
        sa.Column("execution_id", sa.String(length=36), nullable=False),
        sa.Column("prompt_no", sa.SmallInteger(), nullable=False),
        sa.Column("engine", sa.String(length=200), nullable=False),
        sa.Column("repeat_no", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.String(length=200), nullable=True),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("next_attempt_at", INSTANT, nullable=True),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("http_status", sa.SmallInteger(), nullable=True),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.CheckConstraint("(state = 'asking') = (lease_until IS NOT NULL)", name=op.f("ck_samples_lease")),
        sa.CheckConstraint("state <> 'failed' OR error_code IS NOT NULL", name=op.f("ck_samples_failed")),
        sa.CheckConstraint(
            "state IN ('analyzed', 'answered', 'asking', 'cancelled', 'failed', 'waiting')",
            name=op.f("ck_samples_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('analyzed', 'cancelled', 'failed') OR settled_at IS NOT NULL", name=op.f("ck_samples_ends")
        ),
        sa.CheckConstraint("attempt >= 0", name=op.f("ck_samples_attempt")),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.execution_id"], name=op.f("fk_samples_execution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_samples")),
        sa.UniqueConstraint(
            "execution_id",
            "prompt_no",
            "engine",
            "repeat_no",
            name=op.f("uq_samples_execution_id_prompt_no_engine_repeat_no"),
        ),
    )
    op.create_index("ix_samples_lease", "samples", ["state", "lease_until"], unique=False)
    op.create_index("ix_samples_engine", "samples", ["engine", "sample_id"], unique=False)
    op.create_index("ix_samples_open", "samples", ["state", "sent_at"], unique=False)
    op.create_table(
        "answers",
        sa.Column("sample_id", SERIAL, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("finish", sa.String(length=100), nullable=True),
        sa.Column("served_model", sa.String(length=200), nullable=True),
        sa.Column("search_requested", sa.Boolean(), nullable=False),
        sa.Column("search_executed", sa.Boolean(), nullable=True),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.Column("cost", MONEY, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("cost_basis", sa.String(length=40), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("asked_at", INSTANT, nullable=True),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.Column("http_status", sa.SmallInteger(), nullable=True),
        sa.Column("request", sa.JSON(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("taken_from", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('empty', 'ok', 'refused', 'truncated')", name=op.f("ck_answers_kind")),
        sa.CheckConstraint("(cost IS NULL) = (currency IS NULL)", name=op.f("ck_answers_money")),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.sample_id"], name=op.f("fk_answers_sample_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_answers")),
    )
    op.create_table(
        "attempts",
        sa.Column("sample_id", SERIAL, nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("cost", MONEY, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.sample_id"], name=op.f("fk_attempts_sample_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sample_id", "attempt", name=op.f("pk_attempts")),
    )
    op.create_table(
        "citations",
        sa.Column("sample_id", SERIAL, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("canonical_url", sa.Text(), nullable=False),
        sa.Column("domain", sa.String(length=260), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("cited", sa.Boolean(), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("source_class", sa.String(length=20), nullable=True),
        sa.Column("via", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.sample_id"], name=op.f("fk_citations_sample_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sample_id", "n", name=op.f("pk_citations")),
    )
    op.create_table(
        "findings",
        sa.Column("sample_id", SERIAL, nullable=False),
        sa.Column("brand", sa.String(length=200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.Integer(), nullable=True),
        sa.Column("position", sa.SmallInteger(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("rank_source", sa.String(length=40), nullable=True),
        sa.Column("sentiment", sa.String(length=10), nullable=True),
        sa.Column("recommended", sa.Boolean(), nullable=True),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.CheckConstraint("(count = 0) = (first_at IS NULL)", name=op.f("ck_findings_first_at")),
        sa.CheckConstraint("rank IS NULL OR rank > 0", name=op.f("ck_findings_rank")),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.sample_id"], name=op.f("fk_findings_sample_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sample_id", "brand", name=op.f("pk_findings")),
    )
    op.execute(TASK_QUEUE)


def downgrade() -> None:
    op.execute("DROP VIEW task_queue")
    op.drop_table("api_keys")
    op.drop_table("limits")
    op.drop_table("sweeps")
    op.drop_table("execution_brands")
    op.drop_table("deliveries")
    op.drop_table("reports")
    op.drop_table("citations")
    op.drop_table("findings")
    op.drop_table("answers")
    op.drop_table("attempts")
    op.drop_table("samples")
    op.drop_table("executions")

"""Add what an answer says beyond names: opinions, its type, names nobody tracks; report versions; a judge's verdicts.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
MONEY = sa.Numeric(18, 9).with_variant(sa.String(40), "sqlite")


def upgrade() -> None:
    # never written: how far an answer recommends is `strength`
    op.drop_column("findings", "recommended")
    op.add_column("findings", sa.Column("caveat", sa.Boolean(), nullable=True))
    op.add_column("findings", sa.Column("strength", sa.SmallInteger(), nullable=True))
    op.add_column("findings", sa.Column("known", sa.Boolean(), server_default=sa.true(), nullable=False))
    for name in ("evidence", "elsewhere", "doubtful"):
        op.add_column("findings", sa.Column(name, sa.JSON(), server_default="[]", nullable=False))
    op.create_table(
        "readings",
        sa.Column("sample_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("method_version", sa.String(length=80), nullable=False),
        sa.Column("answer_type", sa.String(length=20), nullable=False),
        sa.Column("injection_suspected", sa.Boolean(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "answer_type IN ('comparison', 'error', 'info', 'recommendation', 'refusal', 'unknown_brand')",
            name=op.f("ck_readings_answer_type"),
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.sample_id"], name=op.f("fk_readings_sample_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_readings")),
    )
    op.add_column("reports", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_table(
        "earlier_reports",
        sa.Column("execution_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("method_version", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("built_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["executions.execution_id"],
            name=op.f("fk_earlier_reports_execution_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("execution_id", "version", name=op.f("pk_earlier_reports")),
    )
    op.create_table(
        "verdicts",
        sa.Column("verdict_key", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("served_model", sa.String(length=200), nullable=True),
        sa.Column("prompt_version", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.JSON(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("cost", MONEY, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("judged_at", INSTANT, nullable=False),
        sa.CheckConstraint("(cost IS NULL) = (currency IS NULL)", name=op.f("ck_verdicts_money")),
        sa.PrimaryKeyConstraint("verdict_key", name=op.f("pk_verdicts")),
    )


def downgrade() -> None:
    op.drop_table("verdicts")
    op.drop_table("earlier_reports")
    op.drop_column("reports", "version")
    op.drop_table("readings")
    for name in ("doubtful", "elsewhere", "evidence", "known", "strength", "caveat"):
        op.drop_column("findings", name)
    op.add_column("findings", sa.Column("recommended", sa.Boolean(), nullable=True))

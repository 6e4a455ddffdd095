"""Add what all workers share about engines (pace, breaker) and about money (reserved, spent).

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
MONEY = sa.Numeric(18, 9).with_variant(sa.String(40), "sqlite")


def upgrade() -> None:
    op.create_table(
        "engine_state",
        sa.Column("scope", sa.String(length=250), nullable=False),
        sa.Column("settings", sa.String(length=32), nullable=True),
        sa.Column("next_at_us", sa.BigInteger(), nullable=False),
        sa.Column("slowed_us", sa.BigInteger(), nullable=False),
        sa.Column("slowed_at", INSTANT, nullable=True),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("open_until", INSTANT, nullable=True),
        sa.Column("open_reason", sa.String(length=40), nullable=True),
        sa.Column("open_message", sa.Text(), nullable=True),
        sa.Column("opened_at", INSTANT, nullable=True),
        sa.Column("openings", sa.SmallInteger(), nullable=False),
        sa.Column("probe_until", INSTANT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", INSTANT, nullable=True),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint("(open_until IS NULL) = (open_reason IS NULL)", name=op.f("ck_engine_state_open")),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_engine_state")),
    )
    op.create_table(
        "budgets",
        sa.Column("budget", sa.String(length=150), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("spent_nano", sa.BigInteger(), nullable=False),
        sa.Column("reserved_nano", sa.BigInteger(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("budget", name=op.f("pk_budgets")),
    )
    op.add_column("attempts", sa.Column("reserved", MONEY, nullable=True))
    op.add_column("attempts", sa.Column("posts", sa.SmallInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("attempts", "posts")
    op.drop_column("attempts", "reserved")
    op.drop_table("budgets")
    op.drop_table("engine_state")

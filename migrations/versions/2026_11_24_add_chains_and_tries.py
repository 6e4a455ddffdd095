"""Add the chain of an execution's answers, and how often its answers and its report were begun.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPEN = sa.text("state IN ('answered', 'asking', 'waiting')")


def upgrade() -> None:
    # null: stored before answers were chained
    op.add_column("answers", sa.Column("content_digest", sa.String(length=64), nullable=True))
    op.add_column("answers", sa.Column("chain_no", sa.Integer(), nullable=True))
    op.create_table(
        "chains",
        sa.Column("execution_id", sa.String(length=36), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.execution_id"], name=op.f("fk_chains_execution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", name=op.f("pk_chains")),
    )
    op.add_column("samples", sa.Column("reads", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("executions", sa.Column("builds", sa.SmallInteger(), server_default="0", nullable=False))
    op.create_index("ix_samples_unsettled", "samples", ["execution_id"], postgresql_where=OPEN, sqlite_where=OPEN)


def downgrade() -> None:
    op.drop_index("ix_samples_unsettled", table_name="samples")
    op.drop_column("executions", "builds")
    op.drop_column("samples", "reads")
    op.drop_table("chains")
    op.drop_column("answers", "chain_no")
    op.drop_column("answers", "content_digest")

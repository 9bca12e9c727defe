"""Erasures that are asked for, and those that were done.

Follows 0003.
"""

import sqlalchemy as sa
from alembic import op

from activities import tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("reference", sa.String(length=18), nullable=False),
        sa.Column("ground", sa.String(length=32), nullable=False),
        sa.Column("file", sa.String(length=40), nullable=True),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("asked_at", tables.Utc(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("erased_at", tables.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_erasures")),
    )


def downgrade() -> None:
    op.drop_table("erasures")

"""The log of every reading of a case, and which of its lines is the newest.

Follows 0002. A log begins empty: who read a case before is not known.
"""

import sqlalchemy as sa
from alembic import op

from activities import tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "readings",
        sa.Column("reference", sa.String(length=18), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=2), nullable=True),
        sa.Column("office", sa.String(length=200), nullable=True),
        sa.Column("what", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("head", sa.String(length=64), nullable=True),
        sa.Column("prev", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("reference", "n", name=op.f("pk_readings")),
    )
    op.create_table(
        "newest_readings",
        sa.Column("reference", sa.String(length=18), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_newest_readings")),
    )


def downgrade() -> None:
    op.drop_table("newest_readings")
    op.drop_table("readings")

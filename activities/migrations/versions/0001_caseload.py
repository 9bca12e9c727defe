"""The caseload: cases, owed acts, holds, marks, and what was told or could not be.

Follows an empty database.
"""

import sqlalchemy as sa
from alembic import op

from activities import tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("reference", sa.String(length=18), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("host_state", sa.String(length=2), nullable=False),
        sa.Column("origin_state", sa.String(length=2), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("solution", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("next_due", tables.Utc(), nullable=True),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("opened_at", tables.Utc(), nullable=False),
        sa.Column("updated_at", tables.Utc(), nullable=False),
        sa.Column("kept_at", tables.Utc(), nullable=False),
        sa.Column("sorts_at", tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_cases")),
    )
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.create_index("ix_cases_host_state_sorts_at", ["host_state", "sorts_at"], unique=False)
        batch_op.create_index("ix_cases_origin_state_sorts_at", ["origin_state", "sorts_at"], unique=False)
        batch_op.create_index("ix_cases_sorts_at_reference", ["sorts_at", "reference"], unique=False)
        batch_op.create_index("ix_cases_stage_sorts_at_reference", ["stage", "sorts_at", "reference"], unique=False)

    op.create_table(
        "child_marks",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=18), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_child_marks")),
        sa.UniqueConstraint("mark", "reference", name=op.f("uq_child_marks_mark_reference")),
    )
    with op.batch_alter_table("child_marks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_child_marks_reference"), ["reference"], unique=False)

    op.create_table(
        "told",
        sa.Column("part", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=18), nullable=False),
        sa.Column("at", tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_told")),
    )
    with op.batch_alter_table("told", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_told_reference"), ["reference"], unique=False)

    op.create_table(
        "untold",
        sa.Column("reference", sa.String(length=18), nullable=False),
        sa.Column("telling", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("first_entry", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=80), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("since", tables.Utc(), nullable=False),
        sa.Column("last_tried", tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "telling", "channel", name=op.f("pk_untold")),
    )
    op.create_table(
        "case_holds",
        sa.Column("hold", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=18), nullable=False),
        sa.ForeignKeyConstraint(
            ["reference"], ["cases.reference"], name=op.f("fk_case_holds_reference_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hold", "reference", name=op.f("pk_case_holds")),
    )
    with op.batch_alter_table("case_holds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_holds_reference"), ["reference"], unique=False)

    op.create_table(
        "owed_acts",
        sa.Column("reference", sa.String(length=18), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=2), nullable=False),
        sa.Column("deadline", sa.String(length=64), nullable=True),
        sa.Column("due", tables.Utc(), nullable=True),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("escalations", sa.Integer(), nullable=False),
        sa.Column("stands_still", sa.Boolean(), nullable=False),
        sa.Column("sorts_at", tables.Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reference"], ["cases.reference"], name=op.f("fk_owed_acts_reference_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reference", "position", name=op.f("pk_owed_acts")),
    )
    with op.batch_alter_table("owed_acts", schema=None) as batch_op:
        batch_op.create_index("ix_owed_acts_overdue_sorts_at", ["overdue", "sorts_at"], unique=False)
        batch_op.create_index("ix_owed_acts_role_state_sorts_at", ["role", "state", "sorts_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("owed_acts", schema=None) as batch_op:
        batch_op.drop_index("ix_owed_acts_role_state_sorts_at")
        batch_op.drop_index("ix_owed_acts_overdue_sorts_at")

    op.drop_table("owed_acts")
    with op.batch_alter_table("case_holds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_holds_reference"))

    op.drop_table("case_holds")
    op.drop_table("untold")
    with op.batch_alter_table("told", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_told_reference"))

    op.drop_table("told")
    with op.batch_alter_table("child_marks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_child_marks_reference"))

    op.drop_table("child_marks")
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.drop_index("ix_cases_stage_sorts_at_reference")
        batch_op.drop_index("ix_cases_sorts_at_reference")
        batch_op.drop_index("ix_cases_origin_state_sorts_at")
        batch_op.drop_index("ix_cases_host_state_sorts_at")

    op.drop_table("cases")

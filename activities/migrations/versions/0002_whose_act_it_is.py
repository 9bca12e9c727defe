"""Of an owed act: the one person who may do it, where there is one; and the two states of its case.

Follows 0001. Rows that stand already name nobody, so that every colleague still sees them: nothing is lost from an
inbox. Each gets its person with the case's next entry, all of them with ``homeward rebuild-caseload``.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATES = ("host", "origin")
_ORDER = ["sorts_at", "reference", "position"]
_WIDE = {
    "ix_owed_acts_host": "host_state",
    "ix_owed_acts_origin": "origin_state",
    "ix_owed_acts_overdue": "overdue",
}


def upgrade() -> None:
    with op.batch_alter_table("owed_acts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person", sa.String(length=64), nullable=True))
        for state in _STATES:
            batch_op.add_column(sa.Column(f"{state}_state", sa.String(length=2), nullable=True))
        batch_op.drop_index("ix_owed_acts_role_state_sorts_at")
        batch_op.drop_index("ix_owed_acts_overdue_sorts_at")
    op.execute(
        "UPDATE owed_acts SET"
        " host_state = (SELECT host_state FROM cases WHERE cases.reference = owed_acts.reference),"
        " origin_state = (SELECT origin_state FROM cases WHERE cases.reference = owed_acts.reference)"
    )
    with op.batch_alter_table("owed_acts", schema=None) as batch_op:
        for state in _STATES:
            batch_op.alter_column(f"{state}_state", existing_type=sa.String(length=2), nullable=False)
        batch_op.create_index("ix_owed_acts_person", ["role", "state", "person", *_ORDER], unique=False)
        for name, first in _WIDE.items():
            batch_op.create_index(name, [first, *_ORDER, "role", "state", "person"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("owed_acts", schema=None) as batch_op:
        for name in ("ix_owed_acts_person", *_WIDE):
            batch_op.drop_index(name)
        batch_op.create_index("ix_owed_acts_overdue_sorts_at", ["overdue", "sorts_at"], unique=False)
        batch_op.create_index("ix_owed_acts_role_state_sorts_at", ["role", "state", "sorts_at"], unique=False)
        for column in ("person", "host_state", "origin_state"):
            batch_op.drop_column(column)

"""Run by alembic: upgrades the database behind the connection that the caseload hands over."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from activities.tables import Base, Utc


def _render(kind: str, thing: Any, _: Any) -> str | Literal[False]:
    # Autogenerate writes names that the new file does not import; the template imports `tables`.
    if kind == "type" and isinstance(thing, Utc):
        return "tables.Utc()"
    return False


connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_item=_render,
    # SQLite cannot alter most things in place.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

"""The caseload's schema, up and down, on both kinds of database."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.engine import make_url

import activities.migrations
from activities.caseload import migration_config
from activities.tables import SCHEMA, Base


@contextmanager
def connect(database: str, tmp_path: Path) -> Generator[Connection]:
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        (tmp_path / "data").mkdir()
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_the_tables_are_what_the_migrations_make(database: str, tmp_path: Path) -> None:
    """From empty to the newest schema, alembic finds nothing left to change."""
    with connect(database, tmp_path) as connection:
        config = migration_config(connection)
        command.upgrade(config, "head")

        command.check(config)

        assert set(Base.metadata.tables) | {"alembic_version"} == set(inspect(connection).get_table_names())


def test_every_step_can_be_taken_back(database: str, tmp_path: Path) -> None:
    """Down to nothing and up again."""
    with connect(database, tmp_path) as connection:
        config = migration_config(connection)
        command.upgrade(config, "head")

        command.downgrade(config, "base")

        assert {"alembic_version"} == set(inspect(connection).get_table_names())
        command.upgrade(config, "head")
        command.check(config)


def test_rows_of_before_name_nobody_and_know_their_case_s_states(database: str, tmp_path: Path) -> None:
    """Who alone may do an act is not known of them, so every colleague goes on seeing them; their case's states are."""
    at = "2026-03-01 10:00:00+00:00"
    with connect(database, tmp_path) as connection:
        config = migration_config(connection)
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO cases (reference, agreement, host_state, origin_state, status, stage, overdue, entries,"
            " refused, opened_at, updated_at, kept_at, sorts_at) VALUES ('MD-UA-2026-000001', 'model', 'MD', 'UA',"
            f" 'open', 'travel', false, 1, 0, '{at}', '{at}', '{at}', '{at}')"
        )
        connection.exec_driver_sql(
            "INSERT INTO owed_acts (reference, position, act, role, state, overdue, escalations, stands_still, sorts_at)"
            f" VALUES ('MD-UA-2026-000001', 0, 'hear_child', 'caseworker', 'MD', false, 0, false, '{at}')"
        )
        connection.commit()

        command.upgrade(config, "head")

        row = connection.exec_driver_sql("SELECT act, person, host_state, origin_state FROM owed_acts").one()
        assert ("hear_child", None, "MD", "UA") == tuple(row)


def test_the_newest_step_is_the_one_that_the_code_expects() -> None:
    """A database that names it is not upgraded, so the constant must not lag behind."""
    folder = Path(activities.migrations.__file__).parent

    assert [SCHEMA] == ScriptDirectory(str(folder)).get_heads()

"""Write the next migration: compare the newest schema with the tables and put the difference into a file."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from activities.caseload import migration_config


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit('usage: python -m activities.migrations "what changed"')
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'empty.db'}")
        with engine.begin() as connection:
            config = migration_config(connection)
            command.upgrade(config, "head")
            number = len(list((Path(__file__).parent / "versions").glob("[0-9]*.py"))) + 1
            command.revision(config, sys.argv[1], autogenerate=True, rev_id=f"{number:04}")
        engine.dispose()


if __name__ == "__main__":
    main()
